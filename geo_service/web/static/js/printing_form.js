// The form of the print room as the values the server takes, and back.

import { $, fill, h } from "./dom.js";
import { readLink } from "./permalink.js";
import { w } from "./printing_words.js";

export const form = /** @type {HTMLFormElement} */ (/** @type {unknown} */ ($("#sheet-form")));
const TEXTS = ["title", "subtitle", "unit", "number", "approval", "author", "reviewer", "date", "period", "table", "profile", "unapproved", "paper", "height_datum", "source", "basemap"];
const TICKS = ["legend", "inset", "grid", "graticule"];
const NUMBERS = ["binding_mm", "overlap_mm"];

/** Where the map stands once somebody moved it, and past revisions that a link asked for. */
export const place = {
  /** @type {[number, number] | null} */
  centre: null,
  /** @type {Record<string, number>} */
  revisions: {},
  /** @type {Record<string, string[]>} */
  hidden: {},
  illustrative: true,
  labels: true,
};
const feature = $("#print-room").dataset.feature ?? "";

/**
 * A field of the form.
 * @param {string} name
 */
export const field = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** The ticked layers and that of the feature the sheet is about, the top one first; as they are on the map. */
function layers() {
  const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[name=layer]")]);
  const subject = feature.split("/")[0];
  return boxes.filter(({ checked, value }) => checked || value === subject).map(({ value }) => choice(value));
}

/** @param {string} id */
function choice(id) {
  /** @type {Record<string, any>} */
  const told = { id };
  if (place.revisions[id]) told.rev = place.revisions[id];
  if (place.hidden[id]) told.hide = place.hidden[id];
  if (!place.illustrative) told.illustrative = false;
  if (!place.labels) told.labels = false;
  return told;
}

/** What the sheet is, as the server takes it. */
export function sheet() {
  /** @type {Record<string, any>} */
  const told = { layers: layers(), landscape: field("landscape").value === "yes" };
  for (const name of TEXTS) if (field(name)) told[name] = field(name).value;
  told.north = field("north").checked ? "arrow" : "none";
  for (const name of TICKS) told[name] = field(name).checked;
  for (const name of NUMBERS) if (field(name)) told[name] = Number(field(name).value) || 0;
  if (told.paper === "custom") for (const name of ["width_mm", "height_mm"]) told[name] = Number(field(name).value);
  const scale = Number(field("scale").value);
  if (scale) told.scale = scale;
  if (scale && place.centre) told.centre = place.centre;
  if (field("atlas")?.value === "tiled") told.tiled = true;
  told.wind = winds();
  return told;
}

/** The numbers of the wind rose; what is none goes to the server, which says so. */
const winds = () => field("wind").value.split(/[,，;；、\s]+/).filter(Boolean).map((word) => (Number.isFinite(Number(word)) ? Number(word) : word));

/** The whole order. */
export function order() {
  const way = field("atlas")?.value ?? "";
  const atlas = way === "tiled" ? "" : way;
  /** @type {Record<string, any>} */
  const told = { request: sheet(), format: field("format").value, dpi: Number(field("dpi").value), base: field("base").checked, atlas, feature, asOf: field("as_of").value };
  if (feature) told.photo = field("photo").value;
  if (atlas) {
    told.only = field("only").value.split(/[,，\s]+/).filter(Boolean);
    told.filter = field("filter").value.trim();
  }
  return told;
}

/** Show the fields that the others call for. */
export function arrange() {
  const [paper, atlas] = [field("paper").value, field("atlas")?.value ?? ""];
  /** @type {[string, boolean][]} */
  const rules = [
    [".custom", paper === "custom"],
    [".atlas", atlas !== "" && atlas !== "tiled"],
    [".tiles", atlas === "tiled"],
    [".dpi", field("format").value === "png"],
  ];
  for (const [selector, shown] of rules) {
    for (const label of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll(selector))) label.hidden = !shown;
  }
}

/**
 * Choose a scale, also one that is not in the list.
 * @param {number | string} scale
 */
