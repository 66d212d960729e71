// Names along streets and rivers for protomaps-leaflet: turned with the line, or stacked upright where it runs
// north-south and the name is Chinese, as street maps in China do.

import { FONT } from "./symbols.js";

/** @typedef {{x: number, y: number}} Spot */
/** @typedef {import("./boxes.js").Box} Box */

const EVERY_PX = 520;
const STEEP = Math.tan((52 * Math.PI) / 180);

export class AlongLine {
  /**
   * @param {{size: number, weight: number, spacing?: number, color: string, halo: string, name: (properties: any) => string, free: (box: Box) => boolean}} options
   */
  constructor(options) {
    this.options = options;
  }

  /**
   * Labels of a feature; called by protomaps-leaflet with a scratch canvas and the geometry in pixels.
   * @param {{scratch: CanvasRenderingContext2D}} layout
   * @param {Spot[][]} geometry
   * @param {{props: any}} feature
   */
  place(layout, geometry, feature) {
    const name = this.options.name(feature.props);
    if (!name) return undefined;
    const letters = [...name];
    const upright = /\p{Script=Han}/u.test(name);
    layout.scratch.font = this.#font();
    const width = layout.scratch.measureText(name).width + letters.length * (this.options.spacing ?? 1);
    const found = geometry.flatMap((path) => spotsAlong(path, width)).map((spot) => this.#label(letters, name, spot, upright));
    return found.filter((label) => label.bboxes.every(this.options.free));
  }

  #font() {
    return `${this.options.weight} ${this.options.size}px ${FONT}`;
  }

  /**
   * @param {string[]} letters
   * @param {string} name
   * @param {{centre: Spot, along: Spot, width: number}} spot
   * @param {boolean} upright
   */
  #label(letters, name, { centre, along, width }, upright) {
    const stacked = upright && Math.abs(along.y) > Math.abs(along.x) * STEEP;
    const forward = stacked ? along.y > 0 : along.x > 0 || (along.x === 0 && along.y < 0);
    const sign = forward ? 1 : -1;
    const direction = { x: along.x * sign, y: along.y * sign };
    const step = width / letters.length;
    const places = letters.map((_, i) => (i - (letters.length - 1) / 2) * step).map((d) => ({ x: d * direction.x, y: d * direction.y }));
    const half = this.options.size / 2 + 2;
    return {
      anchor: centre,
      bboxes: places.map(({ x, y }) => ({ minX: centre.x + x - half, minY: centre.y + y - half, maxX: centre.x + x + half, maxY: centre.y + y + half })),
      deduplicationKey: name,
      deduplicationDistance: EVERY_PX * 0.6,
      draw: (/** @type {CanvasRenderingContext2D} */ context) => this.#draw(context, letters, name, places, stacked || !upright ? 0 : 1, direction, stacked),
    };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string[]} letters
   * @param {string} name
   * @param {Spot[]} places
   * @param {number} single whether each letter is turned and drawn by itself
   * @param {Spot} direction
   * @param {boolean} stacked
   */
  #draw(context, letters, name, places, single, direction, stacked) {
    const { color, halo } = this.options;
    Object.assign(context, { font: this.#font(), textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 3, strokeStyle: halo, fillStyle: color });
    const turn = stacked ? 0 : Math.atan2(direction.y, direction.x);
    /** @type {[string, Spot][]} */
    const parts = single || stacked ? letters.map((letter, i) => [letter, places[i]]) : [[name, { x: 0, y: 0 }]];
    for (const paint of ["strokeText", "fillText"]) {
      for (const [text, { x, y }] of parts) {
        context.save();
        context.translate(x, y);
        context.rotate(turn);
        /** @type {any} */ (context)[paint](text, 0, 0);
        context.restore();
      }
    }
  }
}

/**
 * Places along a path that are straight enough for a text of this width.
 * @param {Spot[]} path
 * @param {number} width
 */
function spotsAlong(path, width) {
  const reach = lengthsOf(path);
  const total = reach[reach.length - 1] ?? 0;
  if (total < width * 1.15) return [];
  const count = Math.max(1, Math.round(total / EVERY_PX));
  const found = [];
  for (let i = 0; i < count; i++) {
    const middle = ((i + 0.5) * total) / count;
    const spot = [0, 0.25, -0.25].map((shift) => straight(path, reach, middle + (shift * total) / count, width)).find(Boolean);
    if (spot) found.push(spot);
  }
  return found;
}

/** @param {Spot[]} path */
function lengthsOf(path) {
  let sum = 0;
  return path.map((p, i) => (sum += i ? Math.hypot(p.x - path[i - 1].x, p.y - path[i - 1].y) : 0));
}

/**
 * @param {Spot[]} path
 * @param {number[]} reach
 * @param {number} middle
 * @param {number} width
 */
function straight(path, reach, middle, width) {
  const [from, to] = [middle - width / 2, middle + width / 2];
  if (from < 0 || to > reach[reach.length - 1]) return null;
  const [a, b, centre] = [pointAt(path, reach, from), pointAt(path, reach, to), pointAt(path, reach, middle)];
  const chord = Math.hypot(b.x - a.x, b.y - a.y);
  if (chord < width * 0.97) return null;
  return { centre, along: { x: (b.x - a.x) / chord, y: (b.y - a.y) / chord }, width };
}

/**
 * @param {Spot[]} path
 * @param {number[]} reach
 * @param {number} distance
 * @returns {any}
 */
function pointAt(path, reach, distance) {
  const i = Math.max(1, reach.findIndex((r) => r >= distance));
  const [a, b] = [path[i - 1], path[i]];
  const share = (distance - reach[i - 1]) / (reach[i] - reach[i - 1] || 1);
  const point = /** @type {any} */ (a).clone();
  point.x += (b.x - a.x) * share;
  point.y += (b.y - a.y) * share;
  return point;
}
