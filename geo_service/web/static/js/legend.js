// Swatches: the same drawing as on the map, small.

import { lineWeight } from "./canvas_layer.js";
import { dashArray, drawPoint, fillArea, lookOfClass, paper } from "./symbols.js";

/** @typedef {import("./types").Layer} Layer */
/** @typedef {import("./types").SymbolClass} SymbolClass */
/** @typedef {import("./types").LayerSymbol} LayerSymbol */

/**
 * The class most of a layer's features have: what its row in the tree shows.
 * @param {Layer} layer
 */
export function leadingClass({ symbol, classes }) {
  const count = (/** @type {SymbolClass} */ c) => classes[c.key] ?? 0;
  const last = symbol.classes[symbol.classes.length - 1];
  return symbol.classes.reduce((best, c) => (count(c) > count(best) ? c : best), last);
}

/**
 * Whether all that is located of a layer is illustrative.
 * @param {Layer} layer
 */
export function isAllIllustrative(layer) {
  return layer.located > 0 && layer.illustrative === layer.located;
}

/**
 * A swatch of a class, redrawn by `refreshSwatches` when the theme changes.
 * @param {LayerSymbol} symbol
 * @param {SymbolClass} found
 * @param {{illustrative?: boolean, size?: number}} [options]
 */
export function swatch(symbol, found, { illustrative = false, size = 20 } = {}) {
  const canvas = document.createElement("canvas");
  canvas.className = "swatch";
  canvas.setAttribute("aria-hidden", "true");
  canvas.width = canvas.height = size * 2;
  canvas.style.width = canvas.style.height = `${size}px`;
  const draw = () => drawSwatch(canvas, symbol, lookOfClass(symbol, found, illustrative), size);
  drawers.set(canvas, draw);
  draw();
  return canvas;
}

/** @type {WeakMap<Element, () => void>} */
const drawers = new WeakMap();

/** Draw every swatch of the page again. */
export function refreshSwatches() {
  for (const canvas of document.querySelectorAll(".swatch")) drawers.get(canvas)?.();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {LayerSymbol} symbol
 * @param {import("./types").Look} look
 * @param {number} size
 */
function drawSwatch(canvas, symbol, look, size) {
  const context = paper(canvas);
  context.setTransform(2, 0, 0, 2, 0, 0);
  context.clearRect(0, 0, size, size);
  const middle = size / 2;
  if (symbol.kind === "point") {
    drawPoint(context, { ...look, shape: symbol.shape }, middle, middle, size * 0.4);
    return;
  }
  context.beginPath();
  if (symbol.kind === "line") {
    context.moveTo(1, middle);
    context.lineTo(size - 1, middle);
  } else {
    context.roundRect(1.5, 3, size - 3, size - 6, 3);
    fillArea(context, look, 1);
  }
  context.strokeStyle = look.color;
  context.lineWidth = symbol.kind === "line" ? Math.min(4, lineWeight(15, symbol.size, true)) : 1.5;
  context.setLineDash(dashArray(look.dash).map((length) => length * (size / 34)));
  context.stroke();
  context.setLineDash([]);
}
