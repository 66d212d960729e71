// The list beside the map: filters, decisions for all, pages of cards, and the keys of a card.

import { fill, h } from "./dom.js";
import { changeCard, findingList } from "./review_changes.js";
import { lineageList } from "./review_lineage.js";
import { w } from "./review_words.js";
import { number } from "./words.js";

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Tally} Tally */
/** @typedef {import("./review_types").Draft} Draft */
/** @typedef {import("./review_changes.js").Around} Around */
/** @typedef {"all" | "add" | "modify" | "delete" | "undecided" | "clashing"} Filter */

export const PAGE = 100;

/**
 * What the list shows and whom it asks.
 * @typedef {object} ListState
 * @property {Filter} filter
 * @property {number} offset
 * @property {number} matched
 * @property {Change[]} changes
 * @property {Tally} tally
 * @property {number} clashing
 * @property {boolean} mayReview
 * @property {Draft["report"]} report
 * @property {(fid: string) => Around} aroundOf
 * @property {(filter: Filter, offset: number) => void} turn
 * @property {((decision: "accept" | "reject") => void) | null} decideAll
 * @property {(point: [number, number]) => void} mark
 * @property {(group: import("./review_types").Lineage) => void} [showGroup]
 */

/**
 * @param {HTMLElement} element
 * @param {ListState} state
 */
export function renderList(element, state) {
  const cards = state.changes.map((change) => changeCard(change, state.aroundOf(change.fid)));
  fill(
    element,
    h("div", { class: "list-bar" }, filters(state), state.decideAll ? bulk(state) : null),
    lineageList(state.report.lineage ?? [], (group) => state.showGroup?.(group)),
    reportNotes(state),
    h("div", { class: "cards-of-changes" }, ...(cards.length ? cards : [h("p", { class: "empty" }, w("none"))])),
    pages(state),
    state.mayReview && cards.length ? h("p", { class: "muted keys" }, w("shortcuts")) : null,
  );
  element.setAttribute("aria-busy", "false");
  for (const card of cards) card.addEventListener("keydown", (event) => onKey(/** @type {KeyboardEvent} */ (event), card, state));
}

/** @param {ListState} state */
function filters(state) {
  const { tally } = state;
  /** @type {[Filter, number][]} */
  const all = [
    ["all", tally.total],
    ["add", tally.operations.add ?? 0],
    ["modify", tally.operations.modify ?? 0],
    ["delete", tally.operations.delete ?? 0],
  ];
  if (state.mayReview) all.push(["undecided", tally.decisions.undecided ?? 0]);
  if (state.clashing) all.push(["clashing", state.clashing]);
  const chip = ([key, count] = /** @type {[Filter, number]} */ (["all", 0])) =>
    h("button", { type: "button", class: `chip ${key}`, "aria-pressed": String(key === state.filter), onclick: () => state.turn(key, 0) }, w(key === "clashing" ? "clash" : key), " ", h("b", {}, number(count, 0)));
  return h("div", { class: "chips", role: "group", "aria-label": w("filter") }, ...all.filter(([key, count]) => count || key === "all").map(chip));
}

/** @param {ListState} state */
function bulk(state) {
  const button = (/** @type {"accept" | "reject"} */ decision) =>
    h("button", { type: "button", class: "button", onclick: () => state.decideAll?.(decision) }, w(decision === "accept" ? "acceptAll" : "rejectAll"));
  return h("div", { class: "bulk" }, button("accept"), button("reject"));
}

/** What the checks said of the whole file. @param {ListState} state */
function reportNotes({ report, mark }) {
  const general = (report.findings ?? []).filter((finding) => !finding.fid);
  const notes = findingList(general, { mark });
  return notes && h("details", { class: "report" }, h("summary", {}, `${w("findings")} ${general.length}`), notes);
}

/** @param {ListState} state */
function pages({ offset, matched, filter, turn }) {
  if (matched <= PAGE) return null;
  const button = (/** @type {string} */ words, /** @type {number} */ to) =>
    h("button", { type: "button", class: "button", disabled: to < 0 || to >= matched, onclick: () => turn(filter, to) }, words);
  const range = `${number(offset + 1, 0)}–${number(Math.min(offset + PAGE, matched), 0)} / ${number(matched, 0)}`;
  return h("div", { class: "toolbar pages" }, button(w("previous"), offset - PAGE), h("span", {}, range), button(w("next"), offset + PAGE));
}

/**
 * Keys of a card that has the focus itself: a single letter never acts while something inside it is used.
 * @param {KeyboardEvent} event
 * @param {HTMLElement} card
 * @param {ListState} state
 */
function onKey(event, card, state) {
  if (event.target !== card || event.ctrlKey || event.metaKey || event.altKey) return;
  const fid = card.dataset.fid ?? "";
  const around = state.aroundOf(fid);
  const neighbour = { j: card.nextElementSibling, k: card.previousElementSibling }[event.key];
  if (neighbour instanceof HTMLElement && neighbour.dataset.fid) {
    neighbour.focus();
    around.go(neighbour.dataset.fid);
  } else if (event.key === "Enter") around.go(fid);
  else if (event.key === "a" && around.mayReview) around.decide(fid, "accept");
  else if (event.key === "r" && around.mayReview) around.decide(fid, "reject");
  else return;
  event.preventDefault();
}
