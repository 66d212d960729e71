// The upload page: send a file, watch the dry run, see what was found, choose, make a draft.

import { $, fill, h } from "./dom.js";
import { english, said } from "./words.js";
import { sketchChanges, sketchReadings } from "./upload_sketch.js";

const W = {
  again: ["按此重新预检", "Examine again so"],
  asIs: ["（不导入）", "(leave out)"],
  cancel: ["取消", "Cancel"],
  changes: ["变化", "Changes"],
  count: ["数量", "Count"],
  crs: ["坐标系", "Coordinate system"],
  csv: ["下载问题清单 CSV", "Findings as CSV"],
  draft: ["生成变更单", "Make a draft"],
  encoding: ["编码", "Encoding"],
  field: ["字段", "Field"],
  findings: ["问题", "Findings"],
  format: ["格式", "Format"],
  from: ["文件字段", "Field of the file"],
  known: ["用于识别要素", "recognises features"],
  later: ["修改后", "After"],
  mapping: ["字段对应", "Fields"],
  none: ["没有发现问题。", "Nothing is wrong."],
  nothing: ["与现有数据没有差别。", "Nothing differs from what there is."],
  note: ["变更说明", "What and why"],
  position: ["前面还有", "Before it in the queue"],
  samples: ["示例", "Samples"],
  sending: ["正在上传", "Sending"],
  source: ["子图层", "Layer of the file"],
  to: ["对应到", "Goes to"],
  was: ["修改前", "Before"],
};

/** @param {keyof typeof W} key */
const w = (key) => W[key][english ? 1 : 0];
const TALLY = {
  rows: ["读到行数", "rows read"],
  accepted: ["可用", "usable"],
  added: ["新增", "added"],
  modified: ["修改", "modified"],
  deleted: ["删除", "deleted"],
  unchanged: ["未变", "unchanged"],
};

const root = $("#upload");
const csrf = root.dataset.csrf ?? "";
/** @type {{kept: string, job: string, timer: number, options: Record<string, any>, fields: any[]}} */
const state = { kept: "", job: "", timer: 0, options: {}, fields: [] };

/**
 * @param {string} url
 * @param {string} method
 * @param {any} [body]
 */
