// The form of a feature, made from its layer's schema; what the server refuses is said at the field.

import { h } from "./dom.js";
import { isEmpty } from "./format.js";
import { w } from "./edit_words.js";
import { english, said, t } from "./words.js";

/** @typedef {import("./types").Properties} Properties */
/** @typedef {import("./review_types").SchemaField} Field */
/** @typedef {import("./review_types").Finding} Finding */

const LONG = 36;

export class Form {
  /**
   * @param {Field[]} fields
   * @param {Properties} properties
   * @param {() => void} changed
   */
  constructor(fields, properties, changed) {
    this.fields = fields.filter((field) => !field.automatic && field.key !== "attachments");
    this.given = properties;
    /** @type {Map<string, HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>} */
    this.controls = new Map();
    this.element = h("form", { class: "edit-form", novalidate: true }, ...this.fields.map((field) => this.#row(field)));
    this.element.addEventListener("input", changed);
    this.element.addEventListener("submit", (event) => event.preventDefault());
  }

  /** @param {Field} field */
  #row(field) {
    const id = `edit-${field.key}`;
    const control = this.#control(field);
    control.id = id;
    control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    if (field.required) control.setAttribute("aria-required", "true");
    this.controls.set(field.key, control);
    return h(
      "div",
      { class: field.type === "number" || field.type === "integer" || field.type === "date" ? "row short" : "row", data: { key: field.key } },
      h("label", { for: id }, said(field.title), field.unit ? h("small", {}, ` ${field.unit}`) : null, field.required ? h("b", { class: "must" }, ` ${w("required")}`) : null),
      control,
      h("p", { class: "hint", id: `${id}-hint` }, rangeOf(field)),
      h("p", { class: "wrong", id: `${id}-error`, role: "alert" }),
    );
  }

  /** @param {Field} field */
  #control(field) {
    const value = this.given[field.key];
    const text = isEmpty(value) ? "" : String(value);
    if (field.codes.length) return choice(field.codes.map((code) => [code.value, said(code.title)]), text, field.required);
    if (field.type === "boolean") return choice([["true", t("yes")], ["false", t("no")]], text, field.required);
    if (field.type === "text" && text.length > LONG) return h("textarea", { rows: "3" }, text);
    const number = field.type === "number" || field.type === "integer";
    return h("input", { type: field.type === "date" ? "date" : "text", inputmode: number ? "decimal" : null, autocomplete: "off", value: text });
  }

  /** What stands in the form now, on top of what the feature had; what cannot be a number stays as it was typed. */
  get values() {
    /** @type {Properties} */
    const values = { ...this.given };
    for (const field of this.fields) {
      const typed = /** @type {HTMLInputElement} */ (this.controls.get(field.key)).value.trim();
      if (typed === "") delete values[field.key];
      else values[field.key] = valueOf(field, typed);
    }
    return values;
  }

  /**
   * Say at the fields what is wrong with them; gives what has no field here.
   * @param {Finding[]} findings
   */
  refuse(findings) {
    this.clear();
    const others = findings.filter(({ field }) => !field || !this.controls.has(field));
    for (const finding of findings) this.#mark(finding);
    const first = this.element.querySelector("[aria-invalid=true]");
    if (first instanceof HTMLElement) first.focus();
    return others.map((finding) => (english ? finding.en : finding.zh));
  }

  /** @param {Finding} finding */
  #mark({ field, zh, en }) {
    const control = this.controls.get(field ?? "");
    const definition = this.fields.find(({ key }) => key === field);
    if (!control || !definition) return;
    control.setAttribute("aria-invalid", "true");
    const told = (english ? en : zh).replace(/^.*?[:：]\s*(?=字段|field|required|必填)/, "");
    const place = this.element.querySelector(`#${CSS.escape(control.id)}-error`);
    if (place) place.textContent = told.replace(`「${field}」`, `「${definition.title.zh}」`).replace(`“${field}”`, `“${said(definition.title)}”`);
  }

  clear() {
    for (const control of this.controls.values()) control.removeAttribute("aria-invalid");
    for (const place of this.element.querySelectorAll(".wrong")) place.textContent = "";
  }

  focus() {
    this.controls.get("name")?.focus();
  }
}

/**
 * @param {string[][]} options
 * @param {string} value
 * @param {boolean} required
 */
function choice(options, value, required) {
  const known = options.some(([key]) => key === value);
  const all = [...(required && known ? [] : [["", w("choose")]]), ...options, ...(value && !known ? [[value, value]] : [])];
  return h("select", {}, ...all.map(([key, title]) => h("option", { value: key, selected: key === value }, title)));
}

/** @param {Field} field */
function rangeOf({ minimum, maximum }) {
  if (minimum === null && maximum === null) return "";
  return `${w("range")} ${minimum ?? "…"} – ${maximum ?? "…"}`;
}

/**
 * @param {Field} field
 * @param {string} typed
 */
function valueOf({ type }, typed) {
  if (type === "boolean") return typed === "true";
  if (type !== "number" && type !== "integer") return typed;
  const plain = typed.replace(/[,，\s]/g, "");
  return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : typed;
}
