// Cards of changes: what was, what shall be, what the checks and people said of it, and the decision.

import { h, icon } from "./dom.js";
import { dayOf, plainValue, valueWithUnit } from "./format.js";
import { conflictCard } from "./review_conflict.js";
import { movedText, shapeText } from "./review_geometry.js";
import { Kept } from "./review_kept.js";
import { lineageOf } from "./review_lineage.js";
import { pictures } from "./review_pictures.js";
import { w } from "./review_words.js";
import { english, said } from "./words.js";

/** @typedef {import("./types").Layer} Layer */
/** @typedef {import("./types").Value} Value */
/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Decision} Decision */
/** @typedef {import("./review_types").Finding} Finding */
/** @typedef {import("./review_types").Comment} Comment */
/** @typedef {import("./review_types").Side} Side */

/**
 * What a card may do and what stands beside the change.
 * @typedef {object} Around
 * @property {Layer} info
 * @property {boolean} mayReview
 * @property {Finding[]} findings
 * @property {import("./review_types").Lineage[]} lineage
 * @property {Comment[]} comments
 * @property {(fid: string) => void} go
 * @property {(fid: string, decision: Decision) => void} decide
 * @property {(fid: string, choices: Record<string, Side>) => void} settle
 * @property {(geometry: GeoJSON.Geometry) => void} preview
 * @property {((fid: string, text: string) => void) | null} say
 * @property {import("./review_kept.js").Kept} kept
 * @property {(point: [number, number]) => void} mark
 */

/**
 * Cards that are only looked at: in a comparison, in a dry run.
 * @param {Layer} info
 * @param {{go: (fid: string) => void, findings?: Finding[], lineage?: import("./review_types").Lineage[], mark?: (point: [number, number]) => void}} rest
 * @returns {Around}
 */
export function onlyLooking(info, { go, findings = [], lineage = [], mark = () => {} }) {
  return { info, mayReview: false, findings, lineage, comments: [], go, decide: () => {}, settle: () => {}, preview: () => {}, say: null, mark, kept: new Kept() };
}

const BADGES = { add: "ok", modify: "brand-badge", delete: "bad" };

/**
 * @param {Change} change
 * @param {Around} around
 */
export function changeCard(change, around) {
  const open = around.mayReview && change.clashes.length > 0 && change.decision !== "reject";
  const card = h(
    "article",
    { class: `change op-${change.operation}`, tabindex: "-1", data: { fid: change.fid, decision: change.decision }, "aria-label": `${w(change.operation)} ${change.name}` },
    h(
      "header",
      {},
      h("button", { type: "button", class: "go", title: w("go"), onclick: () => around.go(change.fid) }, icon("pin", 15), h("b", {}, change.name), h("code", {}, change.fid)),
      h("span", { class: `badge ${BADGES[change.operation]}` }, w(change.operation)),
      change.clashes.length ? h("span", { class: "badge warn" }, w("clash")) : null,
      around.mayReview ? decisionButtons(change, around) : decisionBadge(change),
    ),
    change.settled && around.mayReview ? h("p", { class: "muted" }, w("noChange")) : null,
    lineageOf(change.fid, around.lineage, around.go),
    cells(change, around.info),
    open ? conflictCard(change, around) : null,
    findingList(around.findings, around),
    talk(change, around),
  );
  return card;
}

/**
 * @param {Change} change
 * @param {Around} around
 */
function decisionButtons(change, around) {
  const button = (/** @type {"accept" | "reject"} */ decision) =>
    h(
      "button",
      {
        type: "button",
        class: `decide ${decision}`,
        "aria-pressed": String(change.decision === decision),
        onclick: () => around.decide(change.fid, change.decision === decision ? "" : decision),
      },
      w(decision),
    );
  return h("div", { class: "decisions", role: "group", "aria-label": `${w("decide")} ${change.name}` }, button("accept"), button("reject"));
}

/** @param {Change} change */
function decisionBadge({ decision }) {
  if (!decision) return null;
  return h("span", { class: `badge ${decision === "accept" ? "ok" : "bad"}` }, w(decision));
}

/**
 * Changed values side by side; of a feature that comes or goes, the filled ones.
 * @param {Change} change
 * @param {Layer} info
 */
