// How a feature looks: the first class that fits, the illustrative overlay, and its drawing on a canvas.

import { cssColor, theme } from "./theme.js";

/** @typedef {import("./types").LayerSymbol} LayerSymbol */
/** @typedef {import("./types").SymbolClass} SymbolClass */
/** @typedef {import("./types").Properties} Properties */
/** @typedef {import("./types").Condition} Condition */
/** @typedef {import("./types").Look} Look */
/** @typedef {import("./types").Hatch} Hatch */
/** @typedef {import("./types").Shape} Shape */

export const FONT = getComputedStyle(document.documentElement).getPropertyValue("--sans").trim() || "sans-serif";

/**
 * Whether every field of a condition has one of its allowed values; "" and a missing field count as empty.
 * @param {Condition} when
 * @param {Properties} properties
 */
export function fits(when, properties) {
  return Object.entries(when).every(([field, allowed]) => {
    const value = properties[field];
    return allowed.includes(value === "" || value === undefined || value === null ? null : String(value));
  });
}

/**
 * @param {LayerSymbol} symbol
 * @param {Properties} properties
 */
export function classOf(symbol, properties) {
  return symbol.classes.find((c) => fits(c.when, properties)) ?? symbol.classes[symbol.classes.length - 1];
}

/**
 * @param {LayerSymbol} symbol
 * @param {Properties} properties
 */
export function isIllustrative(symbol, properties) {
  return fits(symbol.illustrative.when, properties);
}

/**
 * The look of a feature: its class, hollow and dotted where its position is only illustrative.
 * @param {LayerSymbol} symbol
 * @param {Properties} properties
 */
export function lookOf(symbol, properties) {
  return lookOfClass(symbol, classOf(symbol, properties), isIllustrative(symbol, properties));
}

/**
 * @param {LayerSymbol} symbol
 * @param {SymbolClass} found
 * @param {boolean} illustrative
 * @returns {Look}
 */
export function lookOfClass(symbol, found, illustrative) {
  const hollow = symbol.kind === "point" ? "open" : symbol.kind === "polygon" ? 0 : found.fill;
  const [fill, dash] = illustrative ? [hollow, symbol.illustrative.dash] : [found.fill, found.dash];
  return { ...found, fill, dash, color: colorOf(found, fill), illustrative };
}

/**
 * The colour in the present theme: the lighter twin at night, but not under a white character.
 * @param {{color: string, dark: string}} found
 * @param {number | string} fill
 */
function colorOf(found, fill) {
  return theme() === "dark" && fill !== "full" ? found.dark : found.color;
}

/**
 * The look of the sign of a small area: its tint becomes full, half or open; colours are those of points.
 * @param {LayerSymbol} symbol
 * @param {Look} look
 * @returns {Look}
 */
export function signLook(symbol, look) {
  const tint = Number(look.fill);
  const fill = tint >= 0.4 ? "full" : tint >= 0.2 ? "half" : "open";
  return { ...look, fill, color: colorOf(symbol, fill) };
}

/**
 * Dash lengths in pixels.
 * @param {string} dash
 */
export function dashArray(dash) {
  return dash ? dash.split(" ").map(Number) : [];
}

/** @type {Map<string, CanvasPattern>} */
const patterns = new Map();
const CELL = 12;

/**
 * A repeating hatch in a colour, drawn at double resolution.
 * @param {Hatch} hatch
 * @param {string} color
 */
export function hatchPattern(hatch, color) {
  const key = hatch + color;
  let pattern = patterns.get(key);
  if (!pattern) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = CELL * 2;
    const context = paper(canvas);
    context.scale(2, 2);
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 1;
    drawHatch(context, hatch);
    pattern = /** @type {CanvasPattern} */ (context.createPattern(canvas, "repeat"));
    pattern.setTransform(new DOMMatrix().scale(0.5));
    patterns.set(key, pattern);
  }
  return pattern;
}

/** @param {HTMLCanvasElement} canvas */
export function paper(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** Strokes of each hatch in a 12 by 12 cell that repeats. @type {Record<string, number[][]>} */
const STROKES = {
  diag: [[-2, 8, 8, -2], [-2, 14, 14, -2], [4, 14, 14, 4]],
  diag2: [[-2, 4, 8, 14], [-2, -2, 14, 14], [4, -2, 14, 8]],
  cross: [[-2, 14, 14, -2], [-2, -2, 14, 14]],
  grid: [[0, 6, 12, 6], [6, 0, 6, 12]],
  horizontal: [[0, 3, 12, 3], [0, 9, 12, 9]],
  vertical: [[3, 0, 3, 12], [9, 0, 9, 12]],
  brick: [[0, 3, 12, 3], [0, 9, 12, 9], [3, 3, 3, 9], [9, 9, 9, 12], [9, 0, 9, 3]],
  plus: [[1, 3, 5, 3], [3, 1, 3, 5], [7, 9, 11, 9], [9, 7, 9, 11]],
  dash: [[0, 3, 6, 3], [6, 9, 12, 9]],
};

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Hatch} hatch
 */
