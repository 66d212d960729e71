// What is said of a changed shape: how large it is, how far it moved, which of its vertices are new.

import { areaText, lengthText } from "./format.js";
import { anchorOf, boundsOf, positionsOf } from "./geometry.js";
import { area, length, toPlane } from "./proj.js";
import { joined, w } from "./review_words.js";
import { number } from "./words.js";

/** @typedef {import("./types").Position} Position */
/** @typedef {import("./review_types").Change} Change */

const MOVED_M = 0.05;

/**
 * Size and number of vertices of a shape in words; what to say where there is none.
 * @param {GeoJSON.Geometry | null | undefined} geometry
 */
export function shapeText(geometry) {
  if (!geometry) return w("noGeometry");
  const count = [...positionsOf(geometry)].length;
  const size = sizeText(geometry);
  return [size, geometry.type === "Point" ? "" : joined(number(count, 0), w("vertices"))].filter(Boolean).join(" · ");
}

/** @param {GeoJSON.Geometry} geometry */
function sizeText(geometry) {
  switch (geometry.type) {
    case "Polygon":
      return areaText(polygonArea(geometry.coordinates));
    case "MultiPolygon":
      return areaText(geometry.coordinates.reduce((sum, rings) => sum + polygonArea(rings), 0));
    case "LineString":
      return lengthText(length(pairs(geometry.coordinates)));
    case "MultiLineString":
      return lengthText(geometry.coordinates.reduce((sum, line) => sum + length(pairs(line)), 0));
    case "Point":
      return `${geometry.coordinates[0].toFixed(6)}°E ${geometry.coordinates[1].toFixed(6)}°N`;
    default:
      return "";
  }
}

/**
 * Area of a polygon without its holes, in square metres.
 * @param {GeoJSON.Position[][]} rings
 */
function polygonArea(rings) {
  return rings.reduce((sum, ring, i) => sum + (i ? -1 : 1) * area(pairs(ring)), 0);
}

/**
 * @param {GeoJSON.Position[]} line
 * @returns {Position[]}
 */
function pairs(line) {
  return line.map(([x, y]) => [x, y]);
}

/**
 * How far the middle of a shape moved, in words; empty below 5 cm.
 * @param {GeoJSON.Geometry | null | undefined} before
 * @param {GeoJSON.Geometry | null | undefined} after
 */
export function movedText(before, after) {
  if (!before || !after) return "";
  const [a, b] = [toPlane(anchorOf(before)), toPlane(anchorOf(after))];
  const metres = Math.hypot(b[0] - a[0], b[1] - a[1]);
  return metres < MOVED_M ? "" : joined(w("moved"), `${number(metres, metres < 10 ? 2 : 0)} m`);
}

/**
 * Vertices of one shape that the other has not.
 * @param {GeoJSON.Geometry | null | undefined} shape
 * @param {GeoJSON.Geometry | null | undefined} other
 * @returns {Position[]}
 */
export function ownVertices(shape, other) {
  if (!shape || !other) return [];
  const known = new Set([...positionsOf(other)].map(String));
  return [...positionsOf(shape)].filter((position) => !known.has(String(position)));
}

/** The box around both sides of a change; an invalid one where it has no shape. @param {Change} change */
export function boundsOfChange(change) {
  const bounds = L.latLngBounds([]);
  for (const feature of [change.before, change.after]) if (feature?.geometry) bounds.extend(boundsOf(feature.geometry));
  return bounds;
}

/** @param {Change} change */
export function sameShape({ before, after }) {
  return JSON.stringify(before?.geometry) === JSON.stringify(after?.geometry);
}

/**
 * A clip path, in pixels of the map.
 * @param {number} left
 * @param {number} top
 * @param {number} right
 * @param {number} bottom
 */
export function rectangle(left, top, right, bottom) {
  return `polygon(${left}px ${top}px, ${right}px ${top}px, ${right}px ${bottom}px, ${left}px ${bottom}px)`;
}
