// What a dry run found, as sections of the upload page: facts, findings, coordinates, encoding, fields.

import { h } from "./dom.js";
import { joined } from "./review_words.js";
import { sketchReading } from "./upload_sketch.js";
import { FIGURES, w } from "./upload_words.js";
import { english, number, said } from "./words.js";

/** @typedef {(key: string, value: any) => void} Choose called with an option of the dry run; examines again */

const LEVELS = { block: "bad", acknowledge: "warn", warn: "warn", fixed: "ok" };
const LEVEL_WORDS = { block: ["阻断", "Blocking"], acknowledge: ["须确认", "Acknowledge"], warn: ["提示", "Note"], fixed: ["已修正", "Fixed"] };
const MOST = 200;

/**
 * @param {string} title
 * @param {...import("./dom.js").Children} children
 */
function section(title, ...children) {
  return h("section", { class: "upload-part" }, h("h2", {}, title), ...children);
}

/**
 * Format, encoding and coordinates in one line, and the figures.
 * @param {any} result
 * @param {string} file
 * @param {Choose} choose
 */
export function facts(result, file, choose) {
  const crs = result.crs?.used ? said(result.crs_choices[result.crs.used] ?? { zh: result.crs.used, en: result.crs.used }) : "";
  const entries = [file, result.format, result.member, result.encoding?.encoding, crs].filter(Boolean);
  const figures = FIGURES.map((key) => h("li", { class: "stat" }, h("b", {}, number(result.tally[key] ?? 0, 0)), h("span", {}, w(`tally-${key}`))));
  const layers = result.layers.length > 1 ? chooser("source_layer", w("source"), result.layers, result.layer, choose) : null;
  return h("section", {}, h("p", { class: "upload-facts muted" }, entries.join(" · ")), layers, result.readable ? h("ul", { class: "stats" }, ...figures) : null);
}

/**
 * @param {any} result
 * @param {string} job
 * @param {(point: number[]) => void} mark
 */
export function findings(result, job, mark) {
  const found = result.findings;
  if (!found.length) return section(w("findings"), h("p", { class: "note ok" }, w("none")));
  const items = found.slice(0, MOST).map((/** @type {any} */ f) => finding(f, mark));
  const path = `/api/examinations/${encodeURIComponent(job)}/findings`;
  const files = h("p", { class: "toolbar" }, h("a", { class: "button", href: `${path}.csv` }, w("csv")), h("a", { class: "button", href: `${path}.gpkg` }, w("gpkg")));
  return section(`${w("findings")} ${number(found.length, 0)}`, h("ul", { class: "upload-findings" }, ...items), files);
}

/**
 * @param {any} f
 * @param {(point: number[]) => void} mark
 */
function finding(f, mark) {
  const level = /** @type {keyof typeof LEVELS} */ (f.level);
  const [x, y] = f.point ?? [0, 0];
  const show = (/** @type {MouseEvent} */ event) => {
    if (!document.querySelector("#review-map")) return;
    event.preventDefault();
    mark(f.point);
  };
  const place = f.point ? h("a", { href: `/#17/${y}/${x}`, onclick: show }, w("onMap")) : null;
  return h("li", { class: level }, h("span", { class: `badge ${LEVELS[level]}` }, LEVEL_WORDS[level][english ? 1 : 0]), h("span", {}, english ? f.en : f.zh, " ", place));
}

/**
 * The doctor's reason in words, and each reading on a small map of the district.
 * @param {any} result
 * @param {Choose} choose
 */
export function coordinates(result, choose) {
  const verdict = result.crs;
  if (!verdict) return null;
  const shares = Object.fromEntries([...verdict.shares].map((/** @type {any} */ s) => [s.key, s.district]));
  const readings = verdict.previews.slice(0, 2).map((/** @type {any} */ p) => reading(p, verdict, result.outline, shares[p.key], choose));
  const options = Object.keys(result.crs_choices);
  const titles = Object.fromEntries(options.map((key) => [key, said(result.crs_choices[key])]));
  const blocked = !verdict.used || verdict.state === "shifted";
  return section(
    w("crs"),
    h("p", { class: `note ${blocked ? "bad" : "ok"}` }, said(verdict.reason), verdict.declared ? h("small", { class: "muted" }, ` ${w("declared")}: ${verdict.declared.slice(0, 80)}`) : null),
    readings.length ? h("div", { class: "readings" }, ...readings) : null,
    h("details", { open: blocked && !verdict.proposed }, h("summary", {}, w("crsOther")), chooser("crs", w("crs"), options, verdict.proposed || verdict.used, choose, titles)),
  );
}

/**
 * @param {any} preview
 * @param {any} verdict
 * @param {any} outline
 * @param {number | undefined} share
 * @param {Choose} choose
 */
