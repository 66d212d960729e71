// The page that makes a layer of a file: send, see what was read, edit names, fields and symbol, rehearse, create.

import { getJson } from "./api.js";
import { $, fill, h, toast } from "./dom.js";
import { codesOf, codesText, fieldTable } from "./layer_new_fields.js";
import { n } from "./layer_new_words.js";
import { symbolChoice } from "./layer_new_symbols.js";
import { send } from "./review_api.js";
import { english, said } from "./words.js";

/** @typedef {import("./layer_new_fields.js").Row} Row */

const POLL_MS = 300;
const KINDS = /** @type {const} */ ({ point: ["Point", "MultiPoint"], line: ["LineString", "MultiLineString"], polygon: ["Polygon", "MultiPolygon"] });
const PRECISIONS = [["surveyed", "实测", "Surveyed"], ["parcel", "地块级", "Parcel"], ["address", "门址级", "Address"], ["street", "街段级", "Street"], ["guess", "推测", "Guess"], ["illustrative", "示意", "Illustrative"]];

const root = $("#new-layer");
const progress = $("#progress");
/** @type {{upload: string, job: string, options: Record<string, string>, kind: keyof typeof KINDS, rows: Row[], name: string}} */
const state = { upload: "", job: "", options: {}, kind: "polygon", rows: [], name: "" };
/** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */
let controls = {};

/** @param {File} file */
async function take(file) {
  tell(`${n("sending")} ${file.name} …`);
  await attempt(async () => {
    const kept = await send("POST", "/api/uploads", file, { "X-File-Name": encodeURIComponent(file.name) });
    state.upload = kept.id;
    await infer({});
  });
}

/** Read the file's schema, as chosen. @param {Record<string, string>} options */
async function infer(options) {
  state.options = options;
  const found = await dryRun({ upload: state.upload, ...options });
  if (!found.readable) return refused(found);
  state.kind = kindOf(found.geometry_types);
  state.name = found.name;
  state.rows = found.schema.map((/** @type {any} */ field) => ({ ...field, title: { zh: field.title.zh, en: field.title.en === field.title.zh ? "" : field.title.en }, taken: true, codes: codesText(field.codes), sample: sampleOf(found, field.title.zh) }));
  tell(`${n("read")} ${found.format}: ${found.tally.rows} ${n("rows")}${found.crs?.used ? ` · ${found.crs.used}` : ""}`);
  return showForm();
}

/**
 * Ask for a dry run and wait until it has ended.
 * @param {Record<string, any>} body
 */
