// Small facts about GeoJSON geometries: where a label stands, and how far they reach.

/** @typedef {import("./types").Position} Position */
/** @typedef {GeoJSON.Position[]} Path */

/**
 * A point to label: of the largest polygon its centroid, of the longest line its middle.
 * @param {GeoJSON.Geometry} geometry
 * @returns {Position}
 */
export function anchorOf(geometry) {
  switch (geometry.type) {
    case "Point":
      return pair(geometry.coordinates);
    case "MultiPoint":
      return pair(geometry.coordinates[0]);
    case "LineString":
      return middle(geometry.coordinates);
    case "MultiLineString":
      return middle(largest(geometry.coordinates, pathLength));
    case "Polygon":
      return centroid(geometry.coordinates[0]);
    case "MultiPolygon":
      return centroid(largest(geometry.coordinates.map((rings) => rings[0]), (ring) => Math.abs(doubleArea(ring))));
    default:
      return anchorOf(geometry.geometries[0]);
  }
}

/**
 * Every position of a geometry.
 * @param {GeoJSON.Geometry} geometry
 * @returns {Generator<Position>}
 */
export function* positionsOf(geometry) {
  if (geometry.type === "GeometryCollection") {
    for (const part of geometry.geometries) yield* positionsOf(part);
  } else {
    yield* /** @type {Generator<Position>} */ (flatten(geometry.coordinates));
  }
}

/**
 * @param {any[]} coordinates
 * @returns {Generator<Position>}
 */
function* flatten(coordinates) {
  if (typeof coordinates[0] === "number") yield pair(/** @type {number[]} */ (coordinates));
  else for (const part of coordinates) yield* flatten(part);
}

/**
 * Bounds of a geometry on the map.
 * @param {GeoJSON.Geometry} geometry
 */
export function boundsOf(geometry) {
  const bounds = L.latLngBounds([]);
  for (const [longitude, latitude] of positionsOf(geometry)) bounds.extend([latitude, longitude]);
  return bounds;
}

/**
 * @param {number[]} position
 * @returns {Position}
 */
function pair(position) {
  return [position[0], position[1]];
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => number} measure
 */
function largest(items, measure) {
  return items.reduce((best, item) => (measure(item) > measure(best) ? item : best));
}

/** @param {Path} path */
function pathLength(path) {
  let sum = 0;
  for (let i = 1; i < path.length; i++) sum += Math.hypot(path[i][0] - path[i - 1][0], path[i][1] - path[i - 1][1]);
  return sum;
}

/**
 * @param {Path} path
 * @returns {Position}
 */
function middle(path) {
  let left = pathLength(path) / 2;
  for (let i = 1; i < path.length; i++) {
    const [a, b] = [path[i - 1], path[i]];
    const step = Math.hypot(b[0] - a[0], b[1] - a[1]);
    if (step >= left && step > 0) return [a[0] + ((b[0] - a[0]) * left) / step, a[1] + ((b[1] - a[1]) * left) / step];
    left -= step;
  }
  return pair(path[0]);
}

/** @param {Path} ring */
function doubleArea(ring) {
  const [x0, y0] = ring[0];
  return ring.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length];
    return sum + (x - x0) * (nextY - y0) - (nextX - x0) * (y - y0);
  }, 0);
}

/**
 * @param {Path} ring
 * @returns {Position}
 */
function centroid(ring) {
  const twice = doubleArea(ring);
  if (!twice) return pair(ring[0]);
  const [x0, y0] = ring[0];
  let [sumX, sumY] = [0, 0];
  ring.forEach(([x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length];
    const cross = (x - x0) * (nextY - y0) - (nextX - x0) * (y - y0);
    sumX += (x + nextX - 2 * x0) * cross;
    sumY += (y + nextY - 2 * y0) * cross;
  });
  return [x0 + sumX / (3 * twice), y0 + sumY / (3 * twice)];
}
