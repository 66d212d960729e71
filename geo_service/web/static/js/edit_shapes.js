// Shapes under the pencil: one working shape with its corners, drawing with snapping, the draft's other changes as
// outlines. Geoman does the handles; nothing outside this module knows it.

import { $, h, say } from "./dom.js";
import { addStyle } from "./pencil.js";
import { Targets } from "./edit_targets.js";
import { cssColor } from "./theme.js";
import { english } from "./words.js";

/** @typedef {import("./stack.js").Stack} Stack */
/** @typedef {import("./review_types").Change} Change */
/** @typedef {"Point" | "Line" | "Polygon"} Kind */

const PANE = "editing";
const SNAP_PX = 14;
const LEAST_PX = 90;
const DRAW = { Point: "Marker", Line: "Line", Polygon: "Polygon" };
const EDITS = "pm:edit pm:dragend pm:markerdragend pm:vertexremoved";

/**
 * Load Geoman and let it know the map, once.
 * @param {import("leaflet").Map} map
 * @param {{script: string, style: string}} addresses
 */
export async function loadGeoman(map, { script, style }) {
  const leaflet = /** @type {any} */ (L);
  if (!leaflet.PM) {
    await Promise.all([addStyle(style), addScript(script)]);
    leaflet.PM.reInitLayer(map);
    leaflet.PM.setOptIn(true);
  }
  const pm = /** @type {any} */ (map).pm;
  pm.setLang(english ? "en" : "zh");
  pm.setGlobalOptions({ snappable: true, snapDistance: SNAP_PX, allowSelfIntersection: false, exitModeOnEscape: false, panes: { layerPane: PANE, vertexPane: "markerPane", markerPane: "markerPane" } });
}

/** @param {string} url */
function addScript(url) {
  return new Promise((done, failed) => {
    document.head.append(Object.assign(document.createElement("script"), { src: url, onload: done, onerror: () => failed(new Error(url)) }));
  });
}

export class Shapes {
  /**
   * @param {Stack} stack
   * @param {{changed: (geometry: GeoJSON.Geometry) => void, picked: (fid: string) => void}} on
   */
  constructor(stack, on) {
    this.stack = stack;
    this.map = /** @type {any} */ (stack.map);
    this.on = on;
    const pane = stack.map.getPane(PANE) ?? stack.map.createPane(PANE);
    pane.style.zIndex = "460";
    this.renderer = L.svg({ pane: PANE });
    this.outlines = L.layerGroup();
    this.targets = new Targets(stack, (geometry, options) => toLayer(geometry, { ...options, renderer: this.renderer, pane: PANE }));
    /** The working shape. @type {any} */
    this.working = null;
    this.known = "";
  }

  begin() {
    this.outlines.addTo(this.map);
    this.targets.begin();
    this.map.on("layeradd", quietHandle);
  }

  get style() {
    return { color: cssColor("--measure"), weight: 3, fillOpacity: 0.15, renderer: this.renderer, pane: PANE };
  }

  /**
   * Draw what the draft changes, but for the feature that is under the pencil.
   * @param {Iterable<Change>} changes
   * @param {string} [except]
   */
  outline(changes, except = "") {
    this.outlines.clearLayers();
    for (const change of changes) {
      const feature = change.after ?? change.before;
      if (!feature?.geometry || change.fid === except) continue;
      const shown = toLayer(feature.geometry, { ...this.style, ...outlineOf(change), bubblingMouseEvents: false, snapIgnore: !change.after });
      shown.on("click", () => this.on.picked(change.fid));
      this.outlines.addLayer(shown);
    }
  }

  /**
   * Put a shape under the pencil.
   * @param {GeoJSON.Geometry | null} geometry
   * @param {string} [key] `layer/fid`
   */
  take(geometry, key = "") {
    this.drop();
    this.targets.except = key;
    if (!geometry) return;
    this.working = toLayer(geometry, { ...this.style, pmIgnore: false, bubblingMouseEvents: false });
    this.working.addTo(this.map);
    this.known = JSON.stringify(geometryOf(this.working));
    this.working.on(EDITS, () => this.#told());
    this.mode("vertices");
  }

  /** Go near where the shape is too small to take hold of. */
  approach() {
    const { working, map } = this;
    if (!working) return;
    const bounds = working.getBounds ? working.getBounds() : L.latLngBounds([working.getLatLng()]);
    const size = map.latLngToContainerPoint(bounds.getSouthEast()).subtract(map.latLngToContainerPoint(bounds.getNorthWest()));
    const small = working.getBounds && Math.max(size.x, size.y) < LEAST_PX;
    if (small || !map.getBounds().intersects(bounds)) map.fitBounds(bounds, { maxZoom: Math.max(17, map.getZoom()), padding: [90, 90], animate: false });
  }

  /** Take the shape away from under the pencil. */
  drop() {
    this.stopDrawing();
    this.working?.pm?.disable();
    this.working?.remove();
    this.working = null;
  }

  /** @param {"vertices" | "move"} mode */
  mode(mode) {
    const pm = this.working?.pm;
    if (!pm) return;
    this.targets.refresh();
    pm.disable();
    pm.disableLayerDrag?.();
    if (mode === "move" && pm.enableLayerDrag) pm.enableLayerDrag();
    else pm.enable({ snappable: true, snapDistance: SNAP_PX, allowSelfIntersection: false, draggable: true });
  }

  #told() {
    const geometry = geometryOf(this.working);
    const text = JSON.stringify(geometry);
    if (text === this.known) return;
    this.known = text;
    this.on.changed(geometry);
  }

