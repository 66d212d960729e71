// A small drawing of where a file's vertices would lie in one reading of its coordinates, beside the district's outline.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360;
const HEIGHT = 260;

/** @typedef {(position: number[]) => number[]} Projection */

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function s(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * North up, longitudes shortened by the cosine of the latitude, fitted to the frame.
 * @param {number[][]} positions
 * @returns {Projection}
 */
function frame(positions) {
  const xs = positions.map((p) => p[0]);
  const ys = positions.map((p) => p[1]);
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const stretch = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const width = Math.max((east - west) * stretch, 1e-5);
  const height = Math.max(north - south, 1e-5);
  const scale = 0.88 * Math.min(WIDTH / width, HEIGHT / height);
  const [left, top] = [(WIDTH - width * scale) / 2, (HEIGHT - height * scale) / 2];
  return ([x, y]) => [left + (x - west) * stretch * scale, top + (north - y) * scale];
}

/**
 * The rings of a polygon or multipolygon.
 * @param {any} coordinates
 * @returns {number[][][]}
 */
function ringsOf(coordinates) {
  return typeof coordinates[0][0] === "number" ? [coordinates] : coordinates.flatMap(ringsOf);
}

/**
 * @param {number[][]} points longitudes and latitudes
 * @param {any} outline the district as a GeoJSON polygon, or null
 * @param {string} title
 */
export function sketchReading(points, outline, title) {
  const rings = outline ? ringsOf(outline.coordinates) : [];
  const to = frame([...points, ...rings.flat()]);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sketch", role: "img", "aria-label": title });
  const line = (/** @type {number[][]} */ ring) => `M${ring.map((p) => to(p).map((v) => v.toFixed(1)).join(",")).join("L")}Z`;
  svg.append(s("path", { d: rings.map(line).join(""), class: "outline" }));
  for (const point of points) {
    const [cx, cy] = to(point);
    svg.append(s("circle", { cx, cy, r: 3.2 }));
  }
  return svg;
}
