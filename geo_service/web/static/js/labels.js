// Names over the map on one canvas: with a halo, never over each other, the more important first.

import { around, Grid } from "./boxes.js";
import { valueOf } from "./format.js";
import { FONT } from "./symbols.js";
import { cssColor, theme } from "./theme.js";
import { english } from "./words.js";

/** @typedef {import("./stack.js").Stack} Stack */
/** @typedef {import("./types").Properties} Properties */

/**
 * @typedef {object} Label
 * @property {string[]} lines
 * @property {string} fid
 * @property {string} layer
 * @property {import("leaflet").Point} centre in pixels of the map container
 * @property {number} radius of the point symbol it stands beside, 0 for areas and lines
 * @property {number} priority
 * @property {number} lot decides between equals, the same each time: of too many names those drawn lie all over the map
 * @property {string} color
 * @property {string} font
 * @property {number} width
 * @property {number} height
 */

/** @typedef {import("./boxes.js").Box} Box */

const AREA = { size: 12.5, weight: 600 };
const POINT = { size: 12, weight: 500 };
const WRAP_PX = 132;
const MOST = 160;
const MARGIN_PX = 80;
/** Reference layers whose names the basemap writes already. */
const NAMED_BY_BASEMAP = new Set(["boundary", "subdistricts", "streets", "water"]);

/** Places labels; fires `placed` after each layout. */
export class Labels extends EventTarget {
  /** @param {Stack} stack */
  constructor(stack) {
    super();
    this.stack = stack;
    this.map = stack.map;
    this.enabled = true;
    /** What is on the screen now. @type {{text: string, layer: string, fid: string, box: Box}[]} */
    this.placed = [];
    this.canvas = document.createElement("canvas");
    this.canvas.className = "labels leaflet-zoom-hide";
    this.canvas.setAttribute("aria-hidden", "true");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    /** @type {Map<string, number>} */
    this.widths = new Map();
    this.pending = 0;
    /** Canvas pixels in a CSS pixel. */
    this.ratio = Math.max(1, window.devicePixelRatio);
    /** Boxes of the point symbols in view: names keep off them. @type {Box[]} */
    this.signs = [];
  }

  /** Put the canvas on the map and keep it up to date. */
  install() {
    /** @type {HTMLElement} */ (this.map.getPane("names")).append(this.canvas);
    this.map.on("moveend viewreset resize", () => this.redraw());
    for (const event of ["change", "select", "tiles"]) this.stack.addEventListener(event, () => this.later());
    this.redraw();
  }

  /** Lay out again before the next frame, once. */
  later() {
    this.pending ||= requestAnimationFrame(() => this.redraw());
  }

  /** @param {boolean} enabled */
  setEnabled(enabled) {
    this.enabled = enabled;
    this.redraw();
  }