  /**
   * Let a person draw; gives the geometry, or null where the drawing was given up.
   * @param {Kind} kind
   * @param {string} words what to do, shown over the map meanwhile
   * @returns {Promise<GeoJSON.Geometry | null>}
   */
  draw(kind, words) {
    this.stopDrawing();
    this.targets.refresh();
    const hint = h("div", { class: "measure-box", role: "status" }, words);
    $(".stage .field").append(hint);
    say(words);
    const { map } = this;
    const line = { color: cssColor("--measure"), weight: 3 };
    return new Promise((done) => {
      const end = (/** @type {GeoJSON.Geometry | null} */ geometry) => {
        map.off("pm:create", created);
        hint.remove();
        this.giveUp = null;
        map.pm.disableDraw();
        done(geometry);
      };
      const created = (/** @type {{layer: any}} */ { layer }) => {
        const geometry = geometryOf(layer);
        layer.remove();
        end(geometry);
      };
      this.giveUp = () => end(null);
      map.on("pm:create", created);
      map.pm.enableDraw(DRAW[kind], { ...DRAW_OPTIONS, templineStyle: line, hintlineStyle: { ...line, dashArray: "6 5" }, pathOptions: { ...this.style, pmIgnore: true }, markerStyle: { icon: handle() } });
    });
  }

  /** @type {(() => void) | null} */
  giveUp = null;

  get drawing() {
    return this.giveUp !== null;
  }

  stopDrawing() {
    this.giveUp?.();
  }

  end() {
    this.drop();
    this.outlines.remove();
    this.renderer.remove();
    this.targets.end();
    this.map.off("layeradd", quietHandle);
  }
}

const DRAW_OPTIONS = { snappable: true, snapDistance: SNAP_PX, allowSelfIntersection: false, continueDrawing: false, tooltips: true };

/** @param {Change} change */
function outlineOf({ operation }) {
  if (operation === "delete") return { color: cssColor("--bad"), dashArray: "3 6", weight: 2, fillOpacity: 0.05 };
  return { dashArray: "8 5", weight: 2, fillOpacity: 0.08 };
}

/**
 * A Leaflet layer of any geometry but collections and many points.
 * @param {GeoJSON.Geometry} geometry
 * @param {any} options
 * @returns {any}
 */
function toLayer(geometry, options) {
  const shape = /** @type {any} */ (geometry);
  if (geometry.type === "Point") return L.marker(L.GeoJSON.coordsToLatLng(shape.coordinates), { ...options, icon: handle(), pane: "markerPane", keyboard: false });
  if (geometry.type === "MultiPoint") return L.layerGroup(shape.coordinates.map((/** @type {any} */ c) => L.circleMarker(L.GeoJSON.coordsToLatLng(c), { ...options, pmIgnore: true, radius: 7 })));
  const depth = { LineString: 0, MultiLineString: 1, Polygon: 1, MultiPolygon: 2 }[/** @type {"Polygon"} */ (geometry.type)];
  const latlngs = L.GeoJSON.coordsToLatLngs(shape.coordinates, depth);
  return geometry.type.endsWith("LineString") ? L.polyline(latlngs, { ...options, fill: false }) : L.polygon(latlngs, options);
}

/** @param {any} layer @returns {GeoJSON.Geometry} */
function geometryOf(layer) {
  return layer.toGeoJSON(7).geometry;
}

/**
 * Corners are for the pointer: hundreds of unnamed buttons would bar the way for keys and screen readers.
 * @param {{layer: any}} event
 */
function quietHandle({ layer }) {
  const element = layer instanceof L.Marker ? layer.getElement() : null;
  if (!element?.matches(".marker-icon, .edit-handle, .cursor-marker, .marker-icon-middle")) return;
  for (const name of ["tabindex", "role"]) element.removeAttribute(name);
  element.setAttribute("aria-hidden", "true");
}

function handle() {
  return L.divIcon({ className: "edit-handle", iconSize: [22, 22] });
}
