// The layer of an answer on a map of its own, in the tones of its classes.

import { Basemap } from "./basemap.js";
import { valueOf } from "./format.js";
import { cssColor, onThemeChange } from "./theme.js";
import { said } from "./words.js";

/** @param {string} tone */
const colourOf = (tone) => cssColor(`--tone-${tone}`);

/** The tone of every class of an answer. @param {any} answer @returns {Map<string, string>} */
export function tonesOf(answer) {
  return new Map(answer.classes.map((/** @type {any} */ c) => [c.key, c.tone]));
}

/**
 * @param {Map<string, string>} tones
 * @param {any} feature
 * @returns {any}
 */
export function styleOf(tones, feature) {
  const tone = tones.get(feature?.properties.class) ?? "main";
  const color = colourOf(tone);
  const isLine = /Line/.test(feature?.geometry?.type ?? "");
  return { color, weight: isLine ? 3 : 1, fillColor: color, fillOpacity: tone === "muted" ? 0.15 : 0.42 };
}

export class ResultMap {
  /**
   * @param {HTMLElement} element
   * @param {any} answer
   * @param {(id: string) => void} picked
   */
  constructor(element, answer, picked = () => {}) {
    this.picked = picked;
    this.answer = answer;
    this.tones = tonesOf(answer);
    this.map = L.map(element, { zoomSnap: 0.5, minZoom: 9, maxZoom: 20 });
    this.map.attributionControl.setPrefix(false);
    for (const [name, order] of Object.entries({ areas: 400, streets: 430, points: 450 })) {
      const pane = this.map.createPane(name);
      pane.style.zIndex = String(order);
      pane.style.pointerEvents = "none";
    }
    const [west, south, east, north] = (element.dataset.bbox ?? "").split(",").map(Number);
    this.map.fitBounds([[south, west], [north, east]], { animate: false });
    new Basemap(this.map, element.dataset.basemap ?? "").install();
    /** @type {Map<string, any>} */
    this.byId = new Map();
    this.group = L.geoJSON(undefined, {
      style: (feature) => this.styleOf(feature),
      pointToLayer: (_, at) => L.circleMarker(at, { radius: 7 }),
      onEachFeature: (feature, layer) => this.#link(feature, layer),
    }).addTo(this.map);
    this.show(answer.layer);
    onThemeChange(() => this.group.setStyle((feature) => this.styleOf(feature)));
  }

  /** @param {any} feature @returns {any} */
  styleOf(feature) {
    return styleOf(this.tones, feature);
  }

  /** @param {any} feature @param {any} layer */
  #link(feature, layer) {
    const id = String(feature.properties.id ?? "");
    this.byId.set(id, layer);
    const name = valueOf(feature.properties, "name");
    if (name) layer.bindTooltip(document.createTextNode(typeof name === "object" ? said(name) : String(name)));
    layer.on("click", () => this.picked(id));
  }

  /** @param {any} layer */
  show(layer) {
    this.byId.clear();
    this.group.clearLayers();
    const drawn = { ...layer, features: layer.features.filter((/** @type {any} */ f) => f.geometry) };
    this.group.addData(drawn);
  }

  /** @param {string} id */
  select(id) {
    const found = this.byId.get(id);
    if (!found) return;
    this.group.setStyle((feature) => this.styleOf(feature));
    found.setStyle?.({ weight: 5, color: cssColor("--focus") });
    if (found.getBounds) this.map.fitBounds(found.getBounds(), { maxZoom: 16, padding: [40, 40] });
    else this.map.setView(found.getLatLng(), Math.max(this.map.getZoom(), 16));
  }
}