  /** Lay out and draw. */
  redraw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    this.#fit();
    this.signs = this.#signs();
    const grid = new Grid();
    const names = new Grid();
    for (const box of this.signs) grid.add(box);
    this.placed = [];
    const labels = this.enabled ? this.#labels() : [];
    for (const label of labels.sort((a, b) => b.priority - a.priority || a.lot - b.lot)) this.#place(label, grid, names);
    this.dispatchEvent(new Event("placed"));
  }

  /** Size the canvas to the map, a little larger, and move it where the map is now. */
  #fit() {
    const size = this.map.getSize().add([2 * MARGIN_PX, 2 * MARGIN_PX]);
    const { ratio } = this;
    this.canvas.width = size.x * ratio;
    this.canvas.height = size.y * ratio;
    this.canvas.style.width = `${size.x}px`;
    this.canvas.style.height = `${size.y}px`;
    L.DomUtil.setPosition(this.canvas, this.map.containerPointToLayerPoint([-MARGIN_PX, -MARGIN_PX]));
    this.context.setTransform(ratio, 0, 0, ratio, MARGIN_PX * ratio, MARGIN_PX * ratio);
  }

  #labels() {
    const zoom = this.map.getZoom();
    const window_ = this.map.getBounds().pad(0.06);
    const shown = this.stack.shown();
    return shown.flatMap((layer, rank) => {
      if (zoom < layer.info.label_zoom && layer !== this.stack.selected?.layer) return [];
      const inside = [...(layer.drawing?.visible() ?? [])].filter(({ at }) => window_.contains(at));
      return inside.flatMap((drawn) => this.#label(layer, drawn, shown.length - rank, zoom));
    });
  }

  /**
   * @param {import("./layer.js").MapLayer} layer
   * @param {{feature: {id: string, properties: Properties}, at: import("leaflet").LatLng, sign: any}} drawn
   * @param {number} importance
   * @param {number} zoom
   * @returns {Label[]}
   */
  #label(layer, { feature, at, sign }, importance, zoom) {
    const selected = this.stack.selected?.layer === layer && this.stack.selected.fid === String(feature.id);
    if ((zoom < layer.info.label_zoom || NAMED_BY_BASEMAP.has(layer.id)) && !selected) return [];
    if (sign?.options.crowded && !selected) return [];
    const text = nameOf(feature.properties);
    if (!text) return [];
    const area = layer.info.kind === "polygon";
    const { size, weight } = area ? AREA : POINT;
    const font = `${weight} ${size}px ${FONT}`;
    const lines = wrap(text, (part) => this.#width(part, font), area ? WRAP_PX : WRAP_PX * 1.6);
    return [
      {
        lines,
        font,
        fid: String(feature.id),
        layer: layer.id,
        centre: this.map.latLngToContainerPoint(at),
        radius: sign ? Number(sign.options.radius) : layer.info.kind === "point" ? 6 : 0,
        priority: importance + (selected ? 1000 : 0) + (area ? 0.5 : 0),
        lot: lotOf(String(feature.id)),
        color: theme() === "dark" ? layer.info.symbol.dark : shade(layer.info.symbol.color),
        width: Math.max(...lines.map((line) => this.#width(line, font))) + 4,
        height: lines.length * (size + 3) + 2,
      },
    ];
  }

  /**
   * @param {string} text
   * @param {string} font
   */
  #width(text, font) {
    const key = font + text;
    let width = this.widths.get(key);
    if (width === undefined) {
      this.context.font = font;
      width = this.context.measureText(text).width;
      this.widths.set(key, width);
    }
    return width;
  }

  /** @returns {Box[]} */
  #signs() {
    const window_ = this.map.getBounds().pad(0.06);
    const signs = this.stack.shown().flatMap((layer) => [...(layer.drawing?.signs() ?? [])]);
    return signs
      .filter((sign) => window_.contains(sign.getLatLng()))
      .map((sign) => around(this.map.latLngToContainerPoint(sign.getLatLng()), signRadius(sign)));
  }

  /**
   * Where it covers neither a name nor a symbol; the name of an area rather covers a symbol than be left out.
   * @param {Label} label
   * @param {Grid} grid
   * @param {Grid} names
   */
  #place(label, grid, names) {
    if (this.placed.length >= MOST) return;
    const places = candidates(label);
    const box = places.find((place) => !grid.hits(place)) ?? (label.radius ? undefined : places.find((place) => !names.hits(place)));
    if (!box) return;
    grid.add(box);
    names.add(box);
    this.#draw(label, box);
    this.placed.push({ text: label.lines.join(english ? " " : ""), layer: label.layer, fid: label.fid, box });
  }

  /**
   * @param {Label} label
   * @param {Box} box
   */
  #draw(label, box) {
    const { context } = this;
    const centred = !label.radius || (box.minX < label.centre.x && box.maxX > label.centre.x);
    const x = centred ? (box.minX + box.maxX) / 2 : box.minX > label.centre.x ? box.minX + 2 : box.maxX - 2;
    context.font = label.font;
    context.textAlign = centred ? "center" : box.minX > label.centre.x ? "left" : "right";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3.4;
    context.strokeStyle = cssColor("--map-halo");
    context.fillStyle = label.color;
    const step = (box.maxY - box.minY - 2) / label.lines.length;
    label.lines.forEach((line, i) => context.strokeText(line, x, box.minY + 1 + step * (i + 0.5)));
    label.lines.forEach((line, i) => context.fillText(line, x, box.minY + 1 + step * (i + 0.5)));
  }

  /** Boxes of names and symbols, in pixels of the whole world at this zoom: names of the basemap keep off them. */
  worldBoxes() {
    const { x, y } = /** @type {import("leaflet").Point} */ (this.map.getPixelBounds().min);
    return [...this.placed.map(({ box }) => box), ...this.signs].map((box) => ({ minX: box.minX + x, maxX: box.maxX + x, minY: box.minY + y, maxY: box.maxY + y }));
  }
}

/** @param {any} sign */
function signRadius({ options }) {
  return options.crowded ? 3 : Number(options.radius);
}

/**
 * The name people read: the English one where the page is English and there is one.
 * @param {Properties} properties
 */
export function nameOf(properties) {
  return String(valueOf(properties, "name") ?? "");
}

/**
 * One line, or two of about the same length where it is too wide.
 * @param {string} text
 * @param {(part: string) => number} width
 * @param {number} widest
 */
function wrap(text, width, widest) {
  if (width(text) <= widest) return [text];
  const breaks = text.includes(" ") ? [...text.matchAll(/ /g)].map((m) => m.index) : [Math.ceil(text.length / 2)];
  const middle = text.length / 2;
  const at = breaks.reduce((best, i) => (Math.abs(i - middle) < Math.abs(best - middle) ? i : best));
  return [text.slice(0, at).trim(), text.slice(at).trim()];
}

/**
 * Where a label may stand, best first: beside, above or below a point; centred on an area or line.
 * @param {Label} label
 * @returns {Box[]}
 */
function candidates({ centre: { x, y }, radius, width, height }) {
  const half = height / 2;
  const gap = radius + 3;
  const at = (/** @type {number} */ left, /** @type {number} */ top) => ({ minX: left, minY: top, maxX: left + width, maxY: top + height });
  if (!radius) return [0, -11, 11, -22, 22].map((shift) => at(x - width / 2, y - half + shift));
  const beside = [at(x + gap, y - half), at(x - gap - width, y - half)];
  return [...beside, at(x - width / 2, y + gap - 1), at(x - width / 2, y - gap - height + 1)];
}

/**
 * A colour dark enough for small text on a light map.
 * @param {string} hex
 */
export function shade(hex) {
  const value = parseInt(hex.slice(1), 16);
  const channels = [value >> 16, (value >> 8) & 255, value & 255].map((c) => Math.round(c * 0.66));
  return `rgb(${channels.join(" ")})`;
}

/**
 * A number that is a feature's own, without the order of ids (FNV-1a, mixed as MurmurHash ends).
 * @param {string} fid
 */
function lotOf(fid) {
  let lot = 2166136261;
  for (let i = 0; i < fid.length; i++) lot = Math.imul(lot ^ fid.charCodeAt(i), 16777619);
  lot = Math.imul(lot ^ (lot >>> 16), 2246822507);
  lot = Math.imul(lot ^ (lot >>> 13), 3266489909);
  return (lot ^ (lot >>> 16)) >>> 0;
}
