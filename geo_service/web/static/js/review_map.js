// The map of changes: before dashed in red, after in green, laid over each other or side by side under a swipe.

import { getJson, layerPath } from "./api.js";
import { Basemap } from "./basemap.js";
import { makeCanvas } from "./canvas.js";
import { lineWeight, pathsFor, pointRadius } from "./canvas_layer.js";
import { fill, h, icon } from "./dom.js";
import { boundsOf } from "./geometry.js";
import { lookOf } from "./symbols.js";
import { cssColor, onThemeChange } from "./theme.js";
import { boundsOfChange, ownVertices, rectangle, sameShape } from "./review_geometry.js";
import { w } from "./review_words.js";

/** @typedef {import("./types").Feature} Feature */
/** @typedef {import("./types").Layer} Layer */
/** @typedef {import("./review_types").Change} Change */
/** @typedef {"overlay" | "swipe"} View */

const PANES = { areas: 400, streets: 430, points: 450, before: 460, after: 461, marks: 470 };
const FADED = 0.35;
const MOST_VERTICES = 400;
const CLOSEST = 18;

/** Events: `select` with the id of a change that was clicked in `detail`. */
export class ChangeMap extends EventTarget {
  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} tools
   * @param {{info: Layer, basemap: string, bbox: number[]}} options
   */
  constructor(element, tools, { info, basemap, bbox }) {
    super();
    this.info = info;
    this.home = /** @type {[number, number][]} */ ([[bbox[1], bbox[0]], [bbox[3], bbox[2]]]);
    this.map = L.map(element, { zoomControl: false, zoomSnap: 1, minZoom: 9, maxZoom: 22, keyboardPanDelta: 120 });
    this.map.attributionControl.setPrefix(false);
    for (const [name, order] of Object.entries(PANES)) this.map.createPane(name).style.zIndex = String(order);
    for (const name of ["areas", "streets", "points", "marks"]) this.#pane(name).style.pointerEvents = "none";
    this.map.fitBounds(this.home, { animate: false });
    new Basemap(this.map, basemap).install();
    this.canvases = { areas: makeCanvas("areas"), points: makeCanvas("points") };
    this.renderers = { before: L.svg({ pane: "before", padding: 0.5 }), after: L.svg({ pane: "after", padding: 0.5 }), marks: L.svg({ pane: "marks" }) };
    this.surroundings = L.layerGroup().addTo(this.map);
    this.group = L.layerGroup().addTo(this.map);
    this.marks = L.layerGroup().addTo(this.map);
    /** @type {Change[]} */
    this.changes = [];
    /** @type {Set<string>} */
    this.selected = new Set();
    /** @type {View} */
    this.view = "overlay";
    this.share = 0.5;
    /** @type {HTMLElement[]} */
    this.switches = [];
    this.line = h("div", { class: "swipe-line", "aria-hidden": "true", hidden: true });
    this.slider = h("div", { class: "swipe-slider", hidden: true });
    this.#installTools(element, tools);
    this.map.on("move zoomend resize viewreset", () => this.#clip());
    onThemeChange(() => this.#draw());
    new ResizeObserver(() => this.map.invalidateSize({ pan: false })).observe(element);
  }

  /** @param {string} name */
  #pane(name) {
    return /** @type {HTMLElement} */ (this.map.getPane(name));
  }

  /**
   * Draw the rest of the layer, faded, so that a change is seen in its place.
   * @param {Feature[]} features
   */
  showSurroundings(features) {
    const changed = new Set(this.changes.map((c) => c.fid));
    this.surroundings.clearLayers();
    const zoom = this.map.getZoom();
    for (const feature of features) {
      if (!feature.geometry || changed.has(String(feature.id))) continue;
      for (const path of pathsFor(this.#drawing(), feature, this.canvases)) {
        path.options.alpha = FADED;
        if (this.info.kind === "point") path.options.radius = path._radius = pointRadius(zoom, this.info.symbol.size);
        else path.options.weight = lineWeight(zoom, this.info.symbol.size, this.info.kind === "line");
        this.surroundings.addLayer(path);
      }
    }
  }

  /** What `pathsFor` reads of a layer. @returns {any} */
  #drawing() {
    return { info: this.info };
  }

  /**
   * Show these changes in place of what was shown.
   * @param {Change[]} changes
   * @param {{fit?: boolean}} [options]
   */
  show(changes, { fit = true } = {}) {
    this.changes = changes;
    this.#draw();
    if (fit) this.fitAll({ animate: false });
  }

  /** @param {{animate?: boolean}} [options] */
  fitAll({ animate = true } = {}) {
    const bounds = L.latLngBounds([]);
    for (const change of this.changes) bounds.extend(boundsOfChange(change));
    this.map.fitBounds(bounds.isValid() ? bounds : L.latLngBounds(this.home), { padding: [40, 40], maxZoom: CLOSEST - 1, animate });
  }

  /**
   * Put the halo on a change and go there.
   * @param {string} fid
   * @param {{zoom?: boolean}} [options]
   */
  select(fid, { zoom = true } = {}) {
    this.#choose([fid], zoom);
  }

  /**
   * Put the halo on all of a split or merge, with former features that do not change, and go there.
   * @param {import("./review_types").Lineage} group
   */
  async selectGroup({ parents, children }) {
    const fids = [...parents, ...children].map((one) => one.fid);
    this.#choose(fids, true);
    const rest = parents.filter((parent) => !this.changes.some((change) => change.fid === parent.fid));
    const kept = await Promise.all(rest.map((parent) => getJson(`${layerPath(this.info.id, "items", parent.fid)}`)));
    const style = { color: cssColor("--review-before"), weight: 2.5, dashArray: "7 5", fillOpacity: 0.04, renderer: this.renderers.marks, interactive: false };
    for (const { geometry } of kept) if (geometry) this.marks.addLayer(L.geoJSON(geometry, { style }));
  }

  /**
   * @param {string[]} fids
   * @param {boolean} zoom
   */
  #choose(fids, zoom) {
    this.selected = new Set(fids);
    this.#draw();
    const bounds = L.latLngBounds([]);
    for (const change of this.changes) if (this.selected.has(change.fid)) bounds.extend(boundsOfChange(change));
    if (zoom && bounds.isValid()) this.map.fitBounds(bounds, { padding: [70, 70], maxZoom: CLOSEST });
  }

  /**
   * Go to a place and mark it.
   * @param {[number, number]} point longitude, latitude
   */
  mark([longitude, latitude]) {
    this.marks.clearLayers();
    const style = { radius: 12, color: cssColor("--halo-edge"), weight: 3, fillColor: cssColor("--halo"), fillOpacity: 0.3, renderer: this.renderers.marks, interactive: false };
    this.marks.addLayer(L.circleMarker([latitude, longitude], style));
    this.map.setView([latitude, longitude], Math.max(this.map.getZoom(), 17));
  }

  /**
   * Show one side's shape of a conflict for a while, under the halo.
   * @param {GeoJSON.Geometry} geometry
   */
  preview(geometry) {
    this.marks.clearLayers();
    const style = { color: cssColor("--halo-edge"), weight: 5, dashArray: "2 8", fillOpacity: 0.15, renderer: this.renderers.marks, interactive: false };
    this.marks.addLayer(L.geoJSON(geometry, { style, pointToLayer: (_, at) => L.circleMarker(at, { ...style, radius: 12 }) }));
    this.map.fitBounds(boundsOf(geometry), { padding: [70, 70], maxZoom: CLOSEST });
  }

  /** @param {View} view */
  setView(view) {
    this.view = view;
    for (const button of this.switches) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    this.slider.hidden = this.line.hidden = view !== "swipe";
    this.#draw();
  }

  #draw() {
    this.group.clearLayers();
    this.marks.clearLayers();
    for (const change of this.changes) {
      this.#drawSide(change, "before", change.before);
      this.#drawSide(change, "after", change.after);
    }
    this.#drawVertices();
    this.#clip();
  }

  /**
   * @param {Change} change
   * @param {"before" | "after"} side
   * @param {Feature | null} feature
   */
  #drawSide(change, side, feature) {
    if (!feature?.geometry) return;
    const same = side === "before" && change.after && sameShape(change);
    if (same && this.view === "overlay") return;
    const chosen = this.selected.has(change.fid);
    if (chosen) this.#drawShape(feature.geometry, { pane: side, color: cssColor("--halo"), weight: 11, opacity: 0.75, fill: false }, 14);
    const style = this.view === "swipe" ? this.#symbolStyle(side, feature) : this.#sideStyle(side, chosen);
    for (const path of this.#drawShape(feature.geometry, { ...style, pane: side }, 9)) this.#listen(path, change);
  }

  /**
   * @param {"before" | "after"} side
   * @param {boolean} chosen
   */
  #sideStyle(side, chosen) {
    const before = side === "before";
    return {
      color: cssColor(before ? "--review-before" : "--review-after"),
      weight: chosen ? 3.5 : 2.5,
      dashArray: before ? "7 5" : "",
      fillOpacity: before ? 0.04 : 0.16,
      fill: this.info.kind !== "line",
    };
  }

  /**
   * As the map page draws it, with the side's edge.
   * @param {"before" | "after"} side
   * @param {Feature} feature
   */
  #symbolStyle(side, feature) {
    const look = lookOf(this.info.symbol, feature.properties);
    const tint = typeof look.fill === "number" ? Math.max(look.fill, 0.12) : look.fill === "full" ? 0.9 : 0.25;
    return { ...this.#sideStyle(side, false), fillColor: look.color, fillOpacity: tint };
  }

  /**
   * @param {GeoJSON.Geometry} geometry
   * @param {import("leaflet").PathOptions} style
   * @param {number} radius
   */
  #drawShape(geometry, style, radius) {
    const pane = /** @type {"before" | "after"} */ (style.pane);
    const options = { ...style, renderer: this.renderers[pane], radius };
    const shape = L.geoJSON(geometry, { style: options, pointToLayer: (_, at) => L.circleMarker(at, options) });
    const paths = /** @type {import("leaflet").Path[]} */ (shape.getLayers());
    for (const path of paths) this.group.addLayer(path);
    return paths;
  }

  /**
   * @param {import("leaflet").Path} path
   * @param {Change} change
   */
  #listen(path, change) {
    path.on("click", () => this.dispatchEvent(new CustomEvent("select", { detail: change.fid })));
    path.bindTooltip(() => h("span", {}, change.name), { sticky: true, className: "review-tip" });
  }

  /** The vertices of the selected shape that are new, and those that are gone. */
  #drawVertices() {
    const change = this.changes.find((c) => this.selected.has(c.fid));
    if (!change || this.selected.size > 1 || this.view === "swipe") return;
    const [before, after] = [change.before?.geometry, change.after?.geometry];
    for (const [side, positions] of /** @type {const} */ ([["--review-before", ownVertices(before, after)], ["--review-after", ownVertices(after, before)]])) {
      if (positions.length > MOST_VERTICES) continue;
      const style = { radius: 3.5, weight: 2, color: cssColor(side), fillColor: cssColor("--bg"), fillOpacity: 1, renderer: this.renderers.marks, interactive: false };
      for (const [x, y] of positions) this.marks.addLayer(L.circleMarker([y, x], style));
    }
  }

  /** Cut both sides at the swipe's line. */
  #clip() {
    const [before, after] = [this.#pane("before"), this.#pane("after")];
    if (this.view !== "swipe") {
      before.style.clipPath = after.style.clipPath = "";
      return;
    }
    const size = this.map.getSize();
    const corner = this.map.containerPointToLayerPoint([0, 0]);
    const [left, top, right, bottom] = [corner.x, corner.y, corner.x + size.x, corner.y + size.y];
    const middle = left + size.x * this.share;
    before.style.clipPath = rectangle(left, top, middle, bottom);
    after.style.clipPath = rectangle(middle, top, right, bottom);
    this.line.style.left = `${this.share * 100}%`;
  }

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} tools
   */
  #installTools(element, tools) {
    const button = (/** @type {import("./dom.js").IconName} */ name, /** @type {string} */ words, /** @type {() => void} */ act) =>
      h("button", { type: "button", class: "map-button", "aria-label": words, title: words, onclick: act }, icon(name));
    const choice = (/** @type {View} */ view) =>
      h("button", { type: "button", class: "choice", data: { view }, "aria-pressed": String(view === this.view), onclick: () => this.setView(view) }, w(view));
    this.switches = [choice("overlay"), choice("swipe")];
    const range = h("input", { type: "range", min: "0", max: "1000", value: "500", "aria-label": w("swipeAt") });
    range.addEventListener("input", () => {
      this.share = Number(range.value) / 1000;
      this.#clip();
    });
    this.slider.append(h("span", { "aria-hidden": "true" }, w("before")), range, h("span", { "aria-hidden": "true" }, w("after")));
    const key = h("ul", { class: "review-key" }, h("li", { class: "key-before" }, w("before")), h("li", { class: "key-after" }, w("after")));
    fill(
      tools,
      h("div", { class: "choices", role: "group", "aria-label": w("view") }, ...this.switches),
      key,
      h("div", { class: "zooms" }, button("plus", w("zoomIn"), () => this.map.zoomIn()), button("minus", w("zoomOut"), () => this.map.zoomOut()), button("extent", w("fitAll"), () => this.fitAll())),
    );
    element.parentElement?.append(this.line, this.slider);
  }
}
