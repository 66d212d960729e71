// A layer drawn from its GeoJSON on the shared canvases: areas and lines on one, points on the other.

import { getJson } from "./api.js";
import { drawnRadius, makeGlyph } from "./canvas.js";
import { anchorOf, boundsOf } from "./geometry.js";
import { isIllustrative, lookOf } from "./symbols.js";

/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./types").Feature} Feature */
/** @typedef {import("./types").Place} Place */
/** @typedef {{areas: import("leaflet").Canvas, points: import("leaflet").Canvas}} Canvases */

/**
 * A feature on the canvas: its paths (several for multi-points) and the point its label stands at.
 * @typedef {object} Drawn
 * @property {Feature} feature
 * @property {any[]} paths
 * @property {import("leaflet").LatLng} at
 */

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
    this.drawn.set(String(feature.id), { feature, paths, at: L.latLng(latitude, longitude) });
  }

  show() {
    this.group.addTo(this.map);
  }

  hide() {
    this.group.remove();
  }

  /** Bring what is drawn in line with class filter, opacity, zoom and theme. */
  refresh() {
    for (const { feature, paths } of this.drawn.values()) {
      const visible = this.layer.isVisible(feature.properties);
      for (const path of paths) {
        if (visible !== this.group.hasLayer(path)) visible ? this.group.addLayer(path) : this.group.removeLayer(path);
        this.#restyle(path, feature);
      }
    }
  }

  /**
   * @param {any} path
   * @param {Feature} feature
   */
  #restyle(path, feature) {
    const { info, opacity } = this.layer;
    path.options.look = lookOf(info.symbol, feature.properties);
    path.options.alpha = opacity;
    if (info.kind === "point") path.options.radius = path._radius = pointRadius(this.map.getZoom(), info.symbol.size);
    else path.options.weight = lineWeight(this.map.getZoom(), info.symbol.size, info.kind === "line");
    if (path._map) path.setStyle({});
  }

  /** Draw over whatever was drawn before. */
  bringToFront() {
    for (const path of this.#paths()) path.bringToFront();
  }

  /** @returns {Generator<any>} */
  *#paths() {
    for (const { paths } of this.drawn.values()) for (const path of paths) if (this.group.hasLayer(path)) yield path;
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
    const found = [...this.drawn.values()].filter((d) => d.paths.some((p) => this.#touches(p, point, reach_px)));
    return found.map((d) => this.#place(d, this.layer.info.kind === "point" ? d.at : at));
  }

  /**
   * @param {any} path
   * @param {import("leaflet").Point} point
   * @param {number} reach_px
   */
  #touches(path, point, reach_px) {
    if (!this.group.hasLayer(path) || !path._renderer) return false;
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
    for (const path of this.drawn.get(fid)?.paths ?? []) {
      path.options.selected = selected;
      if (!path._map) continue;
      if (selected) path.bringToFront();
      path.setStyle({});
      if (path._radius) path._updateBounds();
      path.redraw();
    }
  }

  /** What is visible: feature, place and, for points, the paths that may be crowded. */
  *visible() {
    for (const drawn of this.drawn.values()) if (this.layer.isVisible(drawn.feature.properties)) yield drawn;
  }

  /** @param {string} fid */
  boundsOf(fid) {
    const geometry = this.drawn.get(fid)?.feature.geometry;
    return geometry ? boundsOf(geometry) : null;
  }

  /** How many features are drawn, and how many of them are illustrative. */
  count() {
    const shown = [...this.visible()];
    const { symbol } = this.layer.info;
    return { shown: shown.length, illustrative: shown.filter((d) => isIllustrative(symbol, d.feature.properties)).length };
  }
}

/**
 * The paths of a feature with the options our canvas reads; several for multi-points.
 * @param {MapLayer} layer
 * @param {Feature} feature
 * @param {Canvases} canvases
 */
export function pathsFor({ info }, feature, canvases) {
  return pathsOf(/** @type {GeoJSON.Geometry} */ (feature.geometry), {
    renderer: info.kind === "point" ? canvases.points : canvases.areas,
    interactive: false,
    fill: info.kind === "polygon",
    shape: info.symbol.shape,
    radius: info.symbol.size,
    weight: info.symbol.size,
    alpha: 1,
    selected: false,
    crowded: false,
    look: lookOf(info.symbol, feature.properties),
  });
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
  if (zoom < 13) return size * 0.6;
  return zoom < 15 ? size * 0.85 : size;
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
