// Our own cartography for the offline vector basemap; its colours are CSS custom properties, light and dark.

import { overlap } from "./boxes.js";
import { AlongLine } from "./street_names.js";
import { FONT } from "./symbols.js";
import { cssColor, onThemeChange } from "./theme.js";
import { english, t } from "./words.js";

/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {import("./labels.js").Labels} Labels */

const MAX_DATA_ZOOM = 16;

export class Basemap {
  /**
   * @param {import("leaflet").Map} map
   * @param {string} url
   */
  constructor(map, url) {
    this.map = map;
    this.url = url;
    /** @type {any} */
    this.ground = null;
    /** @type {any} */
    this.names = null;
    /** @type {Box[]} */
    this.taken = [];
    this.pending = 0;
    this.shown = true;
    /** Canvas pixels in a CSS pixel. */
    this.ratio = Math.max(1, window.devicePixelRatio);
  }

  /** Draw now and after each change of theme. */
  install() {
    this.draw();
    onThemeChange(() => this.draw());
  }

  /**
   * Keep the basemap's names off the labels of the layers.
   * @param {Labels} labels
   */
  yieldTo(labels) {
    labels.addEventListener("placed", () => {
      const boxes = labels.worldBoxes();
      if (same(boxes, this.taken)) return;
      this.taken = boxes;
      clearTimeout(this.pending);
      this.pending = window.setTimeout(() => this.#relabel(), 60);
    });
  }

  #relabel() {
    if (!this.shown) return;
    this.names?.clearLayout();
    this.names?.rerenderTiles();
  }

  /** Draw the built-in basemap, or leave the ground to another one. @param {boolean} shown */
  setShown(shown) {
    if (shown === this.shown) return;
    this.shown = shown;
    this.draw();
  }