export function chooseScale(scale) {
  const list = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (field("scale")));
  const value = String(scale || "");
  if (![...list.options].some((option) => option.value === value)) list.add(new Option(`1:${Number(scale).toLocaleString("en")}`, value));
  list.value = value;
}

/**
 * Fill the form with a saved template.
 * @param {Record<string, any>} told
 */
export function apply(told) {
  for (const name of TEXTS) if (name in told && name !== "date" && field(name)) field(name).value = told[name];
  field("north").checked = told.north !== "none";
  for (const name of TICKS) field(name).checked = told[name] ?? true;
  for (const name of NUMBERS) if (name in told && field(name)) field(name).value = told[name];
  for (const name of ["width_mm", "height_mm"]) if (told[name]) field(name).value = told[name];
  field("landscape").value = (told.landscape ?? true) ? "yes" : "no";
  if (field("atlas")) field("atlas").value = told.tiled ? "tiled" : "";
  field("wind").value = (told.wind ?? []).join(" ");
  place.centre = told.centre ?? null;
  chooseScale(told.scale ?? "");
  if (told.layers?.length) tick(told.layers.map((/** @type {{id: string}} */ layer) => layer.id));
  arrange();
}

/** The sheet without what belongs to one printing: a template pins no revision, place or day. */
export function template() {
  const { centre, date, ...kept } = sheet();
  return { ...kept, layers: kept.layers.map((/** @type {{id: string}} */ { id }) => ({ id })) };
}

/** @param {string[]} ids */
function tick(ids) {
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[name=layer]"))) box.checked = ids.includes(box.value);
}

/** Say what the map brings along that no field of the form shows, with a way to leave it. */
function showTaken() {
  const line = $("#sheet-taken");
  const hidden = Object.values(place.hidden).flat().length;
  const parts = [
    ...Object.entries(place.revisions).map(([id, rev]) => `${titleOf(id)} r${rev}`),
    hidden ? `${hidden} ${w("classesHidden")}` : "",
    place.illustrative ? "" : w("noIllustrative"),
    place.labels ? "" : w("noLabels"),
  ].filter(Boolean);
  const leave = h("button", { class: "button small", type: "button" }, w("leaveTaken"));
  leave.addEventListener("click", () => {
    Object.assign(place, { revisions: {}, hidden: {}, illustrative: true, labels: true });
    showTaken();
    form.dispatchEvent(new Event("change"));
  });
  line.hidden = parts.length === 0;
  fill(line, `${w("taken")} ${parts.join(w("comma"))} `, leave);
}

/** @param {string} id */
const titleOf = (id) => form.querySelector(`input[name=layer][value="${CSS.escape(id)}"]`)?.parentElement?.textContent?.trim() ?? id;

/** What the table of the map asks for: a page for each of its features. */
function readSelection() {
  const asked = new URLSearchParams(location.search);
  const atlas = /** @type {HTMLSelectElement | null} */ (/** @type {unknown} */ (field("atlas")));
  if (!atlas || ![...atlas.options].some(({ value }) => value === asked.get("atlas"))) return;
  atlas.value = asked.get("atlas") ?? "";
  field("only").value = asked.get("only") ?? "";
}

/** Take over layers, revisions and place from an address of the map. */
export function readMapLink() {
  readSelection();
  const link = readLink(location.hash);
  if (link.on) tick(link.on);
  place.revisions = link.revisions ?? {};
  const rev = Number($("#print-room").dataset.rev);
  if (rev) place.revisions[feature.split("/")[0]] = rev;
  place.hidden = link.hidden ?? {};
  place.illustrative = link.illustrative !== false;
  place.labels = link.labels !== false;
  showTaken();
  if (!link.view || feature) return;
  const { zoom, lat, lon } = link.view;
  const scale = (559082264 * Math.cos((lat * Math.PI) / 180)) / 2 ** zoom;
  const offered = [...field("scale").querySelectorAll("option")].map(({ value }) => Number(value)).filter(Boolean);
  const near = offered.reduce((best, one) => (Math.abs(Math.log(one / scale)) < Math.abs(Math.log(best / scale)) ? one : best));
  if (scale > 60000) return;
  place.centre = [lon, lat];
  chooseScale(near);
}
