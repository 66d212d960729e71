// Boxes on the screen and what they cover.

/** @typedef {{minX: number, minY: number, maxX: number, maxY: number}} Box */

/**
 * @param {{x: number, y: number}} centre
 * @param {number} radius
 * @returns {Box}
 */
export function around({ x, y }, radius) {
  return { minX: x - radius, minY: y - radius, maxX: x + radius, maxY: y + radius };
}

/** Boxes by cell, to find quickly what a new one would cover. */
export class Grid {
  constructor() {
    /** @type {Map<string, Box[]>} */
    this.cells = new Map();
  }

  /** @param {Box} box */
  add(box) {
    for (const key of cellsOf(box)) this.cells.set(key, [...(this.cells.get(key) ?? []), box]);
  }

  /** @param {Box} box */
  hits(box) {
    return [...cellsOf(box)].some((key) => this.cells.get(key)?.some((other) => overlap(box, other)));
  }
}

/**
 * @param {Box} a
 * @param {Box} b
 */
export function overlap(a, b) {
  return a.minX < b.maxX && a.maxX > b.minX && a.minY < b.maxY && a.maxY > b.minY;
}

/**
 * @param {Box} box
 */
function* cellsOf({ minX, minY, maxX, maxY }) {
  for (let column = Math.floor(minX / 64); column <= Math.floor(maxX / 64); column++) {
    for (let row = Math.floor(minY / 64); row <= Math.floor(maxY / 64); row++) yield `${column},${row}`;
  }
}
