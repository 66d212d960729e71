// A layer drawn from its GeoJSON on the shared canvases: areas and lines on one, points on the other.

import { getJson } from "./api.js";
import { drawnRadius, makeGlyph } from "./canvas.js";
import { anchorOf, boundsOf } from "./geometry.js";
import { lookOf, signLook } from "./symbols.js";

/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./types").Feature} Feature */
/** @typedef {import("./types").Place} Place */
/** @typedef {{areas: import("leaflet").Canvas, points: import("leaflet").Canvas}} Canvases */

/**
 * A feature on the canvas: its paths (several for multi-points), the point its label stands at and, for areas, the
 * sign that stands for it while it is too small to be seen.
 * @typedef {object} Drawn
 * @property {Feature} feature
 * @property {any[]} paths
 * @property {import("leaflet").LatLng} at
 * @property {any} sign
 * @property {number} span width or height at zoom 0, in pixels
 */

/** Areas smaller than this carry their layer's sign. */
const SMALL_PX = 20;
const SIGN_PX = 10.5;

export class CanvasDrawing {
  /**
   * @param {MapLayer} layer
   * @param {import("leaflet").Map} map
   * @param {Canvases} canvases
   */
  constructor(layer, map, canvases) {
    this.layer = layer;
    this.map = map;
    this.canvases = canvases;
    this.group = L.layerGroup();
    /** @type {Map<string, Drawn>} */
    this.drawn = new Map();
  }

  /** Fetch and build everything; the paths come onto the map with `show`. */
  async load() {
    const collection = /** @type {GeoJSON.FeatureCollection} */ (await getJson(this.layer.dataUrl));
    for (const feature of collection.features) this.#add(/** @type {Feature} */ (/** @type {unknown} */ (feature)));
    this.refresh();
  }

  /** @param {Feature} feature */
  #add(feature) {
    if (!feature.geometry) return;
    const paths = pathsFor(this.layer, feature, this.canvases);
    const [longitude, latitude] = anchorOf(feature.geometry);
    const at = L.latLng(latitude, longitude);
    this.drawn.set(String(feature.id), { feature, paths, at, sign: this.#sign(feature, at), span: this.#span(feature.geometry) });
  }

  /**
   * @param {Feature} feature
   * @param {import("leaflet").LatLng} at
   */
  #sign(feature, at) {
    const { info } = this.layer;
    if (info.kind !== "polygon" || info.theme === "reference") return null;
    return makeGlyph(at, { ...pathOptions(info, feature), renderer: this.canvases.points, fill: false });
  }