function cells(change, info) {
  const keys = change.operation === "modify" ? change.fields : [...filledKeys(change, info), "geometry"];
  if (!keys.length) return null;
  const head = change.operation === "modify" ? h("tr", {}, h("th", { scope: "col" }, w("field")), h("th", { scope: "col" }, w("oldValue")), h("th", { scope: "col" }, w("newValue"))) : null;
  const rows = keys.map((key) => (key === "geometry" ? shapeRow(change) : valueRow(change, info, key)));
  const table = h("table", { class: `cells ${change.operation}` }, h("caption", { class: "quiet" }, `${w("changedCells")}: ${change.name}`), head ? h("thead", {}, head) : null, h("tbody", {}, ...rows));
  if (change.operation === "modify" || keys.length < 6) return table;
  return h("details", {}, h("summary", {}, shapeText((change.after ?? change.before)?.geometry)), table);
}

/**
 * @param {Change} change
 * @param {Layer} info
 */
function filledKeys(change, info) {
  const properties = (change.after ?? change.before)?.properties ?? {};
  return [...info.fields.map((f) => f.key), "attachments"].filter((key) => properties[key] !== null && properties[key] !== undefined && properties[key] !== "");
}

/**
 * @param {Change} change
 * @param {Layer} info
 * @param {string} key
 */
function valueRow(change, info, key) {
  const [before, after] = [change.before?.properties[key], change.after?.properties[key]];
  if (key === "attachments") return row(w("attachments"), change, pictures(info.id, change.fid, before), pictures(info.id, change.fid, after));
  return row(fieldTitle(info, key), change, shown(info, key, before), shown(info, key, after));
}

/** @param {Change} change */
function shapeRow(change) {
  const [before, after] = [change.before?.geometry, change.after?.geometry];
  const moved = movedText(before, after);
  return row(w("geometry"), change, shapeText(before), [shapeText(after), moved].filter(Boolean).join(" · "));
}

/**
 * @param {string} title
 * @param {Change} change
 * @param {string | HTMLElement} before
 * @param {string | HTMLElement} after
 */
function row(title, { operation }, before, after) {
  const old = h("td", { class: "old" }, h("del", {}, before));
  const now = h("td", { class: "new" }, h("ins", {}, after));
  return h("tr", {}, h("th", { scope: "row" }, title), operation === "add" ? null : old, operation === "delete" ? null : now);
}

/**
 * @param {Layer} info
 * @param {string} key
 */
export function fieldTitle(info, key) {
  if (key === "geometry") return w("geometry");
  if (key === "existence") return w("existence");
  const field = info.fields.find((f) => f.key === key);
  return field ? said(field.title) : key;
}

/**
 * A value as people read it.
 * @param {Layer} info
 * @param {string} key
 * @param {Value} value
 */
export function shown(info, key, value) {
  if (value === null || value === undefined || value === "") return w("empty");
  const field = info.fields.find((f) => f.key === key);
  if (!field) return String(value);
  return field.unit ? valueWithUnit(field, value) : plainValue(field, value);
}

/**
 * @param {Finding[]} findings
 * @param {{mark: (point: [number, number]) => void}} around
 */
export function findingList(findings, { mark }) {
  if (!findings.length) return null;
  return h("ul", { class: "findings" }, ...findings.map((finding) => findingItem(finding, mark)));
}

/**
 * @param {Finding} finding
 * @param {(point: [number, number]) => void} mark
 */
function findingItem(finding, mark) {
  const { point } = finding;
  const level = { block: "bad", acknowledge: "warn", warn: "plain", fixed: "ok" }[finding.level];
  const place = point ? h("button", { type: "button", class: "link", onclick: () => mark(point) }, w("mapPlace")) : null;
  return h("li", {}, h("span", { class: `badge ${level}` }, w(`level_${finding.level}`)), " ", english ? finding.en : finding.zh, " ", place);
}

/**
 * @param {Change} change
 * @param {Around} around
 */
function talk(change, { comments, say, kept }) {
  const lines = comments.map((c) => h("p", { class: "said" }, h("b", {}, c.name), " ", h("time", { class: "muted", datetime: c.at }, dayOf(c.at)), " ", c.text));
  if (!say) return lines.length ? h("div", { class: "talk" }, ...lines) : null;
  const input = h("input", { name: "comment", maxlength: "2000", required: true, "aria-label": `${w("commentFeature")}: ${change.name}`, placeholder: w("commentFeature"), value: kept.comment(change.fid), oninput: () => kept.type(change.fid, input.value) });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (input.value.trim()) say(change.fid, input.value.trim());
  };
  const form = h("form", { class: "say-short", onsubmit: submit }, input, h("button", { type: "submit", class: "button" }, w("commentSend")));
  return h("details", { class: "talk", open: lines.length > 0 || kept.comment(change.fid) !== "" }, h("summary", {}, `${w("comment")}${lines.length ? ` ${lines.length}` : ""}`), ...lines, form);
}