async function dryRun(body) {
  const { job } = await send("POST", "/api/new-layers/rehearsals", body);
  state.job = job;
  for (;;) {
    const now = await getJson(`/api/new-layers/rehearsals/${encodeURIComponent(job)}${english ? "?lang=en" : ""}`);
    if (now.result) return now.result;
    tell(now.position ? `${n("queue")} ${now.position}` : `${n("reading")} ${now.stage}`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** @param {string[]} types @returns {keyof typeof KINDS} */
function kindOf(types) {
  const first = types[0] ?? "";
  return first.endsWith("Point") ? "point" : first.endsWith("LineString") || first === "LinearRing" ? "line" : "polygon";
}

/**
 * @param {any} found
 * @param {string} column
 */
function sampleOf(found, column) {
  return found.samples.map((/** @type {any} */ row) => row?.[column]).filter((/** @type {any} */ v) => v !== null && v !== undefined).slice(0, 3).join("、");
}

/** A file that cannot be read so: why, and the choices that may help. @param {any} found */
function refused(found) {
  tell("");
  const crs = select("crs", [["", n("declared")], ...Object.entries(found.crs_choices).map(([key, title]) => [key, said(/** @type {any} */ (title))])], "");
  const encoding = select("encoding", [["", n("detect")], ["utf-8", "UTF-8"], ["gb18030", "GB18030"]], "");
  const layers = found.layers.length > 1 ? select("source_layer", found.layers.map((/** @type {string} */ l) => [l, l]), found.layer) : null;
  const again = () => attempt(() => infer({ crs: crs.value, encoding: encoding.value, ...(layers ? { source_layer: layers.value } : {}) }));
  fill($("#form"), findings(found), h("div", { class: "toolbar" }, label(n("crs"), crs), label(n("encoding"), encoding), layers ? label(n("sourceLayer"), layers) : null, h("button", { type: "button", class: "button", onclick: again }, n("again"))));
  return undefined;
}

/** @param {any} found */
function findings(found) {
  return h("ul", { class: "findings" }, ...found.findings.map((/** @type {any} */ f) => h("li", { class: f.level }, english ? f.en : f.zh)));
}

function showForm() {
  const stem = state.name.replace(/\.[^.]*$/, "");
  const id = /^[a-z][a-z0-9_]*$/.test(stem.toLowerCase()) ? stem.toLowerCase() : "";
  const themes = (root.dataset.themes ?? "").split(" ").map((key) => [key, root.getAttribute(`data-theme-${key}`) ?? key]);
  controls = {
    zh: input("zh", stem, 80),
    en: input("en", "", 80),
    id: input("id", id, 40),
    serial: input("serial", "", 8),
    theme: select("theme", themes, "projects"),
    secrecy: select("secrecy", [["internal", n("internal")], ["public", n("public")]], "internal"),
    four_eyes: select("four_eyes", [["yes", n("yes")], ["no", n("no")]], "yes"),
    kind: select("kind", Object.keys(KINDS).map((kind) => [kind, n(/** @type {any} */ (kind))]), state.kind),
    precision: select("precision", PRECISIONS.map(([key, zh, en]) => [key, english ? en : zh]), "guess"),
    source: input("source", state.name, 200),
  };
  const symbols = h("div", { class: "symbols", role: "radiogroup", "aria-label": n("symbol") });
  const choose = () => symbolChoice(symbols, controls.kind.value);
  controls.kind.addEventListener("change", choose);
  choose();
  const words = /** @type {[string, string][]} */ (Object.keys(controls).map((key) => [key, n(/** @type {any} */ (key))]));
  const about = h("div", { class: "about-layer" }, ...words.map(([key, title]) => label(title, controls[key], key === "serial" ? n("serialHint") : key === "id" ? n("idHint") : "")));
  const table = fieldTable(state.rows);
  const go = h("button", { type: "button", class: "button primary", id: "rehearse", onclick: () => attempt(state.upload ? rehearse : createEmpty) }, state.upload ? n("rehearse") : n("create"));
  fill($("#form"), h("h2", {}, n("about")), about, h("h2", {}, n("symbol")), symbols, h("h2", {}, n("fields")), h("p", { class: "muted" }, n("fieldsHint")), table, h("div", { class: "actions" }, go));
  fill($("#result"));
}

/** The definition as the form has it. */
function definition() {
  const chosen = document.querySelector('input[name="symbol"]:checked');
  const value = (/** @type {string} */ key) => controls[key].value.trim();
  return {
    id: value("id"),
    title: { zh: value("zh"), en: value("en") || value("zh") },
    theme: value("theme"),
    geometry_types: KINDS[/** @type {"point"} */ (value("kind"))],
    serial: value("serial").toUpperCase(),
    symbol: chosen instanceof HTMLInputElement ? chosen.value : "",
    source: value("source"),
    secrecy: value("secrecy"),
    policy: { four_eyes: value("four_eyes") === "yes", must_tile: false },
    fields: state.rows.filter((row) => row.taken).map(fieldOf),
  };
}

/** @param {Row} row */
function fieldOf({ key, title, type, unit, required, minimum, maximum, codes, aliases }) {
  const limit = (/** @type {any} */ v) => (v === "" || v === null || v === undefined ? null : Number(v));
  return { key, title: { zh: title.zh, en: title.en || title.zh }, type, unit, required, minimum: limit(minimum), maximum: limit(maximum), codes: type === "code" ? codesOf(codes) : [], aliases };
}

async function rehearse() {
  const found = await dryRun({ upload: state.upload, definition: definition(), precision: controls.precision.value, ...state.options });
  tell("");
  const { rows, added } = found.tally;
  const words = `${n("willHave")} ${added} / ${rows} ${n("rows")}`;
  const create = h("button", { type: "button", class: "button primary", id: "create", onclick: () => attempt(() => made({ job: state.job })) }, n("create"));
  fill($("#result"), h("h2", {}, n("outcome")), h("p", { class: added ? "note" : "note bad" }, words), findings(found), found.readable && added ? h("div", { class: "actions" }, create) : null);
  $("#result").scrollIntoView({ block: "start" });
}

function createEmpty() {
  return made({ definition: definition() });
}

/** @param {object} body */
async function made(body) {
  const { url } = await send("POST", "/api/new-layers", body);
  location.href = url;
}

/** @param {() => Promise<unknown>} work */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    tell("");
    const { message } = /** @type {Error} */ (error);
    fill($("#result"), h("p", { class: "note bad", role: "alert" }, message));
    toast(message, { bad: true });
  }
}

/** @param {string} text */
function tell(text) {
  progress.textContent = text;
}

/**
 * @param {string} id
 * @param {string} value
 * @param {number} longest
 */
function input(id, value, longest) {
  return h("input", { id: `layer-${id}`, value, maxlength: longest, autocomplete: "off" });
}

/**
 * @param {string} id
 * @param {string[][]} options
 * @param {string} value
 */
function select(id, options, value) {
  return h("select", { id: `layer-${id}` }, ...options.map(([key, title]) => h("option", { value: key, selected: key === value }, title)));
}

/**
 * @param {string} title
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
function label(title, control, hint = "") {
  return h("p", {}, h("label", { for: control.id }, title), control, hint ? h("small", { class: "muted" }, hint) : null);
}

const drop = $("#drop");
$("#file").addEventListener("change", (event) => {
  const [file] = /** @type {HTMLInputElement} */ (event.target).files ?? [];
  if (file) take(file);
});
drop.addEventListener("dragover", (event) => event.preventDefault());
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer?.files ?? [];
  if (file) take(file);
});
$("#no-file").addEventListener("click", () => {
  Object.assign(state, { upload: "", rows: [], name: "" });
  showForm();
});