  /** @param {GeoJSON.Geometry} geometry */
  #span(geometry) {
    const bounds = boundsOf(geometry);
    const { x, y } = this.map.project(bounds.getNorthEast(), 0).subtract(this.map.project(bounds.getSouthWest(), 0));
    return Math.max(Math.abs(x), Math.abs(y));
  }

  show() {
    this.group.addTo(this.map);
  }

  hide() {
    this.group.remove();
  }

  /** Bring what is drawn in line with class filter, opacity, zoom and theme. */
  refresh() {
    const scale = 2 ** this.map.getZoom();
    for (const { feature, paths, sign, span } of this.drawn.values()) {
      const visible = this.layer.isVisible(feature.properties);
      for (const path of paths) this.#put(path, visible, feature);
      if (sign) this.#put(sign, visible && span * scale < SMALL_PX, feature);
    }
  }

  /**
   * Have a path on the map or not, in the looks of the moment.
   * @param {any} path
   * @param {boolean} visible
   * @param {Feature} feature
   */
  #put(path, visible, feature) {
    if (visible !== this.group.hasLayer(path)) visible ? this.group.addLayer(path) : this.group.removeLayer(path);
    const { info, opacity } = this.layer;
    const zoom = this.map.getZoom();
    const point = path instanceof L.CircleMarker;
    const look = lookOf(info.symbol, feature.properties);
    path.options.look = point && info.kind === "polygon" ? signLook(info.symbol, look) : look;
    path.options.alpha = opacity;
    if (point) path.options.radius = /** @type {any} */ (path)._radius = pointRadius(zoom, info.kind === "point" ? info.symbol.size : SIGN_PX);
    else path.options.weight = lineWeight(zoom, info.symbol.size, info.kind === "line");
    if (path._map) path.setStyle({});
  }

  /** Draw over whatever was drawn before. */
  bringToFront() {
    for (const path of this.#paths()) path.bringToFront();
  }

  /** @returns {Generator<any>} */
  *#paths() {
    for (const { paths, sign } of this.drawn.values()) {
      for (const path of [...paths, sign]) if (path && this.group.hasLayer(path)) yield path;
    }
  }

  /** Every sign on the map now: points, and the signs of small areas. */
  *signs() {
    for (const path of this.#paths()) if (path instanceof L.CircleMarker) yield path;
  }

  /**
   * What lies under a point of the map, within so many pixels.
   * @param {import("leaflet").LatLng} at
   * @param {number} reach_px
   * @returns {Promise<Place[]>}
   */
  async hits(at, reach_px) {
    return this.hitsNow(at, reach_px);
  }

  /**
   * @param {import("leaflet").LatLng} at
   * @param {number} reach_px
   * @returns {Place[]}
   */
  hitsNow(at, reach_px) {
    const point = this.map.latLngToLayerPoint(at);
    const found = [...this.drawn.values()].filter((d) => [...d.paths, d.sign].some((p) => this.#touches(p, point, reach_px)));
    return found.map((d) => this.#place(d, this.layer.info.kind === "point" ? d.at : at));
  }

  /**
   * @param {any} path
   * @param {import("leaflet").Point} point
   * @param {number} reach_px
   */
  #touches(path, point, reach_px) {
    if (!path || !this.group.hasLayer(path) || !path._renderer) return false;
    if (path instanceof L.CircleMarker) {
      const centre = /** @type {any} */ (path)._point;
      return Boolean(centre) && point.distanceTo(centre) <= drawnRadius(/** @type {any} */ (path.options)) + reach_px;
    }
    if (!path._pxBounds?.contains(point)) return false;
    return path._containsPoint(point) || (reach_px > 4 && path._parts.length > 0 && nearLine(path, point, reach_px));
  }

  /**
   * The feature of this id, or null where it is not on the map.
   * @param {string} fid
   * @returns {Place | null}
   */
  find(fid) {
    const drawn = this.drawn.get(fid);
    return drawn ? this.#place(drawn, drawn.at) : null;
  }

  /**
   * @param {Drawn} drawn
   * @param {import("leaflet").LatLng} at
   * @returns {Place}
   */
  #place({ feature }, at) {
    return { layer: this.layer, fid: String(feature.id), properties: feature.properties, at };
  }

  /**
   * Put the halo on a feature, or take it off.
   * @param {string} fid
   * @param {boolean} selected
   */
  mark(fid, selected) {
    const drawn = this.drawn.get(fid);
    for (const path of drawn ? [...drawn.paths, drawn.sign] : []) {
      if (!path) continue;
      path.options.selected = selected;
      if (!path._map) continue;
      if (selected) path.bringToFront();
      path.setStyle({});
      if (path._radius) path._updateBounds();
      path.redraw();
    }
  }

  /** What is visible: feature, place, and the sign its label stands beside. */
  *visible() {
    for (const { feature, at, paths, sign } of this.drawn.values()) {
      if (!this.layer.isVisible(feature.properties)) continue;
      const marker = sign ?? paths[0];
      yield { feature, at, sign: marker instanceof L.CircleMarker && this.group.hasLayer(marker) ? marker : null };
    }
  }

  /** @param {string} fid */
  boundsOf(fid) {
    const geometry = this.drawn.get(fid)?.feature.geometry;
    return geometry ? boundsOf(geometry) : null;
  }
}

/**
 * The paths of a feature with the options our canvas reads; several for multi-points.
 * @param {MapLayer} layer
 * @param {Feature} feature
 * @param {Canvases} canvases
 */
export function pathsFor({ info }, feature, canvases) {
  const renderer = info.kind === "point" ? canvases.points : canvases.areas;
  return pathsOf(/** @type {GeoJSON.Geometry} */ (feature.geometry), { ...pathOptions(info, feature), renderer });
}

/**
 * @param {import("./types").Layer} info
 * @param {Feature} feature
 */
function pathOptions(info, feature) {
  return {
    interactive: false,
    fill: info.kind === "polygon",
    shape: info.symbol.shape,
    radius: info.symbol.size,
    weight: info.symbol.size,
    alpha: 1,
    selected: false,
    crowded: false,
    look: lookOf(info.symbol, feature.properties),
  };
}

/**
 * @param {GeoJSON.Geometry} geometry
 * @param {object} options
 * @returns {any[]}
 */
function pathsOf(geometry, options) {
  switch (geometry.type) {
    case "Point":
      return [makeGlyph(latLng(geometry.coordinates), options)];
    case "MultiPoint":
      return geometry.coordinates.map((c) => makeGlyph(latLng(c), options));
    case "LineString":
      return [L.polyline(geometry.coordinates.map(latLng), options)];
    case "MultiLineString":
      return [L.polyline(geometry.coordinates.map((line) => line.map(latLng)), options)];
    case "Polygon":
      return [L.polygon(geometry.coordinates.map((ring) => ring.map(latLng)), options)];
    case "MultiPolygon":
      return [L.polygon(geometry.coordinates.map((rings) => rings.map((ring) => ring.map(latLng))), options)];
    default:
      return geometry.geometries.flatMap((part) => pathsOf(part, options));
  }
}

/** @param {GeoJSON.Position} position */
function latLng([longitude, latitude]) {
  return L.latLng(latitude, longitude);
}

/**
 * @param {number} zoom
 * @param {number} size
 */
export function pointRadius(zoom, size) {
  if (zoom < 12) return Math.max(3, size * 0.35);
  if (zoom < 13) return size * 0.72;
  return zoom < 15 ? size * 0.88 : size;
}

/**
 * @param {number} zoom
 * @param {number} size
 * @param {boolean} line
 */
export function lineWeight(zoom, size, line) {
  if (!line) return zoom < 13 ? Math.min(1.2, size) : size;
  return zoom < 12 ? Math.max(1.2, size * 0.5) : zoom < 14 ? size * 0.75 : size;
}

/**
 * @param {any} path
 * @param {import("leaflet").Point} point
 * @param {number} reach_px
 */
function nearLine(path, point, reach_px) {
  return path._parts.some((/** @type {import("leaflet").Point[]} */ part) =>
    part.some((p, i) => i > 0 && L.LineUtil.pointToSegmentDistance(point, part[i - 1], p) <= reach_px),
  );
}
