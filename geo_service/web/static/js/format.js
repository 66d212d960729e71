// Values as people read them: titles of codes, units, thousands, areas in hectares and mu.

import { english, number, said, t } from "./words.js";

/** @typedef {import("./types").Field} Field */
/** @typedef {import("./types").Value} Value */

const MU_M2 = 10000 / 15;

/** @typedef {import("./types").Properties} Properties */

/** The day of a moment in China, as 2026-05-01. @param {string} at ISO 8601 */
export function dayOf(at) {
  return new Date(at).toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
}

/**
 * Fields without the English twins of others (name_en beside name): in English the twin stands in its place.
 * @param {Field[]} fields
 */
export function shownFields(fields) {
  return fields.filter(({ key }) => !key.endsWith("_en"));
}

/**
 * The value of a field in the page's language.
 * @param {Properties} properties
 * @param {string} key
 * @returns {Value}
 */
export function valueOf(properties, key) {
  const twin = english ? properties[`${key}_en`] : null;
  return isEmpty(twin) ? properties[key] : twin;
}

/** @param {Value} value */
export function isEmpty(value) {
  return value === null || value === undefined || value === "";
}

/** @param {Field} field */
export function isNumeric(field) {
  return field.type === "number" || field.type === "integer";
}

/**
 * A value without its unit.
 * @param {Field} field
 * @param {Value} value
 */
export function plainValue(field, value) {
  if (isEmpty(value)) return "—";
  if (field.codes.length) return codeTitle(field, value);
  if (english && field.words?.[String(value)]) return field.words[String(value)];
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number" && field.type === "integer" && !field.unit) return String(value);
  return typeof value === "number" ? number(value) : String(value);
}

/**
 * A value with its unit.
 * @param {Field} field
 * @param {Value} value
 */
export function valueWithUnit(field, value) {
  const text = plainValue(field, value);
  if (!field.unit || isEmpty(value)) return text;
  return field.unit === "%" ? `${text}%` : `${text} ${field.unit}`;
}

/**
 * @param {Field} field
 * @param {Value} value
 */
export function codeTitle(field, value) {
  const code = field.codes.find((c) => c.value === String(value));
  return code ? said(code.title) : String(value);
}

/**
 * @param {number} metres
 */
export function lengthText(metres) {
  return metres >= 1000 ? `${number(metres / 1000, 3)} km` : `${number(metres, 1)} m`;
}

/**
 * Square metres (or kilometres), hectares and mu.
 * @param {number} m2
 */
export function areaText(m2) {
  const first = m2 >= 1e6 ? `${number(m2 / 1e6, 3)} km²` : `${number(m2, m2 < 100 ? 1 : 0)} m²`;
  const hectares = `${number(m2 / 1e4, m2 < 1e6 ? 3 : 1)} ${english ? "ha" : "公顷"}`;
  const mu = `${number(m2 / MU_M2, m2 < 1e6 ? 2 : 0)} ${english ? "mu" : "亩"}`;
  return `${first} · ${hectares} · ${mu}`;
}
