// Leaflet's canvas with our looks: tint and hatch, casings, Han characters in shapes, the halo of what is selected.

import { cssColor } from "./theme.js";
import { dashArray, drawPoint, drawPointHalo, fillArea } from "./symbols.js";

/** @typedef {import("./types").Look} Look */
/** @typedef {import("./types").Shape} Shape */

/**
 * What our canvas reads from a path's options.
 * @typedef {object} Drawn
 * @property {Look} look
 * @property {Shape} shape
 * @property {number} alpha
 * @property {number} weight
 * @property {boolean} selected
 * @property {boolean} crowded
 * @property {number} radius
 */

/** Radius of a point that stands in the way of a more important one. */
const CROWDED_PX = 3.2;

/**
 * A canvas in a pane; it takes no mouse events: pointing goes through one hit test for all layers.
 * @param {string} pane
 * @returns {import("leaflet").Canvas}
 */
export function makeCanvas(pane) {
  const MapCanvas = /** @type {any} */ (L.Canvas).extend({ _fillStroke: drawPath, _updateGlyph: drawGlyph });
  return new MapCanvas({ pane, padding: 0.25, tolerance: 3 });
}

/**
 * A point drawn by its look.
 * @param {import("leaflet").LatLngExpression} at
 * @param {object} options
 * @returns {import("leaflet").CircleMarker}
 */
export function makeGlyph(at, options) {
  return new (glyphClass())(at, options);
}

/** @type {any} */
let GlyphMarker = null;

function glyphClass() {
  GlyphMarker ??= /** @type {any} */ (L.CircleMarker).extend({
    /** @this {any} */
    _updatePath() {
      this._renderer._updateGlyph(this);
    },
    /** @this {any} */
    _updateBounds() {
      const reach = L.point(this._radius + 10, this._radius + 10);
      this._pxBounds = L.bounds(this._point.subtract(reach), this._point.add(reach));
    },
  });
  return GlyphMarker;
}

/**
 * @this {any}
 * @param {any} marker
 */
function drawGlyph(marker) {
  if (!this._drawing || marker._empty()) return;
  const options = /** @type {Drawn} */ (marker.options);
  const { x, y } = marker._point;
  const radius = drawnRadius(options);
  const context = /** @type {CanvasRenderingContext2D} */ (this._ctx);
  if (options.selected) drawPointHalo(context, x, y, radius);
  context.globalAlpha = options.alpha;
  drawPoint(context, { ...options.look, shape: options.shape }, x, y, radius);
  context.globalAlpha = 1;
}

/** @param {Drawn} options */
export function drawnRadius(options) {
  return options.crowded && !options.selected ? Math.min(CROWDED_PX, options.radius) : options.radius;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {any} path
 */
function drawPath(context, path) {
  const options = /** @type {Drawn & {fill: boolean}} */ (path.options);
  context.lineJoin = context.lineCap = "round";
  if (options.fill) fillArea(context, options.look, options.alpha);
  if (options.selected) strokePath(context, cssColor("--halo"), options.weight + 6, 0.95);
  else if (!options.fill) strokePath(context, cssColor("--map-halo"), options.weight + 2.5, 0.9 * options.alpha);
  if (options.look.dash) context.lineCap = "butt";
  strokePath(context, options.look.color, options.weight, options.alpha, dashArray(options.look.dash));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} color
 * @param {number} width
 * @param {number} alpha
 * @param {number[]} [dash]
 */
function strokePath(context, color, width, alpha, dash = []) {
  context.setLineDash(dash);
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.strokeStyle = color;
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}
