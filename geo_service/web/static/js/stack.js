// All layers of the map in their order, the switch for illustrative positions, and the one hit test.

import { getJson, layerPath, address } from "./api.js";
import { makeCanvas } from "./canvas.js";
import { CanvasDrawing } from "./canvas_layer.js";
import { anchorOf, boundsOf } from "./geometry.js";
import { MapLayer } from "./layer.js";

/** @typedef {import("./types").Catalogue} Catalogue */
/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").FeatureDetail} FeatureDetail */

const RANK = { polygon: 0, line: 1, point: 2 };

/** Events: `change` after anything that alters what is drawn. */
export class Stack extends EventTarget {
  /**
   * @param {import("leaflet").Map} map
   * @param {Catalogue} catalogue
   */
  constructor(map, catalogue) {
    super();
    this.map = map;
    this.catalogue = catalogue;
    this.canvases = { areas: makeCanvas("areas"), points: makeCanvas("points") };
    /** Whether features with illustrative positions are drawn. */
    this.illustrative = true;
    /** @type {Place | null} */
    this.selected = null;
    this.layers = new Map(catalogue.layers.map((info) => [info.id, new MapLayer(info, this)]));
    map.on("zoomend", () => this.#rescale());
  }

  /** Layers in the order of the tree. */
  all() {
    return [...this.layers.values()];
  }

  /** Layers that are on, topmost first: points over lines over areas. */
  shown() {
    return this.all()
      .filter((layer) => layer.on)
      .sort((a, b) => RANK[b.info.kind] - RANK[a.info.kind] || a.info.order - b.info.order);
  }

  /**
   * Switch layers on or off; what fails to load is switched off again and told.
   * @param {Iterable<MapLayer>} layers
   * @param {boolean} on
   * @param {(layer: MapLayer, error: Error) => void} [failed]
   */
  async setOn(layers, on, failed = () => {}) {
    await Promise.all(
      [...layers].map((layer) =>
        layer.setOn(on).catch((error) => {
          layer.on = false;
          failed(layer, error);
        }),
      ),
    );
    this.changed();
  }

  /** @param {boolean} shown */
  setIllustrative(shown) {
    this.illustrative = shown;
    document.body.classList.toggle("illustrative-hidden", !shown);
    for (const layer of this.all()) layer.drawing?.refresh();
    this.changed();
  }

  /** Put everything in order and tell whoever listens. */
  changed() {
    for (const layer of this.shown().reverse()) layer.drawing?.bringToFront();
    this.thinOut();
    this.dispatchEvent(new Event("change"));
  }

  /** Redraw every layer: another theme, another size of symbols. */
  refresh() {
    for (const layer of this.all()) layer.drawing?.refresh();
    this.thinOut();
  }

  #rescale() {
    for (const layer of this.all()) layer.drawing?.refresh();
    this.thinOut();
  }

  /** Points that would cover a more important one become dots; the order of the tree is the order of importance. */
  thinOut() {
    const zoom = this.map.getZoom();
    /** @type {Map<string, import("leaflet").Point[]>} */
    const taken = new Map();
    for (const layer of this.shown()) {
      if (!(layer.drawing instanceof CanvasDrawing)) continue;
      for (const sign of layer.drawing.signs()) this.#thin(sign, zoom, taken);
    }
  }

  /**
   * @param {any} path
   * @param {number} zoom
   * @param {Map<string, import("leaflet").Point[]>} taken
   */
  #thin(path, zoom, taken) {
    const reach = Math.max(5, path.options.radius * 1.35);
    const point = this.map.project(path.getLatLng(), zoom);
    const crowded = neighbours(point, taken).some((other) => other.distanceTo(point) < reach);
    if (!crowded) {
      const key = cellOf(point.x, point.y);
      taken.set(key, [...(taken.get(key) ?? []), point]);
    }
    if (crowded === path.options.crowded) return;
    path.options.crowded = crowded;
    if (path._map) path.redraw();
  }

  /**
   * What lies under a point of the map, topmost first.
   * @param {import("leaflet").LatLng} at
   * @param {number} [reach_px]
   * @returns {Promise<Place[]>}
   */
  async hits(at, reach_px = 5) {
    const found = await Promise.all(this.shown().map((layer) => layer.drawing?.hits(at, reach_px) ?? []));
    return found.flat();
  }

  /**
   * Whether anything on the canvases lies under a point of the map.
   * @param {import("leaflet").LatLng} at
   */
  touches(at) {
    return this.shown().some((layer) => (layer.drawing?.hitsNow(at, 4).length ?? 0) > 0);
  }

  /**
   * Move the halo to a place, or take it away.
   * @param {Place | null} place
   */
  select(place) {
    const before = this.selected;
    if (before) before.layer.drawing?.mark(before.fid, false);
    this.selected = place;
    if (place) place.layer.drawing?.mark(place.fid, true);
    this.dispatchEvent(new Event("select"));
  }

  /**
   * A feature by its id, with its layer switched on; from the server where the canvas has it not.
   * @param {string} layerId
   * @param {string} fid
   * @returns {Promise<{place: Place, bounds: import("leaflet").LatLngBounds | null} | null>}
   */
  async find(layerId, fid) {
    const layer = this.layers.get(layerId);
    if (!layer) return null;
    if (!layer.on) await this.setOn([layer], true);
    const place = layer.drawing?.find(fid);
    if (place) return { place, bounds: layer.drawing?.boundsOf(fid) ?? null };
    const detail = await this.detail(layer, fid);
    const [longitude, latitude] = detail.geometry ? anchorOf(detail.geometry) : centreOf(this.catalogue.district.bbox);
    const at = L.latLng(latitude, longitude);
    const bounds = detail.geometry ? boundsOf(detail.geometry) : null;
    return { place: { layer, fid, properties: detail.properties, at }, bounds };
  }

  /**
   * All the server knows of a feature.
   * @param {MapLayer} layer
   * @param {string} fid
   * @returns {Promise<FeatureDetail>}
   */
  detail(layer, fid) {
    return getJson(address(layerPath(layer.id, "items", fid), { asOf: layer.pinned }));
  }
}

/** @param {import("./types").Bbox} bbox */
function centreOf([west, south, east, north]) {
  return [(west + east) / 2, (south + north) / 2];
}

const CELL_PX = 32;

/**
 * @param {number} x
 * @param {number} y
 */
function cellOf(x, y) {
  return `${Math.floor(x / CELL_PX)},${Math.floor(y / CELL_PX)}`;
}

/**
 * Points taken in the nine cells around.
 * @param {import("leaflet").Point} point
 * @param {Map<string, import("leaflet").Point[]>} taken
 */
function neighbours({ x, y }, taken) {
  const steps = [-CELL_PX, 0, CELL_PX];
  return steps.flatMap((dx) => steps.flatMap((dy) => taken.get(cellOf(x + dx, y + dy)) ?? []));
}
