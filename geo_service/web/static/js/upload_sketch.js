// Small drawings on the upload page: before and after, and the readings of coordinates.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 400;

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
 * A drawing of geometries in degrees, north up, fitted to the frame.
 * @param {number[][]} points
 */
function frame(points) {
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const stretch = Math.cos(((Math.min(...ys) + Math.max(...ys)) / 2) * (Math.PI / 180));
  const width = Math.max((Math.max(...xs) - Math.min(...xs)) * stretch, 1e-5);
  const height = Math.max(Math.max(...ys) - Math.min(...ys), 1e-5);
  const scale = 0.9 * Math.min(WIDTH / width, HEIGHT / height);
  const left = (WIDTH - width * scale) / 2;
  const top = (HEIGHT - height * scale) / 2;
  return (/** @type {number[]} */ [x, y]) => [left + (x - Math.min(...xs)) * stretch * scale, top + (Math.max(...ys) - y) * scale];
}

/**
 * All positions of a geometry.
 * @param {any} geometry
 * @returns {number[][]}
 */
function positions(geometry) {
  if (!geometry) return [];
  const flat = (/** @type {any} */ c) => (typeof c[0] === "number" ? [c] : c.flatMap(flat));
  return flat(geometry.coordinates);
}

/**
 * @param {any} geometry
 * @param {(p: number[]) => number[]} to
 */
function path(geometry, to) {
  const rings = (/** @type {any} */ c) => (typeof c[0][0] === "number" ? [c] : c.flatMap(rings));
  const line = (/** @type {number[][]} */ ring) => `M${ring.map((p) => to(p).map((v) => v.toFixed(1)).join(",")).join("L")}`;
  return rings(geometry.coordinates).map(line).join("");
}

/**
 * @param {any[]} changes
 * @param {any} outline the district
 */
export function sketchChanges(changes, outline) {
  const all = changes.flatMap((c) => [...positions(c.before?.geometry), ...positions(c.after?.geometry)]);
  if (!all.length) return null;
  const to = frame(all);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sketch", role: "img", "aria-label": "before / after" });
  draw(svg, outline, "outline", to);
  for (const change of changes) {
    for (const side of ["before", "after"]) draw(svg, change[side]?.geometry, side, to);
  }
  return svg;
}

/**
 * @param {Element} svg
 * @param {any} geometry
 * @param {string} side
 * @param {(p: number[]) => number[]} to
 */
function draw(svg, geometry, side, to) {
  if (!geometry) return;
  if (geometry.type.endsWith("Point")) {
    for (const point of positions(geometry)) {
      const [cx, cy] = to(point);
      svg.append(s("circle", { cx, cy, r: 5, class: side }));
    }
  } else {
    svg.append(s("path", { d: path(geometry, to), class: side }));
  }
}

/**
 * @param {any} verdict the CRS doctor's verdict with its previews
 * @param {any} outline the district
 */
export function sketchReadings(verdict, outline) {
  const shown = (verdict.previews ?? []).slice(0, 2);
  const all = shown.flatMap((/** @type {any} */ p) => p.points ?? []);
  if (!all.length) return null;
  all.push(...positions(outline));
  const to = frame(all);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sketch", role: "img", "aria-label": "coordinates" });
  draw(svg, outline, "outline", to);
  shown.forEach((/** @type {any} */ preview, /** @type {number} */ index) => {
    for (const point of preview.points) {
      const [cx, cy] = to(point);
      svg.append(s("circle", { cx, cy, r: 3, class: index ? "declared" : "proposed" }));
    }
  });
  return svg;
}