  draw() {
    const before = [this.ground, this.names];
    const common = { url: this.url, maxDataZoom: MAX_DATA_ZOOM, minZoom: 0, maxZoom: 22, devicePixelRatio: this.ratio };
    const background = cssColor("--map-outside");
    this.map.getContainer().style.backgroundColor = background;
    for (const old of this.shown ? [] : before) old?.remove();
    if (!this.shown) return;
    this.ground = protomapsL.leafletLayer({ ...common, attribution: t("attribution"), paintRules: paintRules(), labelRules: [], backgroundColor: background });
    this.names = protomapsL.leafletLayer({ ...common, attribution: "", pane: "streets", paintRules: [], labelRules: nameRules(this.#free) });
    this.ground.addTo(this.map);
    this.names.addTo(this.map);
    for (const old of before) old?.remove();
  }

  /** @param {Box} box */
  #free = (box) => !this.taken.some((other) => overlap(box, other));
}

/**
 * @param {Box[]} a
 * @param {Box[]} b
 */
function same(a, b) {
  return a.length === b.length && a.every((box, i) => Math.abs(box.minX - b[i].minX) < 1 && Math.abs(box.minY - b[i].minY) < 1);
}

/**
 * A width in pixels that grows with the zoom, linear between the given stops.
 * @param {[number, number][]} stops
 */
function widths(stops) {
  return (/** @type {number} */ zoom) => {
    const next = stops.findIndex(([z]) => zoom < z);
    if (next === 0) return stops[0][1];
    if (next < 0) return stops[stops.length - 1][1];
    const [[z1, w1], [z2, w2]] = [stops[next - 1], stops[next]];
    return w1 + ((w2 - w1) * (zoom - z1)) / (z2 - z1);
  };
}

const ROAD = widths([[10, 1], [13, 3.2], [15, 7], [17, 16], [19, 34]]);
const ROAD_EDGE = widths([[10, 1.6], [13, 5], [15, 9.4], [17, 19], [19, 38]]);

function paintRules() {
  const { PolygonSymbolizer, LineSymbolizer } = protomapsL;
  const area = (/** @type {string} */ fill) => new PolygonSymbolizer({ fill: cssColor(fill) });
  const line = (/** @type {string} */ color, /** @type {any} */ width, more = {}) =>
    new LineSymbolizer({ color: cssColor(color), width, lineCap: "round", lineJoin: "round", ...more });
  return [
    { dataLayer: "boundary", filter: isArea, symbolizer: area("--map-inside") },
    { dataLayer: "water", filter: isArea, symbolizer: area("--map-water") },
    { dataLayer: "water", filter: isLine, symbolizer: line("--map-water", widths([[10, 1], [13, 4], [16, 18]])) },
    { dataLayer: "subdistrict", filter: isLine, symbolizer: line("--map-subdistrict", widths([[11, 0.6], [15, 1.4]]), { dash: [6, 4], lineCap: "butt" }) },
    { dataLayer: "road", filter: isLine, symbolizer: line("--map-road-edge", ROAD_EDGE) },
    { dataLayer: "road", filter: isLine, symbolizer: line("--map-road", ROAD) },
    { dataLayer: "rail", filter: isLine, symbolizer: line("--map-rail", 1.6, { dash: [8, 5], lineCap: "butt" }) },
    { dataLayer: "boundary", filter: isLine, symbolizer: line("--map-boundary-band", widths([[10, 5], [14, 10]])) },
    { dataLayer: "boundary", filter: isLine, symbolizer: line("--map-boundary", widths([[10, 1.2], [14, 2.2]]), { dash: [12, 3, 2.5, 3], lineCap: "butt" }) },
  ];
}

/**
 * @param {number} _
 * @param {{geomType: number}} feature
 */
function isLine(_, { geomType }) {
  return geomType === 2;
}

/**
 * @param {number} _
 * @param {{geomType: number}} feature
 */
function isArea(_, { geomType }) {
  return geomType === 3;
}

/** @param {(box: Box) => boolean} free */
function nameRules(free) {
  const name = (/** @type {any} */ properties) => plain(String((english && properties.name_en) || properties.name || ""));
  const halo = cssColor("--map-halo");
  const along = (/** @type {string} */ color, /** @type {number} */ size) =>
    new AlongLine({ size, weight: 500, color: cssColor(color), halo, name, free });
  return [
    { dataLayer: "road", minzoom: 13, symbolizer: along("--map-label", 11) },
    { dataLayer: "water", minzoom: 13, filter: isLine, symbolizer: along("--map-water-label", 11.5) },
    { dataLayer: "rail", minzoom: 14, symbolizer: along("--map-label", 10.5) },
    { dataLayer: "subdistrict_label", minzoom: 12, maxzoom: 16, symbolizer: new Centred({ color: cssColor("--map-place-label"), size: 13, halo, name, free }) },
    { dataLayer: "water_label", minzoom: 13, symbolizer: new Centred({ color: cssColor("--map-water-label"), size: 11.5, halo, name, free }) },
  ];
}

/** A name without what stands in brackets. @param {string} name */
function plain(name) {
  return name.replace(/\s*[（(].*?[）)]/g, "");
}

/** A spaced name at a point: of subdistricts and waters. */
class Centred {
  /** @param {{color: string, size: number, halo: string, name: (properties: any) => string, free: (box: Box) => boolean}} options */
  constructor(options) {
    this.options = options;
  }

  /**
   * @param {{scratch: CanvasRenderingContext2D}} layout
   * @param {any[][]} geometry
   * @param {{props: any}} feature
   */
  place(layout, [[anchor]], feature) {
    const text = this.options.name(feature.props).split("").join(english ? "" : "\u200a\u200a");
    const font = `600 ${this.options.size}px ${FONT}`;
    layout.scratch.font = font;
    const half = layout.scratch.measureText(text).width / 2 + 3;
    const box = { minX: anchor.x - half, minY: anchor.y - 9, maxX: anchor.x + half, maxY: anchor.y + 9 };
    if (!text || !this.options.free(box)) return undefined;
    const draw = (/** @type {CanvasRenderingContext2D} */ context) => {
      Object.assign(context, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 3, strokeStyle: this.options.halo, fillStyle: this.options.color });
      context.strokeText(text, 0, 0);
      context.fillText(text, 0, 0);
    };
    return [{ anchor, bboxes: [box], draw, deduplicationKey: text, deduplicationDistance: 60 }];
  }
}