function drawHatch(context, hatch) {
  context.beginPath();
  if (hatch === "dots") {
    for (const [x, y] of [[3, 3], [9, 9]]) {
      context.moveTo(x + 1.2, y);
      context.arc(x, y, 1.2, 0, 7);
    }
    return context.fill();
  }
  if (hatch === "wave") {
    for (const y of [3, 9]) {
      context.moveTo(0, y);
      context.bezierCurveTo(2, y - 3, 4, y - 3, 6, y);
      context.bezierCurveTo(8, y + 3, 10, y + 3, 12, y);
    }
  }
  for (const [x1, y1, x2, y2] of STROKES[hatch] ?? []) {
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
  }
  return context.stroke();
}

/**
 * The outline of a point symbol as the current path.
 * @param {CanvasRenderingContext2D} context
 * @param {Shape} shape
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function traceShape(context, shape, x, y, radius) {
  context.beginPath();
  if (shape === "square") {
    const half = radius * 0.92;
    context.roundRect(x - half, y - half, 2 * half, 2 * half, radius * 0.3);
  } else if (shape === "diamond") {
    corners(context, 4, x, y, radius * 1.2);
  } else if (shape === "pentagon") {
    corners(context, 5, x, y + radius * 0.08, radius * 1.14);
  } else {
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} count
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function corners(context, count, x, y, radius) {
  for (let i = 0; i < count; i++) {
    const angle = -Math.PI / 2 + (i * 2 * Math.PI) / count;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.closePath();
}

/**
 * A point symbol: full with a white character; half or open with a coloured one; a bare dot where it is tiny.
 * @param {CanvasRenderingContext2D} context
 * @param {Look & {shape: Shape}} look
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function drawPoint(context, look, x, y, radius) {
  const full = look.fill === "full";
  const ground = cssColor("--map-glyph-paper");
  context.save();
  traceShape(context, look.shape, x, y, radius + 1.6);
  context.fillStyle = ground;
  context.fill();
  traceShape(context, look.shape, x, y, radius);
  context.fillStyle = full ? look.color : ground;
  context.fill();
  if (look.fill === "half") fillLowerHalf(context, look.color, x, y, radius);
  if (!full) outlinePoint(context, look, x, y, radius);
  if (look.glyph && radius >= 7) drawGlyph(context, look, full ? cssColor("--map-glyph-ink") : look.color, x, y, radius);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} color
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function fillLowerHalf(context, color, x, y, radius) {
  context.save();
  context.clip();
  context.globalAlpha = 0.34;
  context.fillStyle = color;
  context.fillRect(x - 2 * radius, y, 4 * radius, 2 * radius);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Look & {shape: Shape}} look
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function outlinePoint(context, look, x, y, radius) {
  const tiny = radius < 7;
  traceShape(context, look.shape, x, y, radius);
  context.lineWidth = tiny ? 1.5 : 1.9;
  context.strokeStyle = look.color;
  if (look.dash) context.setLineDash(look.illustrative ? [1.8, 2] : [4, 2.2]);
  context.stroke();
  context.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Look & {shape: Shape}} look
 * @param {string} color
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function drawGlyph(context, { glyph, shape }, color, x, y, radius) {
  context.font = `700 ${Math.round(radius * (shape === "diamond" ? 0.98 : 1.18))}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = color;
  context.fillText(glyph, x, y + radius * 0.07);
}

/**
 * The ring behind a selected point.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function drawPointHalo(context, x, y, radius) {
  context.save();
  context.beginPath();
  context.arc(x, y, radius + 7, 0, 7);
  context.globalAlpha = 0.55;
  context.fillStyle = cssColor("--halo");
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.strokeStyle = cssColor("--halo-edge");
  context.stroke();
  context.restore();
}

/**
 * Fill the current path: the class's tint, then its hatch.
 * @param {CanvasRenderingContext2D} context
 * @param {Look} look
 * @param {number} opacity
 */
export function fillArea(context, look, opacity) {
  if (typeof look.fill === "number" && look.fill > 0) {
    context.globalAlpha = look.fill * opacity;
    context.fillStyle = look.color;
    context.fill("evenodd");
  }
  if (look.hatch) {
    context.globalAlpha = (look.illustrative ? 0.5 : 0.7) * opacity;
    context.fillStyle = hatchPattern(look.hatch, look.color);
    context.fill("evenodd");
  }
  context.globalAlpha = 1;
}
