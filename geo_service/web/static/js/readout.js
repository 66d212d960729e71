// The place under the pointer in three notations, the scale as a number and as a bar.

import { $, h, icon, fill, toast } from "./dom.js";
import { length, sexagesimal, toPlane } from "./proj.js";
import { fixed, number, t } from "./words.js";

/** @typedef {import("./types").Position} Position */

/** OGC's pixel: 0.28 mm, so that the number agrees with WMTS scale denominators. */
const PIXEL_M = 0.00028;

/** @type {{name: string, write: (position: Position) => string}[]} */
const NOTATIONS = [
  { name: "CGCS2000 °", write: ([lon, lat]) => `${lon.toFixed(6)}°E ${lat.toFixed(6)}°N` },
  { name: "CGCS2000 ′″", write: ([lon, lat]) => `${sexagesimal(lon, "E", "W")} ${sexagesimal(lat, "N", "S")}` },
  { name: "EPSG:4548", write: planeText },
];

/** @param {Position} position */
function planeText(position) {
  const [easting, northing] = toPlane(position);
  return `N ${fixed(northing, 2)} E ${fixed(easting, 2)} m`;
}

/**
 * A place in degrees and in the plane, for cards and clipboards.
 * @param {Position} position
 */
export function bothNotations(position) {
  return [NOTATIONS[0].write(position), planeText(position)];
}

/** @param {import("leaflet").Map} map */
export function installReadout(map) {
  let current = 0;
  const name = h("button", { type: "button", class: "notation", title: t("crs") });
  const place = h("output", { class: "coordinate", "aria-live": "off" });
  const copy = h("button", { type: "button", class: "icon-button", "aria-label": t("copyCoordinate"), title: t("copyCoordinate") }, icon("copy", 14));
  const scale = h("span", { class: "scale-number" });
  fill($("#readout"), name, place, copy, scale);
  let shown = map.getCenter();
  const write = (at = shown) => {
    shown = at;
    place.textContent = NOTATIONS[current].write([at.lng, at.lat]);
  };
  name.addEventListener("click", () => {
    current = (current + 1) % NOTATIONS.length;
    name.textContent = NOTATIONS[current].name;
    write();
  });
  copy.addEventListener("click", () => copyText(place.textContent ?? ""));
  name.textContent = NOTATIONS[current].name;
  map.on("mousemove", (event) => write(event.latlng));
  map.on("moveend", () => {
    write(map.getCenter());
    drawScale(map, scale);
  });
  write();
  drawScale(map, scale);
}

/**
 * Metres that 100 pixels in the middle of the map stand for.
 * @param {import("leaflet").Map} map
 */
function metresPer100(map) {
  const middle = map.getSize().divideBy(2);
  const [a, b] = [map.containerPointToLatLng(middle.subtract([50, 0])), map.containerPointToLatLng(middle.add([50, 0]))];
  return length([[a.lng, a.lat], [b.lng, b.lat]]);
}

/**
 * The denominator of the scale, rounded to what the screen can tell.
 * @param {import("leaflet").Map} map
 * @param {number} [pixel_m] size of a pixel in metres
 */
export function scaleDenominator(map, pixel_m = PIXEL_M) {
  const exact = metresPer100(map) / 100 / pixel_m;
  const step = exact > 100000 ? 1000 : exact > 10000 ? 500 : 50;
  return Math.round(exact / step) * step;
}

/**
 * @param {import("leaflet").Map} map
 * @param {HTMLElement} scale
 */
function drawScale(map, scale) {
  scale.textContent = `1:${number(scaleDenominator(map), 0)}`;
  const metres = metresPer100(map);
  const powers = [1, 10, 100, 1000, 10000, 100000];
  const steps = powers.flatMap((power) => [power, 2 * power, 5 * power]).filter((step) => step <= metres * 1.1);
  const step = steps[steps.length - 1] ?? 1;
  const bar = $("#scale");
  bar.style.width = `${((step / metres) * 100).toFixed(1)}px`;
  bar.textContent = step >= 1000 ? `${step / 1000} km` : `${step} m`;
}

/**
 * To the clipboard; over plain http in an intranet browsers refuse that, so an old way stands by.
 * @param {string} text
 * @param {string} [done]
 */
export async function copyText(text, done = `${t("copied")} ${text}`) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast(copyOldWay(text) ? done : t("copyFailed"), {});
  }
}

/** @param {string} text */
function copyOldWay(text) {
  const held = document.activeElement;
  const area = h("textarea", { class: "quiet", "aria-hidden": "true" }, text);
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (held instanceof HTMLElement) held.focus();
  return copied;
}
