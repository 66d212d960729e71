// Splits and merges: which features came of which, in a table beside the map and in a line on each card.

import { h, icon } from "./dom.js";
import { joined, w } from "./review_words.js";
import { number } from "./words.js";

/** @typedef {import("./review_types").Lineage} Lineage */
/** @typedef {import("./review_types").Parent} Parent */
/** @typedef {import("./review_types").Child} Child */

/** Groups shown at once; the findings tell of more. */
const MOST = 50;

/**
 * @param {Lineage[]} groups
 * @param {(group: Lineage) => void} show puts a group on the map
 */
export function lineageList(groups, show) {
  if (!groups.length) return null;
  const section = h("section", { class: "lineage", "aria-label": w("lineage") }, h("h3", {}, w("lineage"), " ", h("small", {}, String(groups.length))));
  section.append(...groups.slice(0, MOST).map((group) => groupTable(group, show)));
  return section;
}

/**
 * @param {Lineage} group
 * @param {(group: Lineage) => void} show
 */
function groupTable(group, show) {
  const { kind, parents, children } = group;
  const heirs = new Set(children.map((child) => child.fid));
  const head = h("tr", {}, ...[w("feature"), w("area"), w("outcome")].map((text, i) => h("th", { scope: "col", class: i === 1 ? "number" : "" }, text)));
  const table = h(
    "table",
    { class: "lineage-table" },
    h("caption", { class: "quiet" }, titleOf(group)),
    h("thead", {}, head),
    h("tbody", {}, ...parents.map((parent) => parentRow(parent, heirs))),
    h("tbody", {}, ...children.map((child) => childRow(child, parents))),
  );
  const lies = parents.some((parent) => parent.fate === "stays");
  return h(
    "article",
    { class: "lineage-group", data: { kind } },
    h("header", {}, h("span", { class: "badge warn" }, w(kind)), h("b", {}, titleOf(group)), h("button", { type: "button", class: "link", onclick: () => show(group) }, icon("pin", 14), " ", w("showGroup"))),
    table,
    lies ? h("p", { class: "hint" }, w("liesUnder")) : null,
  );
}

/** @param {Lineage} group */
function titleOf({ kind, parents, children }) {
  if (kind === "split") return `${nameOf(parents[0])} → ${children.length}`;
  return `${parents.length} → ${nameOf(children[0])}`;
}

/** @param {Parent | Child} one */
function nameOf(one) {
  return one.name || one.fid || ("row" in one ? joined(w("row"), one.row) : "");
}

/**
 * @param {Parent} parent
 * @param {Set<string>} heirs
 */
function parentRow(parent, heirs) {
  const outcome = heirs.has(parent.fid) ? "goesOn" : parent.fate === "changed" ? "goesOnElsewhere" : parent.fate;
  return tableRow("was", parent, h("span", { class: parent.fate === "stays" ? "badge warn" : "" }, w(outcome)));
}

/**
 * @param {Child} child
 * @param {Parent[]} parents
 */
function childRow(child, parents) {
  const outcome = !child.fid ? "leftOut" : parents.some((parent) => parent.fid === child.fid) ? "keepsId" : "newId";
  return tableRow("becomes", child, h("span", {}, w(outcome), h("small", { class: "muted" }, ` ${joined(w("row"), child.row)}`)));
}

/**
 * @param {"was" | "becomes"} role
 * @param {Parent | Child} one
 * @param {HTMLElement} outcome
 */
function tableRow(role, one, outcome) {
  const named = h("th", { scope: "row" }, h("span", { class: "quiet" }, w(role)), h("b", {}, nameOf(one)), " ", one.fid ? h("code", {}, one.fid) : null);
  return h("tr", { class: role }, named, h("td", { class: "number" }, `${number(one.area_m2, one.area_m2 < 100 ? 1 : 0)} m²`), h("td", {}, outcome));
}

/**
 * Lines of a card: what this feature came of, or what came of it.
 * @param {string} fid
 * @param {Lineage[]} groups
 * @param {(fid: string) => void} go
 */
export function lineageOf(fid, groups, go) {
  const of = groups.filter(({ parents, children }) => [...parents, ...children].some((one) => one.fid === fid));
  return of.map((group) => {
    const { kind, parents, children } = group;
    const others = [...new Map([...parents, ...children].filter((one) => one.fid && one.fid !== fid).map((one) => [one.fid, one])).values()];
    const lead = children.some((child) => child.fid === fid) ? (kind === "split" ? "splitFrom" : "mergedFrom") : kind === "split" ? "splitInto" : "mergedInto";
    return h("p", { class: "lineage-of" }, h("span", { class: "badge warn" }, w(kind)), " ", w(lead), " ", ...others.slice(0, 12).map((one) => h("button", { type: "button", class: "link", onclick: () => go(one.fid) }, nameOf(one))));
  });
}
