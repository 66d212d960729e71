// The table of a new layer's fields: what each is called, holds and may be.

import { fill, h } from "./dom.js";
import { n } from "./layer_new_words.js";

/** @typedef {{key: string, title: {zh: string, en: string}, type: string, unit: string, required: boolean, minimum: any, maximum: any, codes: string, aliases: string[], taken: boolean, sample: string}} Row */

const TYPES = /** @type {const} */ (["text", "integer", "number", "boolean", "date", "datetime", "code"]);

/**
 * @param {Row[]} rows changed as people type
 */
export function fieldTable(rows) {
  const body = h("tbody");
  const draw = () => fill(body, ...rows.map((row) => line(row)));
  const add = () => {
    rows.push({ key: `field_${rows.length + 1}`, title: { zh: "", en: "" }, type: "text", unit: "", required: false, minimum: "", maximum: "", codes: "", aliases: [], taken: true, sample: "" });
    draw();
  };
  draw();
  const heads = /** @type {const} */ (["take", "key", "titleZh", "titleEn", "type", "unit", "must", "range", "codes", "sample"]);
  const table = h("table", { class: "data new-fields" }, h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, n(key))))), body);
  return h("div", {}, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": n("fields") }, table), h("p", {}, h("button", { type: "button", class: "button", onclick: add }, n("addField"))));
}

/** @param {Row} row */
function line(row) {
  const name = row.title.zh || row.key;
  const text = (/** @type {import("./layer_new_words.js").Word} */ word, /** @type {string} */ value, /** @type {(v: string) => void} */ keep, size = 12) => {
    const control = h("input", { value, size, "aria-label": `${name} ${n(word)}`, autocomplete: "off" });
    control.addEventListener("input", () => keep(control.value.trim()));
    return h("td", {}, control);
  };
  const tick = (/** @type {import("./layer_new_words.js").Word} */ word, /** @type {"taken" | "required"} */ key) => {
    const control = h("input", { type: "checkbox", checked: row[key], "aria-label": `${name} ${n(word)}` });
    control.addEventListener("change", () => (row[key] = control.checked));
    return h("td", {}, control);
  };
  const codes = h("textarea", { rows: "2", cols: "16", "aria-label": `${name} ${n("codes")}`, placeholder: n("codesHint") }, row.codes);
  codes.addEventListener("input", () => (row.codes = codes.value));
  const types = h("select", { "aria-label": `${name} ${n("type")}` }, ...TYPES.map((type) => h("option", { value: type, selected: type === row.type }, n(type))));
  types.addEventListener("change", () => (row.type = types.value));
  const range = h("td", { class: "range" }, ...[...text("least", String(row.minimum ?? ""), (v) => (row.minimum = v), 4).children], "–", ...[...text("most", String(row.maximum ?? ""), (v) => (row.maximum = v), 4).children]);
  return h(
    "tr",
    { data: { key: row.key } },
    tick("take", "taken"),
    text("key", row.key, (v) => (row.key = v)),
    text("titleZh", row.title.zh, (v) => (row.title.zh = v)),
    text("titleEn", row.title.en, (v) => (row.title.en = v)),
    h("td", {}, types),
    text("unit", row.unit, (v) => (row.unit = v), 4),
    tick("must", "required"),
    range,
    h("td", {}, codes),
    h("td", { class: "muted" }, row.sample),
  );
}

/** One code a line, `value=title` or a title alone. @param {string} text */
export function codesOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.map((line) => {
    const [value, title, english] = line.split("=").map((part) => part.trim());
    return { value, title: { zh: title || value, en: english || title || value } };
  });
}

/** @param {{value: string, title: {zh: string, en: string}}[]} codes */
export function codesText(codes) {
  return codes.map(({ value, title }) => (title.zh === value ? value : `${value}=${title.zh}=${title.en}`)).join("\n");
}