function reading(preview, verdict, outline, share, choose) {
  const used = preview.key === verdict.used && verdict.state !== "shifted";
  const title = said(preview.title);
  const inside = !preview.points.length ? w("nowhere") : share === undefined ? "" : joined(`${number(100 * share, 0)}%`, w("inDistrict"));
  return h(
    "figure",
    { class: used ? "reading used" : "reading" },
    sketchReading(preview.points, outline, title),
    h("figcaption", {}, h("b", {}, title), inside ? h("span", { class: "muted" }, inside) : null),
    used ? h("span", { class: "badge ok" }, w("inUse")) : h("button", { class: "button", type: "button", onclick: () => choose("crs", preview.key) }, w("use")),
  );
}

/**
 * The first five texts in every encoding.
 * @param {any} result
 * @param {Choose} choose
 */
export function encoding(result, choose) {
  const found = result.encoding;
  if (!found?.previews.length) return null;
  const head = found.previews.map((/** @type {any} */ p) => h("th", { scope: "col" }, p.encoding, " ", p.encoding === found.encoding ? h("span", { class: "badge ok" }, w("inUse")) : null));
  const count = Math.max(...found.previews.map((/** @type {any} */ p) => p.texts.length));
  const rows = Array.from({ length: count }, (_, i) => h("tr", {}, ...found.previews.map((/** @type {any} */ p) => h("td", {}, p.texts[i] ?? ""))));
  const foot = found.previews.map((/** @type {any} */ p) =>
    h("td", {}, p.encoding === found.encoding ? null : h("button", { class: "button", type: "button", onclick: () => choose("encoding", p.encoding) }, w("again"), h("span", { class: "quiet" }, ` ${p.encoding}`))),
  );
  const table = h("table", { class: "data" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows, h("tr", {}, ...foot)));
  const wrong = found.sure ? "" : " warn";
  return h("details", { class: `upload-part${wrong}`, open: !found.sure }, h("summary", {}, h("h2", {}, w("encoding")), ` ${found.encoding} · ${w("preview")}`), scroll(w("encoding"), table));
}

/**
 * Where each field of the file goes, and why; a change is remembered for the layer once a draft is made.
 * @param {any} result
 * @param {Choose} choose
 */
export function mapping(result, choose) {
  if (!result.mapping.length) return null;
  const titles = Object.fromEntries(result.fields.map((/** @type {any} */ f) => [f.key, said(f.title)]));
  const head = [w("from"), w("target"), w("how"), w("samples")].map((text) => h("th", { scope: "col" }, text));
  const rows = result.mapping.map((/** @type {any} */ m) =>
    h("tr", {}, h("th", { scope: "row" }, m.source), h("td", {}, m.how === "reserved" ? w("known") : target(m, titles)), h("td", { class: "muted" }, w(`how-${m.how}`)), h("td", { class: "muted" }, m.samples.join("；"))),
  );
  const table = h("table", { class: "data" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  const again = () => choose("mapping", chosenTargets(table));
  const open = result.mapping.some((/** @type {any} */ m) => m.how === "none" || m.how === "ambiguous");
  return h(
    "details",
    { class: "upload-part", open },
    h("summary", {}, h("h2", {}, w("mapping")), ` ${number(result.mapping.length, 0)}`),
    scroll(w("mapping"), table),
    h("p", {}, h("button", { class: "button", type: "button", onclick: again }, w("again"))),
  );
}

/**
 * @param {any} mapped
 * @param {Record<string, string>} titles
 */
function target(mapped, titles) {
  const options = [["", w("asIs")], ["GS_ID", w("asId")], ...Object.entries(titles)].map(([key, title]) => h("option", { value: key, selected: key === mapped.target }, title));
  return h("select", { "aria-label": `${mapped.source} → ${w("target")}`, data: { source: mapped.source } }, ...options);
}

/** @param {HTMLElement} table */
function chosenTargets(table) {
  const selects = /** @type {HTMLSelectElement[]} */ ([...table.querySelectorAll("select")]);
  return Object.fromEntries(selects.map((s) => [s.dataset.source ?? "", s.value]));
}

/**
 * @param {string} label
 * @param {HTMLElement} table
 */
function scroll(label, table) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
}

/**
 * @param {string} key
 * @param {string} label
 * @param {string[]} options
 * @param {string} current
 * @param {Choose} choose
 * @param {Record<string, string>} [titles]
 */
function chooser(key, label, options, current, choose, titles = {}) {
  const select = h("select", { "aria-label": label }, ...options.map((o) => h("option", { value: o, selected: o === current }, titles[o] ?? o)));
  return h("p", { class: "toolbar" }, select, h("button", { class: "button", type: "button", onclick: () => choose(key, select.value) }, w("again")));
}
