// Which basemap lies under the layers: the built-in one, or one the bureau has configured (pictures through this server).

import { h, toast } from "./dom.js";
import { said, t } from "./words.js";

/** @typedef {import("./types").BureauBasemap} BureauBasemap */

/** The id of the built-in basemap. */
export const OWN = "own";
const MAX_ZOOM = 22;
/** So many failures without a single picture, and the built-in basemap comes back. */
const FAILURES = 3;

export class BasemapChoice extends EventTarget {
  /**
   * @param {import("leaflet").Map} map
   * @param {import("./basemap.js").Basemap} own
   * @param {BureauBasemap[]} offered
   */
  constructor(map, own, offered) {
    super();
    this.map = map;
    this.own = own;
    this.offered = offered;
    this.chosen = OWN;
    /** @type {import("leaflet").TileLayer[]} */
    this.drawn = [];
  }

  /** What is there at first. */
  get usual() {
    return this.offered.find((basemap) => basemap.default)?.id ?? OWN;
  }

  /** Lay a basemap under the map; the built-in one where there is none of this id. @param {string} id */
  choose(id) {
    const basemap = this.offered.find((one) => one.id === id);
    const before = this.drawn;
    this.chosen = basemap ? basemap.id : OWN;
    this.drawn = basemap ? this.#layers(basemap) : [];
    for (const layer of this.drawn) layer.addTo(this.map);
    for (const layer of before) layer.remove();
    this.own.setShown(!basemap);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {BureauBasemap} basemap */
  #layers(basemap) {
    const seen = { pictures: 0, failures: 0 };
    const attribution = asMarkup([basemap.attribution, basemap.review_number].filter(Boolean).join(" · "));
    return basemap.tiles.map((path, index) => {
      const layer = L.tileLayer(`${path}/{z}/{x}/{y}`, {
        attribution: index ? "" : attribution,
        className: "bureau-basemap",
        minNativeZoom: basemap.min_zoom,
        maxNativeZoom: basemap.max_zoom,
        maxZoom: MAX_ZOOM,
      });
      layer.on("tileload", () => (seen.pictures += 1));
      layer.on("tileerror", () => {
        seen.failures += 1;
        if (seen.failures === FAILURES && !seen.pictures) this.#giveUp(basemap);
      });
      return layer;
    });
  }

  /** @param {BureauBasemap} basemap */
  #giveUp(basemap) {
    if (this.chosen !== basemap.id) return;
    toast(`${said(basemap.title)}: ${t("basemapLost")}`, { bad: true });
    this.choose(OWN);
  }

  /** The part of the layer tree that chooses; nothing where there is nothing to choose. */
  section() {
    if (!this.offered.length) return null;
    const rows = [{ id: OWN, title: { zh: t("ownBasemap"), en: t("ownBasemap") } }, ...this.offered].map(({ id, title }) => {
      const box = h("input", { type: "radio", name: "basemap", value: id, checked: id === this.chosen, onchange: () => this.choose(id) });
      this.addEventListener("change", () => (box.checked = this.chosen === id));
      return h("label", { class: "basemap" }, box, said(title));
    });
    const heading = h("div", { class: "group-head" }, h("h3", { id: "basemaps" }, t("basemap")));
    return h("section", { class: "group" }, heading, h("div", { role: "radiogroup", "aria-labelledby": "basemaps" }, ...rows));
  }
}

/** Text as Leaflet's attribution takes it, which is markup. @param {string} text */
function asMarkup(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
