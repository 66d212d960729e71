// What corners snap to: the shapes in view of every layer that is on, but for the one under the pencil. Canvas layers
// have their paths; of layers drawn from tiles the shapes in view are fetched, near enough to edit.

import { address, getJson, layerPath } from "./api.js";

/** @typedef {import("./stack.js").Stack} Stack */

const MOST = 600;
const MOST_FETCHED = 300;
const NEAR_ZOOM = 16;
const UNSEEN = { opacity: 0, fillOpacity: 0, interactive: false, pmIgnore: true, snapIgnore: false };

export class Targets {
  /**
   * @param {Stack} stack
   * @param {(geometry: GeoJSON.Geometry, options: object) => import("leaflet").Layer} toLayer
   */
  constructor(stack, toLayer) {
    this.stack = stack;
    this.toLayer = toLayer;
    /** `layer/fid` of what is edited: it must not hold its own corners. */
    this.except = "";
    this.fetched = L.layerGroup();
    this.request = new AbortController();
  }

  begin() {
    this.fetched.addTo(this.stack.map);
    this.stack.map.on("moveend", this.refresh);
  }

  end() {
    this.request.abort();
    this.fetched.clearLayers().remove();
    this.stack.map.off("moveend", this.refresh);
  }

  refresh = () => {
    const view = this.stack.map.getBounds().pad(0.1);
    let left = MOST;
    for (const layer of this.stack.shown()) {
      const drawn = layer.drawing && "drawn" in layer.drawing ? layer.drawing.drawn : new Map();
      for (const [fid, { paths }] of drawn) for (const path of paths) path.options.snapIgnore = `${layer.id}/${fid}` === this.except || !(inView(path, view) && left-- > 0);
    }
    return this.#fetch(view);
  };

  /** @param {import("leaflet").LatLngBounds} view */
  async #fetch(view) {
    this.request.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    const tiled = this.stack.map.getZoom() < NEAR_ZOOM ? [] : this.stack.shown().filter((layer) => layer.info.drawn === "mvt");
    const bbox = [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()].map((v) => v.toFixed(6)).join(",");
    try {
      const pages = await Promise.all(tiled.map((layer) => getJson(address(layerPath(layer.id, "items"), { bbox, limit: MOST_FETCHED, asOf: layer.pinned }), { signal })));
      this.fetched.clearLayers();
      pages.forEach(({ features }, index) => this.#add(tiled[index].id, features));
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") this.fetched.clearLayers();
    }
  }

  /**
   * @param {string} layer
   * @param {import("./types").Feature[]} features
   */
  #add(layer, features) {
    for (const { id, geometry } of features) {
      if (!geometry || geometry.type.endsWith("Point") || `${layer}/${id}` === this.except) continue;
      this.fetched.addLayer(this.toLayer(geometry, UNSEEN));
    }
  }
}

/**
 * @param {any} path
 * @param {import("leaflet").LatLngBounds} view
 */
function inView(path, view) {
  return path.getBounds ? view.intersects(path.getBounds()) : view.contains(path.getLatLng());
}
