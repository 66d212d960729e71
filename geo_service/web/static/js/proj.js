// CGCS2000 / 3-degree Gauss-Kruger zone 39 (EPSG:4548: central meridian 117 E, false easting 500 km, scale 1) and back.
// Krueger's series to n^4 (Karney 2011, eq. 35 and 36): far below 1 mm within the zone.

/** @typedef {import("./types").Position} Position */

const A = 6378137;
const F = 1 / 298.257222101;
const N = F / (2 - F);
const RECTIFYING = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const E = Math.sqrt(F * (2 - F));
const FORWARD = [
  N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
  (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
  (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
  (49561 / 161280) * N ** 4,
];
const BACKWARD = [
  N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - (1 / 360) * N ** 4,
  (1 / 48) * N ** 2 + (1 / 15) * N ** 3 - (437 / 1440) * N ** 4,
  (17 / 480) * N ** 3 - (37 / 840) * N ** 4,
  (4397 / 161280) * N ** 4,
];
const MERIDIAN = 117;
const FALSE_EASTING_M = 500000;
const RAD = Math.PI / 180;

/**
 * Easting and northing in metres.
 * @param {Position} position
 * @returns {[number, number]}
 */
export function toPlane([longitude, latitude]) {
  const sine = Math.sin(latitude * RAD);
  const lambda = (longitude - MERIDIAN) * RAD;
  const tau = Math.sinh(Math.atanh(sine) - E * Math.atanh(E * sine));
  const xi = Math.atan2(tau, Math.cos(lambda));
  const eta = Math.asinh(Math.sin(lambda) / Math.hypot(tau, Math.cos(lambda)));
  let north = xi;
  let east = eta;
  FORWARD.forEach((c, i) => {
    const k = 2 * (i + 1);
    north += c * Math.sin(k * xi) * Math.cosh(k * eta);
    east += c * Math.cos(k * xi) * Math.sinh(k * eta);
  });
  return [FALSE_EASTING_M + RECTIFYING * east, RECTIFYING * north];
}

/**
 * Longitude and latitude in degrees.
 * @param {number} easting
 * @param {number} northing
 * @returns {Position}
 */
export function toDegrees(easting, northing) {
  const xi = northing / RECTIFYING;
  const eta = (easting - FALSE_EASTING_M) / RECTIFYING;
  let x = xi;
  let y = eta;
  BACKWARD.forEach((c, i) => {
    const k = 2 * (i + 1);
    x -= c * Math.sin(k * xi) * Math.cosh(k * eta);
    y -= c * Math.cos(k * xi) * Math.sinh(k * eta);
  });
  const isometric = Math.asinh(Math.sin(x) / Math.hypot(Math.sinh(y), Math.cos(x)));
  let sine = Math.tanh(isometric);
  for (let i = 0; i < 8; i++) sine = Math.tanh(isometric + E * Math.atanh(E * sine));
  return [MERIDIAN + Math.atan2(Math.sinh(y), Math.cos(x)) / RAD, Math.asin(sine) / RAD];
}

/**
 * Length of a path in metres; of the ring when closed.
 * @param {Position[]} path
 * @param {{closed?: boolean}} [options]
 */
export function length(path, { closed = false } = {}) {
  const points = path.map(toPlane);
  let sum = 0;
  for (let i = closed ? 0 : 1; i < points.length; i++) {
    const [a, b] = [points[(i || points.length) - 1], points[i]];
    sum += Math.hypot(b[0] - a[0], b[1] - a[1]);
  }
  return sum;
}

/**
 * Area of a ring in square metres.
 * @param {Position[]} ring
 */
export function area(ring) {
  const points = ring.map(toPlane);
  let twice = 0;
  points.forEach(([x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length];
    twice += (x - points[0][0]) * (nextY - points[0][1]) - (nextX - points[0][0]) * (y - points[0][1]);
  });
  return Math.abs(twice / 2);
}

/**
 * Degrees, minutes and seconds: 117°08′31.20″E.
 * @param {number} degrees
 * @param {string} positive
 * @param {string} negative
 */
export function sexagesimal(degrees, positive, negative) {
  const hundredths = Math.round(Math.abs(degrees) * 360000);
  const seconds = ((hundredths % 6000) / 100).toFixed(2).padStart(5, "0");
  const minutes = String(Math.floor(hundredths / 6000) % 60).padStart(2, "0");
  return `${Math.floor(hundredths / 360000)}°${minutes}′${seconds}″${degrees < 0 ? negative : positive}`;
}