async function call(url, method, body) {
  const response = await fetch(url, {
    method,
    headers: { "X-CSRF-Token": csrf, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? String(response.status));
  return answer;
}

/** @param {File} file */
function send(file) {
  const request = new XMLHttpRequest();
  request.open("POST", "/api/uploads");
  request.setRequestHeader("X-CSRF-Token", csrf);
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (event) => showProgress(w("sending"), event.loaded, event.total);
  request.onload = () => {
    const answer = JSON.parse(request.responseText || "{}");
    if (request.status !== 201) return showError(answer.detail ?? String(request.status));
    state.kept = answer.id;
    state.options = {};
    examine();
  };
  request.onerror = () => showError(english ? "The connection was lost." : "连接中断，请重试。");
  fill($("#result"));
  request.send(file);
}

async function examine() {
  const layer = /** @type {HTMLSelectElement} */ ($("#layer")).value;
  const mode = /** @type {HTMLSelectElement} */ ($("#mode")).value;
  try {
    const begun = await call(`/api/uploads/${state.kept}/examinations`, "POST", { layer, mode, ...state.options });
    state.job = begun.job;
    poll();
  } catch (error) {
    showError(String(/** @type {Error} */ (error).message));
  }
}

async function poll() {
  clearTimeout(state.timer);
  try {
    const response = await fetch(`/api/examinations/${state.job}`, { headers: { Accept: "application/json" } });
    const found = await response.json();
    if (found.result) return show(found.result);
    const { stage, done, total } = found.progress;
    showProgress(found.position ? `${w("position")} ${found.position}` : stage, done, total, true);
    state.timer = setTimeout(poll, 300);
  } catch (error) {
    showError(String(/** @type {Error} */ (error).message));
  }
}

/**
 * @param {string} text
 * @param {number} done
 * @param {number} total
 * @param {boolean} [stoppable]
 */
function showProgress(text, done, total, stoppable = false) {
  const bar = h("progress", total ? { max: total, value: done, "aria-label": text } : { "aria-label": text });
  const stop = h("button", { class: "button", type: "button", onclick: () => call(`/api/examinations/${state.job}`, "DELETE") }, w("cancel"));
  fill($("#progress"), h("p", {}, text), bar, stoppable ? stop : null);
}

/** @param {string} text */
function showError(text) {
  fill($("#progress"), h("p", { class: "note", role: "alert" }, text));
}

/** @param {any} result */
function show(result) {
  state.fields = result.fields;
  fill($("#progress"));
  fill(
    $("#result"),
    facts(result),
    tally(result.tally),
    findings(result),
    coordinates(result),
    encoding(result),
    mapping(result),
    changes(result),
    actions(result),
  );
  $("#result").querySelector("h2")?.scrollIntoView({ block: "nearest" });
}

/** @param {any} result */
function facts(result) {
  const layers = result.layers.length > 1 ? chooser("source_layer", w("source"), result.layers, result.layer) : null;
  return h("p", {}, `${w("format")}：${result.format || "—"} `, result.member ? `· ${result.member} ` : "", layers);
}

/** @param {Record<string, any>} found */
function tally(found) {
  const shown = Object.entries(TALLY).map(([key, words]) => h("span", {}, h("b", {}, String(found[key] ?? 0)), ` ${words[english ? 1 : 0]}`));
  return h("p", { class: "tally" }, shown);
}

/** @param {any} result */
function findings(result) {
  const rows = result.findings.map((/** @type {any} */ f) => h("li", { class: f.level }, english ? f.en : f.zh, place(f.point)));
  const list = rows.length ? h("ul", { class: "findings" }, rows) : h("p", { class: "note" }, w("none"));
  const link = rows.length ? h("p", {}, h("a", { href: `/api/examinations/${state.job}/findings.csv` }, w("csv"))) : null;
  return h("section", {}, h("h2", {}, `${w("findings")} ${rows.length || ""}`), list, link);
}

/** @param {number[] | null} point */
function place(point) {
  if (!point) return null;
  const href = `/#17/${point[1]}/${point[0]}`;
  return h("a", { href, target: "_blank", rel: "noopener" }, english ? " (on the map)" : "（在地图上查看）");
}

/** @param {any} result */
function coordinates(result) {
  const verdict = result.crs;
  if (!verdict) return null;
  const options = ["", ...Object.keys(result.crs_choices)];
  const titles = Object.fromEntries(Object.entries(result.crs_choices).map(([key, text]) => [key, said(/** @type {any} */ (text))]));
  return h(
    "section",
    {},
    h("h2", {}, w("crs")),
    h("p", {}, said(verdict.reason)),
    sketchReadings(verdict, result.outline),
    chooser("crs", w("again"), options, verdict.proposed || verdict.used, titles),
  );
}

/** @param {any} result */
function encoding(result) {
  const found = result.encoding;
  if (!found) return null;
  const previews = found.previews.map((/** @type {any} */ p) => h("tr", {}, h("th", { scope: "row" }, p.encoding), h("td", {}, p.texts.join("；"))));
  const names = found.previews.map((/** @type {any} */ p) => p.encoding);
  return h(
    "section",
    {},
    h("h2", {}, w("encoding")),
    h("p", {}, found.encoding),
    previews.length ? h("table", { class: "data" }, h("tbody", {}, previews)) : null,
    names.length > 1 ? chooser("encoding", w("again"), names, found.encoding) : null,
  );
}

/** @param {any} result */
function mapping(result) {
  if (!result.mapping.length) return null;
  const titles = Object.fromEntries(result.fields.map((/** @type {any} */ f) => [f.key, said(f.title)]));
  const rows = result.mapping.map((/** @type {any} */ m) => {
    const options = [["", w("asIs")], ...Object.entries(titles)].map(([key, title]) => h("option", { value: key, selected: key === m.target }, title));
    if (m.how === "reserved") return h("tr", {}, h("th", { scope: "row" }, m.source), h("td", {}, w("known")), h("td", { class: "muted" }, m.samples.join("；")));
    const select = h("select", { "aria-label": `${m.source} → ${w("to")}`, data: { source: m.source } }, options);
    return h("tr", {}, h("th", { scope: "row" }, m.source), h("td", {}, select), h("td", { class: "muted" }, m.samples.join("；")));
  });
  const table = h("table", { class: "data" }, h("thead", {}, h("tr", {}, [w("from"), w("to"), w("samples")].map((x) => h("th", { scope: "col" }, x)))), h("tbody", {}, rows));
  const again = h("button", { class: "button", type: "button", onclick: () => remap(table) }, w("again"));
  return h("section", {}, h("h2", {}, w("mapping")), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": w("mapping") }, table), h("p", {}, again));
}

/** @param {HTMLElement} table */
function remap(table) {
  const selects = /** @type {HTMLSelectElement[]} */ ([...table.querySelectorAll("select")]);
  state.options.mapping = Object.fromEntries(selects.map((s) => [s.dataset.source, s.value]));
  examine();
}

/** @param {any} result */
function changes(result) {
  if (!result.changes.length) return result.readable ? h("p", { class: "note" }, w("nothing")) : null;
  const titles = Object.fromEntries(result.fields.map((/** @type {any} */ f) => [f.key, said(f.title)]));
  const rows = result.changes.flatMap((/** @type {any} */ c) => changeRows(c, titles));
  const heads = ["", w("field"), w("was"), w("later")].map((x) => h("th", { scope: "col" }, x));
  const table = h("table", { class: "data changed" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
  return h("section", {}, h("h2", {}, w("changes")), sketchChanges(result.changes, result.outline), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": w("changes") }, table));
}

/**
 * @param {any} change
 * @param {Record<string, string>} titles
 */
function changeRows(change, titles) {
  const name = (change.after ?? change.before)?.properties?.name ?? change.fid;
  const kind = { add: english ? "added" : "新增", modify: english ? "modified" : "修改", delete: english ? "deleted" : "删除" }[/** @type {"add"} */ (change.operation)];
  if (change.operation !== "modify") return [h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, kind), h("td"), h("td"))];
  return change.fields.map((/** @type {string} */ key) => {
    const cell = (/** @type {any} */ feature) => (key === "geometry" ? (english ? "shape" : "图形") : shown(key, feature?.properties?.[key]));
    const title = key === "geometry" ? (english ? "Shape" : "图形") : (titles[key] ?? key);
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, title), h("td", { class: "old" }, cell(change.before)), h("td", { class: "new" }, cell(change.after)));
  });
}

/**
 * A value as people read it: the title of its code.
 * @param {string} key
 * @param {any} value
 */
function shown(key, value) {
  const codes = state.fields.find((f) => f.key === key)?.codes ?? [];
  const code = codes.find((/** @type {any} */ c) => c.value === value);
  return code ? said(code.title) : String(value ?? "—");
}

/**
 * @param {string} key
 * @param {string} label
 * @param {string[]} options
 * @param {string} current
 * @param {Record<string, string>} [titles]
 */
function chooser(key, label, options, current, titles = {}) {
  const select = h("select", { "aria-label": label }, options.map((o) => h("option", { value: o, selected: o === current }, titles[o] ?? (o || "—"))));
  const again = h("button", { class: "button", type: "button", onclick: () => choose(key, select.value) }, w("again"));
  return h("p", { class: "actions" }, select, again);
}

/**
 * @param {string} key
 * @param {string} value
 */
function choose(key, value) {
  state.options[key] = value;
  examine();
}

/** @param {any} result */
function actions(result) {
  if (!result.readable || !result.changes.length) return null;
  const note = h("input", { type: "text", "aria-label": w("note"), placeholder: w("note"), maxlength: 500 });
  const make = h("button", { class: "button primary", type: "button", onclick: () => makeDraft(note.value) }, w("draft"));
  return h("div", { class: "actions" }, note, make);
}

/** @param {string} note */
async function makeDraft(note) {
  try {
    const made = await call(`/api/examinations/${state.job}/draft`, "POST", { note });
    location.assign(made.url);
  } catch (error) {
    showError(String(/** @type {Error} */ (error).message));
    $("#progress").scrollIntoView();
  }
}

const drop = $("#drop");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => (event.preventDefault(), drop.classList.add("over")));
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file) send(file);
});
const input = /** @type {HTMLInputElement} */ ($("#file"));
input.addEventListener("change", () => {
  const file = input.files?.[0];
  if (file) send(file);
});
