// What the rooms of the page ask of each other: go somewhere, select, open a table, keep the address.

import { $, say, toast } from "./dom.js";
import { pencil } from "./pencil.js";
import { bothNotations, copyText } from "./readout.js";
import { readLink, writeLink } from "./permalink.js";
import { t } from "./words.js";

/** @typedef {import("./stack.js").Stack} Stack */
/** @typedef {import("./labels.js").Labels} Labels */
/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").Link} Link */
/** @typedef {import("./types").SearchHit} SearchHit */

export class App {
  /**
   * @param {Stack} stack
   * @param {Labels} labels
   * @param {import("./basemap_choice.js").BasemapChoice} basemaps
   */
  constructor(stack, labels, basemaps) {
    this.stack = stack;
    this.labels = labels;
    this.basemaps = basemaps;
    this.map = stack.map;
    /** @type {import("./card.js").Card | null} */
    this.card = null;
    /** @type {import("./table.js").Table | null} */
    this.table = null;
    /** @type {import("./edit.js").Editor | null} */
    this.editor = null;
    /** @type {import("leaflet").Layer | null} */
    this.pin = null;
    this.written = "";
    /** A past day or edition the whole map is of, empty for the present. */
    this.asOf = stack.catalogue.as_of ?? "";
  }

  /** Bring back what an address says; the default layers and the whole district where it says nothing. @param {Link} link */
  async restore(link) {
    this.stack.illustrative = link.illustrative !== false;
    document.body.classList.toggle("illustrative-hidden", !this.stack.illustrative);
    this.labels.enabled = link.labels !== false;
    this.basemaps.choose(link.basemap ?? this.basemaps.usual);
    for (const layer of this.stack.all()) {
      layer.hidden = new Set(link.hidden?.[layer.id] ?? []);
      layer.pinned = link.revisions?.[layer.id] ?? layer.then;
    }
    if (link.view) this.map.setView([link.view.lat, link.view.lon], link.view.zoom, { animate: false });
    const wanted = this.stack.all().filter((layer) => (link.on ? link.on.includes(layer.id) : layer.info.shown));
    await this.stack.setOn(wanted, true, failed);
    await this.#restoreDetails(link);
  }

