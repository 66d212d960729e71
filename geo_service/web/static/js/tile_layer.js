// The adapter to protomaps-leaflet: a layer too large for the canvas, drawn from vector tiles with the same looks.

import { around } from "./boxes.js";
import { pathsFor, pointRadius, lineWeight } from "./canvas_layer.js";
import { dashArray, drawPoint, fillArea, lookOf } from "./symbols.js";

/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").Properties} Properties */
/** @typedef {{id: string | number, props: Properties, geom: import("leaflet").Point[][]}} TileFeature */

const MAX_DATA_ZOOM = 16;
const DOT_PX = 2.6;
const HAIRLINE_PX = 0.4;
const OUTLINES_ACROSS = 8;
const FAINTEST = 0.35;

export class TileDrawing {
  /**
   * @param {MapLayer} layer
   * @param {import("leaflet").Map} map
   */
  constructor(layer, map) {
    this.layer = layer;
    this.map = map;
    /** @type {any} */
    this.leaf = null;
    /** The geometry of the selected feature, drawn over the tiles. */
    this.over = L.layerGroup();
  }

  async load() {
    const { info, tileUrl } = this.layer;
    const rule = { dataLayer: info.id, filter: (/** @type {number} */ _, /** @type {TileFeature} */ f) => this.#shows(f) };
    this.leaf = protomapsL.leafletLayer({
      url: tileUrl,
      pane: "tiles",
      maxDataZoom: MAX_DATA_ZOOM,
      levelDiff: 0,
      attribution: "",
      paintRules: [{ ...rule, symbolizer: { draw: this.#paint } }],
      labelRules: info.kind === "point" ? [{ ...rule, symbolizer: { place: this.#placeGlyph } }] : [],
    });
    this.leaf.on("load", () => this.layer.stack.dispatchEvent(new Event("tiles")));
  }

  /** @param {TileFeature} feature */
  #shows(feature) {
    return this.layer.isVisible(feature.props);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("leaflet").Point[][]} geometry
   * @param {number} zoom
   * @param {TileFeature} feature
   */
  #paint = (context, geometry, zoom, feature) => {
    const { info } = this.layer;
    const look = { ...lookOf(info.symbol, feature.props), shape: info.symbol.shape };
    if (info.kind === "point") {
      for (const [point] of geometry) drawPoint(context, { ...look, shape: "circle" }, point.x, point.y, DOT_PX);
      return;
    }
    const line = info.kind === "line";
    trace(context, geometry, !line);
    if (!line) fillArea(context, look, 1);
    context.setLineDash(dashArray(look.dash));
    context.lineJoin = "round";
    const weight = lineWeight(zoom, info.symbol.size, line);
    context.lineWidth = line ? weight : outlineWeight(weight, geometry);
    context.globalAlpha = FAINTEST + (1 - FAINTEST) * (context.lineWidth / weight);
    context.strokeStyle = look.color;
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  };

  /**
   * @param {{zoom: number}} layout
   * @param {import("leaflet").Point[][]} geometry
   * @param {TileFeature} feature
   */
  #placeGlyph = (layout, geometry, feature) => {
    const { symbol } = this.layer.info;
    const radius = pointRadius(layout.zoom, symbol.size);
    if (radius < 6) return undefined;
    const look = { ...lookOf(symbol, feature.props), shape: symbol.shape };
    return geometry.map(([anchor]) => ({
      anchor,
      bboxes: [around(anchor, radius)],
      draw: (/** @type {CanvasRenderingContext2D} */ context) => drawPoint(context, look, 0, 0, radius),
    }));
  };

  show() {
    this.leaf.addTo(this.map);
    this.over.addTo(this.map);
  }

  hide() {
    this.leaf.remove();
    this.over.remove();
  }

  refresh() {
    this.leaf.setOpacity(this.layer.opacity);
    this.leaf.clearLayout();
    if (this.leaf._map) this.leaf.rerenderTiles();
  }

  bringToFront() {
    this.leaf.bringToFront();
  }

  /**
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
    const brush = this.layer.info.kind === "point" ? reach_px + 8 : reach_px + 1;
    const picked = [...this.leaf.queryTileFeaturesDebug(at.lng, at.lat, brush).values()].flat();
    const places = picked.map(({ feature }) => feature).filter((f) => this.#shows(f)).map((f) => this.#place(f, at));
    return [...new Map(places.map((place) => [place.fid, place])).values()];
  }

  /**
   * @param {TileFeature} feature
   * @param {import("leaflet").LatLng} at
   * @returns {Place}
   */
  #place(feature, at) {
    return { layer: this.layer, fid: String(feature.props.id ?? feature.id), properties: feature.props, at };
  }

  /** The tiles hold parts of features only: whoever needs one whole asks the server. */
  find() {
    return null;
  }

  boundsOf() {
    return null;
  }

  /**
   * Draw the whole geometry of a feature with a halo over the tiles, or take it away.
   * @param {string} fid
   * @param {boolean} selected
   */
  async mark(fid, selected) {
    this.over.clearLayers();
    this.marked = selected ? fid : null;
    if (!selected) return;
    const { info, stack } = this.layer;
    const { geometry, properties } = await stack.detail(this.layer, fid);
    if (!geometry || this.marked !== fid) return;
    const paths = pathsFor(this.layer, { type: "Feature", id: fid, geometry, properties }, stack.canvases);
    for (const path of paths) {
      path.options.selected = true;
      path.options.radius = pointRadius(this.map.getZoom(), info.symbol.size);
      this.over.addLayer(path);
    }
  }

  /** Glyphs of tiles are placed and thinned out by the tiles themselves. @returns {any[]} */
  signs() {
    return [];
  }

  /** Every feature of the tiles in view, once, with a point to label. */
  *visible() {
    const seen = new Set();
    for (const { feature, at } of this.#inView()) {
      const fid = String(feature.props.id ?? feature.id);
      if (seen.has(fid) || !this.#shows(feature)) continue;
      seen.add(fid);
      yield { feature: { id: fid, properties: feature.props }, at, sign: null };
    }
  }

  *#inView() {
    if (!this.leaf?._map) return;
    const [view] = this.leaf.views.values();
    const zoom = Math.min(this.map.getZoom(), MAX_DATA_ZOOM);
    const name = this.layer.info.kind === "polygon" ? `${this.layer.id}_label` : this.layer.id;
    for (const [key, entry] of view.tileCache.cache) {
      const [x, y, z] = key.split(":").map(Number);
      if (z !== zoom) continue;
      for (const feature of entry.data.get(name) ?? []) yield { feature, at: this.#middle(feature, x, y, z) };
    }
  }

  /**
   * @param {any} feature
   * @param {number} x
   * @param {number} y
   * @param {number} z
   */
  #middle({ bbox }, x, y, z) {
    const across = L.point(x * 256 + (bbox.minX + bbox.maxX) / 2, y * 256 + (bbox.minY + bbox.maxY) / 2);
    return this.map.unproject(across, z);
  }
}

/**
 * The outline of an area, as thin as the area is small: thousands side by side would become one block of its color.
 * @param {number} weight
 * @param {import("leaflet").Point[][]} geometry
 */
function outlineWeight(weight, geometry) {
  const { x, y } = L.bounds(geometry.flat()).getSize();
  return Math.min(weight, Math.max(HAIRLINE_PX, Math.max(x, y) / OUTLINES_ACROSS));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("leaflet").Point[][]} geometry
 * @param {boolean} closed
 */
function trace(context, geometry, closed) {
  context.beginPath();
  for (const part of geometry) {
    part.forEach(({ x, y }, i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (closed) context.closePath();
  }
}
