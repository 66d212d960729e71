// The corners of the shape under the pencil as numbers: read, typed or pasted, in degrees or metres. The way for keys.

import { area, toDegrees, toPlane } from "./proj.js";
import { areaText } from "./format.js";
import { fill, h } from "./dom.js";
import { w } from "./edit_words.js";

/** @typedef {import("./edit.js").Editor} Editor */
/** @typedef {import("./types").Position} Position */

const DEGREES = 7;
const METRES = 3;

/**
 * A part of the panel with one line a corner; rings are set apart by an empty line. Shapes of several parts are drawn
 * only: their lines would not say which ring is a hole.
 * @param {Editor} editor
 */
export function coordinateBox(editor) {
  const geometry = editor.picked?.geometry;
  const kind = editor.session?.schema.kind ?? "polygon";
  if (geometry?.type.startsWith("Multi")) return null;
  const rings = ringsOf(geometry ?? null);
  const system = h("select", { "aria-label": w("coordinateSystem") }, h("option", { value: "4490" }, w("degrees")), h("option", { value: "4548" }, w("metres")));
  const text = h("textarea", { rows: "6", class: "coordinates", spellcheck: "false", "aria-label": w("coordinates"), "aria-describedby": "coordinates-hint coordinates-error" });
  const problem = h("p", { class: "wrong", id: "coordinates-error", role: "alert" });
  const show = () => (text.value = rings.map((ring) => ring.map((p) => line(p, system.value)).join("\n")).join("\n\n"));
  system.addEventListener("change", show);
  show();
  const apply = () => {
    try {
      problem.textContent = "";
      editor.reshape(shapeOf(kind, parse(text.value, system.value)));
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      text.focus();
    }
  };
  const use = h("button", { type: "button", class: "secondary", onclick: apply }, w("coordinatesUse"));
  const size = kind === "polygon" && rings[0] ? h("span", { class: "hint" }, areaText(rings.map((ring) => area(ring)).reduce((a, b) => a - b))) : null;
  return h("details", { class: "edit-coordinates" }, h("summary", {}, w("coordinates")), system, text, problem, h("p", { class: "hint", id: "coordinates-hint" }, w("coordinatesHint")), h("p", {}, use, " ", size));
}

/** @param {GeoJSON.Geometry | null} geometry @returns {Position[][]} open rings */
function ringsOf(geometry) {
  if (!geometry) return [];
  if (geometry.type === "Point") return [[/** @type {Position} */ (geometry.coordinates)]];
  if (geometry.type === "LineString") return [/** @type {Position[]} */ (geometry.coordinates)];
  if (geometry.type === "Polygon") return geometry.coordinates.map((ring) => /** @type {Position[]} */ (ring.slice(0, -1)));
  return [];
}

/**
 * @param {Position} position
 * @param {string} system
 */
function line(position, system) {
  const [x, y] = system === "4548" ? toPlane(position) : position;
  const digits = system === "4548" ? METRES : DEGREES;
  return `${x.toFixed(digits)}, ${y.toFixed(digits)}`;
}

/**
 * Rings of what was typed; the line that is no pair of numbers is named.
 * @param {string} text
 * @param {string} system
 * @returns {Position[][]}
 */
function parse(text, system) {
  /** @type {Position[][]} */
  const rings = [[]];
  text.split("\n").forEach((typed, index) => {
    const numbers = typed.split(/[\s,，;；]+/).filter(Boolean).map(Number);
    if (!numbers.length) return void (rings[rings.length - 1].length && rings.push([]));
    if (numbers.length !== 2 || !numbers.every(Number.isFinite)) throw new Error(`${w("badLine")} ${index + 1}: ${typed.slice(0, 40)}`);
    const [x, y] = system === "4548" ? toDegrees(numbers[0], numbers[1]) : numbers;
    if (Math.abs(x) > 180 || Math.abs(y) > 90) throw new Error(`${w("badLine")} ${index + 1}: ${typed.slice(0, 40)}`);
    rings[rings.length - 1].push([Number(x.toFixed(DEGREES)), Number(y.toFixed(DEGREES))]);
    return undefined;
  });
  return rings.filter((ring) => ring.length);
}

/**
 * @param {string} kind
 * @param {Position[][]} rings
 * @returns {GeoJSON.Geometry}
 */
function shapeOf(kind, rings) {
  const least = /** @type {Record<string, number>} */ ({ point: 1, line: 2, polygon: 3 })[kind];
  if (!rings.length || rings.some((ring) => ring.length < least)) throw new Error(`${w("fewCorners")} ${least}`);
  if (kind === "point") return { type: "Point", coordinates: rings[0][0] };
  if (kind === "line") return { type: "LineString", coordinates: rings[0] };
  return { type: "Polygon", coordinates: rings.map((ring) => [...ring, ring[0]]) };
}

/**
 * Put the box into its place and again whenever the shape changes.
 * @param {HTMLElement} place
 * @param {Editor} editor
 */
export function refreshCoordinates(place, editor) {
  const open = place.querySelector("details")?.open ?? false;
  const box = coordinateBox(editor);
  if (box) box.open = open;
  fill(place, box);
}