  /** The table first, for it takes room; then the view again; a card must not move a view that was asked for. @param {Link} link */
  async #restoreDetails({ view, on, selected, table }) {
    if (table) await this.openTable(table.layer, { filter: table.filter });
    if (view) this.map.setView([view.lat, view.lon], view.zoom, { animate: false });
    else if (!selected && on?.length === 1) this.zoomToLayer(this.stack.layers.get(on[0]), { animate: false });
    if (selected) await this.select(selected.layer, selected.fid, { fly: !view, animate: false, pan: !view });
  }

  /** Follow a changed address without loading the page again. */
  async follow() {
    if (location.hash === this.written) return;
    const link = readLink(location.hash);
    if ((link.asOf ?? "") !== this.asOf) return location.reload();
    const wanted = new Set(link.on ?? this.stack.all().filter((layer) => layer.info.shown).map((layer) => layer.id));
    await this.stack.setOn(this.stack.all().filter((layer) => layer.on && !wanted.has(layer.id)), false);
    for (const layer of this.stack.all()) await layer.pin(link.revisions?.[layer.id] ?? layer.then);
    this.card?.close();
    await this.restore(link);
    this.stack.refresh();
    this.stack.changed();
  }

  /** The address of what is on the map now. @returns {Link} */
  get link() {
    const { lat, lng } = this.map.getCenter();
    const { selected, illustrative } = this.stack;
    const layers = this.stack.all();
    return {
      view: { zoom: this.map.getZoom(), lat, lon: lng },
      on: layers.filter((layer) => layer.on).map((layer) => layer.id),
      hidden: Object.fromEntries(layers.map((layer) => [layer.id, [...layer.hidden]])),
      illustrative,
      labels: this.labels.enabled,
      basemap: this.basemaps.chosen === this.basemaps.usual ? undefined : this.basemaps.chosen,
      asOf: this.asOf || undefined,
      revisions: Object.fromEntries(layers.flatMap((layer) => (layer.pinned && layer.pinned !== layer.then ? [[layer.id, layer.pinned]] : []))),
      selected: selected ? { layer: selected.layer.id, fid: selected.fid } : undefined,
      table: this.table?.isOpen ? { layer: this.table.layerId, filter: this.table.ask.filter } : undefined,
    };
  }

  keepAddress() {
    this.written = writeLink(this.link);
    history.replaceState(null, "", this.written);
  }

  /** The address with revisions in place of a day: what the print room reads. */
  get pinnedAddress() {
    const revisions = Object.fromEntries(this.stack.all().flatMap((layer) => (layer.pinned ? [[layer.id, layer.pinned]] : [])));
    return writeLink({ ...this.link, asOf: undefined, revisions });
  }

  /** Show the layers as they were on a day, or the present for none. @param {string} day */
  travel(day) {
    history.pushState(null, "", writeLink({ ...this.link, asOf: day || undefined, revisions: {} }));
    location.reload();
  }

  copyLink() {
    this.keepAddress();
    return copyText(location.href, t("linkCopied"));
  }

  /** @param {boolean} on */
  setLabels(on) {
    this.labels.setEnabled(on);
    this.keepAddress();
  }

  /** @param {MapLayer} layer */
  async unpin(layer) {
    await layer.pin(null);
    this.stack.changed();
  }

  /**
   * Show what is under a point of the map.
   * @param {import("leaflet").LatLng} at
   * @param {{reach_px?: number, focus?: boolean}} [options]
   */
  async identify(at, { reach_px = 5, focus = false } = {}) {
    const places = await this.stack.hits(at, reach_px);
    if (places.length) return (await this.#theCard()).show(places, { focus });
    this.card?.close();
    return undefined;
  }

  /** The feature nearest to the middle of the map: for those who move the map by keys. */
  async identifyNearest() {
    const centre = this.map.getCenter();
    const under = await this.stack.hits(centre, 5);
    if (under.length) return (await this.#theCard()).show(under, { focus: true });
    const point = this.map.latLngToContainerPoint(centre);
    const near = this.stack.shown().flatMap((layer) => [...(layer.drawing?.visible() ?? [])].map(({ feature, at }) => ({ layer, feature, at })));
    const inView = near.filter(({ at }) => this.map.getBounds().contains(at));
    const away = (/** @type {{at: import("leaflet").LatLng}} */ { at }) => this.map.latLngToContainerPoint(at).distanceTo(point);
    const [best] = inView.sort((a, b) => away(a) - away(b));
    if (!best) return say(t("nothingHere"));
    return this.select(best.layer.id, String(best.feature.id), { focus: true });
  }

  /**
   * Select a feature by its id and show its card.
   * @param {string} layerId
   * @param {string} fid
   * @param {{fly?: boolean, focus?: boolean, animate?: boolean, pan?: boolean}} [options]
   */
  async select(layerId, fid, { fly = false, focus = false, animate = true, pan = true } = {}) {
    try {
      const found = await this.stack.find(layerId, fid);
      if (!found) return;
      if (fly && found.bounds) this.#fit(found.bounds, animate);
      await (await this.#theCard()).show([found.place], { focus, pan });
    } catch (error) {
      failed(null, /** @type {Error} */ (error));
    }
  }

  /**
   * @param {string} layerId
   * @param {string} fid
   */
  async zoomToFeature(layerId, fid) {
    const found = await this.stack.find(layerId, fid);
    if (found?.bounds) this.#fit(found.bounds, true);
  }

  /**
   * @param {import("leaflet").LatLngBounds} bounds
   * @param {boolean} animate
   */
  #fit(bounds, animate) {
    const closest = Math.max(16, this.map.getZoom());
    this.map.fitBounds(bounds, { maxZoom: Math.min(closest, 18), padding: [70, 70], animate });
  }

  /**
   * @param {MapLayer | undefined} layer
   * @param {{animate?: boolean}} [options]
   */
  zoomToLayer(layer, { animate = true } = {}) {
    if (!layer?.info.bbox) return;
    const [west, south, east, north] = layer.info.bbox;
    this.map.fitBounds([[south, west], [north, east]], { padding: [40, 40], maxZoom: 17, animate });
    if (!layer.on) this.stack.setOn([layer], true, failed);
  }

  /** @param {{animate?: boolean}} [options] */
  zoomToDistrict({ animate = true } = {}) {
    const [west, south, east, north] = this.stack.catalogue.district.bbox;
    this.map.fitBounds([[south, west], [north, east]], { padding: [8, 8], animate });
  }

  /** Go where a search result is. @param {SearchHit} hit */
  async goTo(hit) {
    const layer = this.stack.layers.get(hit.layer);
    if (hit.kind === "feature") await this.select(hit.layer, hit.id, { fly: true, focus: true });
    else if (hit.kind === "layer" && layer) {
      await this.stack.setOn([layer], true, failed);
      this.zoomToLayer(layer);
    } else if (hit.kind === "commitment") location.href = `/plan/${encodeURIComponent(hit.id)}`;
    else if (hit.lon !== null && hit.lat !== null) this.showCoordinate(hit.lon, hit.lat);
  }

  /**
   * @param {number} longitude
   * @param {number} latitude
   */
  showCoordinate(longitude, latitude) {
    this.pin?.remove();
    const lines = bothNotations([longitude, latitude]);
    const box = document.createElement("div");
    box.className = "coordinate-card";
    box.append(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
    this.map.setView([latitude, longitude], Math.max(16, this.map.getZoom()));
    this.pin = L.popup({ className: "card-popup", closeButton: false }).setLatLng([latitude, longitude]).setContent(box).openOn(this.map);
    say(lines.join(", "));
  }

  /**
   * Open the table of a layer; of the open or first layer where none is named.
   * @param {string} [layerId]
   * @param {{fid?: string, filter?: string}} [options]
   */
  async openTable(layerId, options = {}) {
    const { Table } = await import("./table.js");
    this.table ??= new Table(this);
    const id = layerId || this.table.layerId || this.stack.shown()[0]?.id || this.stack.all()[0]?.id;
    if (id && this.stack.layers.has(id)) await this.table.open(id, options);
  }

  toggleTable() {
    if (this.table?.isOpen) this.table.close();
    else this.openTable();
  }

  /** Begin or end editing, for those who may. @param {string} [layerId] */
  async toggleEditing(layerId) {
    const allowed = pencil();
    if (!allowed) return;
    if (this.editor?.isOpen) return void this.editor.close();
    try {
      const { Editor } = await import("./edit.js");
      this.editor ??= new Editor(this, allowed);
      await this.editor.open(layerId);
    } catch (error) {
      failed(null, /** @type {Error} */ (error));
    }
    this.editingChanged();
  }

  editingChanged() {
    $("#tool-edit").setAttribute("aria-pressed", String(Boolean(this.editor?.isOpen)));
  }

  /** The drawer takes room from the map. */
  drawerChanged() {
    const open = Boolean(this.table?.isOpen);
    document.body.classList.toggle("table-open", open);
    const button = $("#tool-table");
    button.setAttribute("aria-pressed", String(open));
    this.map.invalidateSize({ pan: false });
    this.card?.keepInView();
    if (!open) button.focus({ preventScroll: true });
    this.keepAddress();
  }

  /** @param {boolean} [open] */
  togglePanel(open) {
    const shown = document.body.classList.toggle("panel-open", open);
    $("#tool-layers").setAttribute("aria-expanded", String(shown));
    (shown ? $("#panel") : $("#tool-layers")).focus({ preventScroll: true });
  }

  async #theCard() {
    const { Card } = await import("./card.js");
    this.card ??= new Card(this);
    return this.card;
  }
}

/**
 * @param {MapLayer | null} layer
 * @param {Error} error
 */
export function failed(layer, error) {
  toast(`${layer ? `${t("mapLost")}: ${layer.title}. ` : `${t("failed")}: `}${error.message}`, { bad: true });
}
