// The list of what a dry run proposes: kinds to choose from, cards, pages.

import { h, icon } from "./dom.js";
import { changeCard, findingList } from "./review_changes.js";
import { w as words } from "./review_words.js";
import { w } from "./upload_words.js";
import { number } from "./words.js";

/** @typedef {"all" | "add" | "modify" | "delete" | "unchanged" | "split" | "merge"} Kind */
/** @typedef {import("./review_types").Change & {row: number, how: string}} Proposal */
/** @typedef {(kind: Kind, offset: number) => void} Turn */

export const PAGE = 50;
/** @type {Kind[]} */
const KINDS = ["all", "add", "modify", "delete", "unchanged", "split", "merge"];

/**
 * A button for each kind there is, with how many.
 * @param {any} page
 * @param {Turn} turn
 */
export function kindBar(page, turn) {
  const there = KINDS.filter((kind) => page.counts[kind] || kind === page.kind || kind === "all");
  const chip = (/** @type {Kind} */ kind) =>
    h("button", { type: "button", class: `chip ${kind}`, "aria-pressed": String(kind === page.kind), data: { turn: kind }, onclick: () => turn(kind, 0) }, w(`kind-${kind}`), " ", h("b", {}, number(page.counts[kind], 0)));
  return h("div", { class: "chips", role: "group", "aria-label": words("filter") }, ...there.map(chip));
}

/**
 * A change as the review desk shows it, with the row it comes from and how its feature was recognised.
 * @param {Proposal} proposal
 * @param {import("./review_changes.js").Around} around
 */
export function proposalCard(proposal, around) {
  const card = String(proposal.operation) === "unchanged" ? unchangedCard(proposal, around) : changeCard(proposal, around);
  const from = [proposal.row ? w("fileRow").replace("{n}", number(proposal.row, 0)) : w("notInFile"), proposal.how ? w(`method-${proposal.how}`) : ""];
  card.querySelector("header")?.after(h("p", { class: "muted from" }, from.filter(Boolean).join(" · ")));
  return card;
}

/**
 * @param {Proposal} proposal
 * @param {import("./review_changes.js").Around} around
 */
function unchangedCard({ fid, name }, around) {
  const go = h("button", { type: "button", class: "go", title: words("go"), onclick: () => around.go(fid) }, icon("pin", 15), h("b", {}, name), h("code", {}, fid));
  return h("article", { class: "change", tabindex: "-1", data: { fid }, "aria-label": `${w("kind-unchanged")} ${name}` }, h("header", {}, go, h("span", { class: "badge" }, w("kind-unchanged"))), findingList(around.findings, around));
}

/**
 * Where in all of them this page is, and the way to the first, previous, next and last.
 * @param {any} page
 * @param {Turn} turn
 */
export function pager({ kind, matched, offset }, turn) {
  if (matched <= PAGE) return null;
  const last = Math.floor((matched - 1) / PAGE) * PAGE;
  const button = (/** @type {string} */ text, /** @type {string} */ name, /** @type {number} */ to, /** @type {boolean} */ off) =>
    h("button", { type: "button", class: "button", disabled: off, data: { turn: name }, onclick: () => turn(kind, to) }, text);
  const range = `${number(offset + 1, 0)}–${number(Math.min(offset + PAGE, matched), 0)} / ${number(matched, 0)}`;
  return h(
    "div",
    { class: "toolbar pages" },
    button(w("first"), "first", 0, offset === 0),
    button(words("previous"), "previous", offset - PAGE, offset === 0),
    h("span", {}, range),
    button(words("next"), "next", offset + PAGE, offset >= last),
    button(w("last"), "last", last, offset >= last),
  );
}
