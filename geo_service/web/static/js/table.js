// The attribute table in the drawer: paged and sorted by the server, linked with the map both ways.

import { address, getJson, layerPath } from "./api.js";
import { $, fill, h, say, toast } from "./dom.js";
import { isNumeric, plainValue, shownFields, valueOf } from "./format.js";
import { nameOf } from "./labels.js";
import { pencil } from "./pencil.js";
import { toolbar } from "./table_bar.js";
import { said, t } from "./words.js";

/** @typedef {import("./types").Feature} Feature */
/** @typedef {import("./types").Field} Field */
/** @typedef {import("./types").FeaturePage} FeaturePage */
/** @typedef {import("./app.js").App} App */

export const PAGE = 50;

/**
 * What the table asks of the server.
 * @typedef {object} Ask
 * @property {string} q
 * @property {string} filter
 * @property {string} sort a field, with a leading minus for descending
 * @property {number} offset
 * @property {boolean} inView
 */

/** Columns that stand first, for every layer alike. */
const LEADING = ["name", "plan_status", "status", "precision", "error_m", "subdistrict"];

export class Table {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.drawer = $("#drawer");
    this.layerId = "";
    /** @type {Ask} */
    this.ask = { q: "", filter: "", sort: "", offset: 0, inView: false };
    /** @type {FeaturePage} */
    this.page = { features: [], numberMatched: 0, numberReturned: 0, rev: 0 };
    this.request = new AbortController();
    this.body = h("tbody");
    this.bar = toolbar(this);
    /** Ticks for those who may edit. @type {import("./edit_status.js").Bulk | null} */
    this.bulk = null;
    if (pencil()) import("./edit_status.js").then(({ Bulk }) => this.#tickWith(new Bulk(this)));
    app.map.on("moveend", () => this.isOpen && this.ask.inView && this.#turn({ offset: 0 }));
    app.stack.addEventListener("select", () => this.isOpen && this.#mark());
  }

  get isOpen() {
    return !this.drawer.hidden;
  }

  get layer() {
    return /** @type {import("./layer.js").MapLayer} */ (this.app.stack.layers.get(this.layerId));
  }

  /** Columns: what every layer has and people ask for first, then the layer's own. */
  get fields() {
    const fields = shownFields(this.layer.info.fields);
    const rank = (/** @type {Field} */ { key }) => (LEADING.includes(key) ? LEADING.indexOf(key) : LEADING.length);
    return fields.sort((a, b) => rank(a) - rank(b));
  }

  /**
   * Open on a layer; with a feature, on the page where it stands.
   * @param {string} layerId
   * @param {{fid?: string, filter?: string}} [options]
   */
  async open(layerId, { fid = "", filter = "" } = {}) {
    if (layerId !== this.layerId || filter !== this.ask.filter || fid) {
      this.ask = { q: "", filter, sort: "", offset: 0, inView: false };
      this.layerId = layerId;
      this.#frame();
    }
    const first = this.drawer.hidden;
    this.drawer.hidden = false;
    this.app.drawerChanged();
    if (fid) this.ask.offset = await this.#pageOf(fid);
    await this.#fetch();
    if (first) this.bar.focus();
    if (fid) this.#rowOf(fid)?.scrollIntoView({ block: "center" });
  }

  close() {
    this.drawer.hidden = true;
    this.app.drawerChanged();
  }

  /**
   * Change the question and ask again.
   * @param {Partial<Ask>} change
   */
  async #turn(change) {
    Object.assign(this.ask, change);
    await this.#fetch();
  }

  /** @param {Partial<Ask>} change */
  change(change) {
    return this.#turn({ offset: 0, ...change });
  }

  /** The query of the present question, for the server and for the exports. */
  get parameters() {
    const { q, filter, sort, inView } = this.ask;
    const bounds = this.app.map.getBounds();
    const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((v) => v.toFixed(6));
    return { q, filter, sort, bbox: inView ? box.join(",") : "", asOf: this.layer.pinned };
  }

  async #fetch() {
    this.request.abort();
    const asked = (this.request = new AbortController());
    this.drawer.setAttribute("aria-busy", "true");
    const url = address(layerPath(this.layerId, "items"), { ...this.parameters, limit: PAGE, offset: this.ask.offset });
    try {
      this.page = await getJson(url, { signal: asked.signal });
      this.#draw();
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (name !== "AbortError") toast(`${t("failed")}: ${message}`, { bad: true });
    }
    if (asked === this.request) this.drawer.removeAttribute("aria-busy"); // a newer question is still on its way
  }

  /**
   * Offset of the page on which a feature stands while rows are in the order of their ids.
   * @param {string} fid
   */
  async #pageOf(fid) {
    const filter = `id < '${fid.replaceAll("'", "''")}'`;
    const before = await getJson(address(layerPath(this.layerId, "items"), { filter, limit: 1, asOf: this.layer.pinned }));
    return Math.floor(before.numberMatched / PAGE) * PAGE;
  }

  /** Bar, head and an empty body for the layer. */
  #frame() {
    const heads = this.fields.map((field) => this.#head(field));
    this.body = h("tbody");
    const table = h("table", { "aria-label": `${t("table")}: ${this.layer.title}` }, h("thead", {}, h("tr", {}, ...heads)), this.body);
    fill(this.drawer, this.bar.element, h("div", { class: "rows", tabindex: "0", role: "group", "aria-label": t("table") }, table));
    this.body.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {Field} field */
  #head(field) {
    const sort = () => {
      const sorted = this.ask.sort === field.key ? `-${field.key}` : this.ask.sort === `-${field.key}` ? "" : field.key;
      this.change({ sort: sorted });
    };
    const unit = field.unit ? h("small", {}, ` ${field.unit}`) : null;
    const button = h("button", { type: "button", title: `${t("sortBy")} ${said(field.title)}`, onclick: sort }, said(field.title), unit);
    return h("th", { scope: "col", class: isNumeric(field) ? "number" : "", data: { key: field.key } }, button);
  }

  /** @param {import("./edit_status.js").Bulk} bulk */
  #tickWith(bulk) {
    this.bulk = bulk;
    if (this.layerId) this.redraw();
  }

  /** Draw the rows there are again. */
  redraw() {
    this.#draw();
  }

  #draw() {
    for (const head of this.drawer.querySelectorAll("th")) {
      const key = head.dataset.key;
      const order = this.ask.sort === key ? "ascending" : this.ask.sort === `-${key}` ? "descending" : "none";
      head.setAttribute("aria-sort", order);
    }
    fill(this.body, ...this.page.features.map((feature) => this.#row(feature)));
    if (!this.page.features.length) fill(this.body, h("tr", {}, h("td", { colspan: this.fields.length, class: "none" }, t("noRows"))));
    this.bar.refresh();
    this.bulk?.decorate();
    this.#mark();
    say(this.bar.range());
  }

  /** @param {Feature} feature */
  #row(feature) {
    const cells = this.fields.map((field) => this.#cell(field, feature));
    return h("tr", { tabindex: "-1", data: { fid: feature.id }, onclick: () => this.#pick(feature) }, ...cells);
  }

  /**
   * @param {Field} field
   * @param {Feature} feature
   */
  #cell(field, { properties }) {
    const value = valueOf(properties, field.key);
    const text = plainValue(field, value);
    const kind = isNumeric(field) ? "number" : "";
    if (field.key === "precision") return h("td", {}, h("span", { class: `badge ${value}` }, text));
    return h("td", { class: kind, title: text.length > 16 ? text : null }, text);
  }

  /** @param {Feature} feature */
  async #pick(feature) {
    await this.app.select(this.layerId, feature.id, { fly: true });
    if (!feature.geometry) toast(`${nameOf(feature.properties)}: ${t("unlocatedPage")}`);
  }

  /** Mark the row of what is selected on the map; one row is in the tab order. */
  #mark() {
    const selected = this.app.stack.selected;
    const fid = selected?.layer.id === this.layerId ? selected.fid : "";
    const rows = this.#rows();
    for (const row of rows) {
      row.classList.toggle("selected", row.dataset.fid === fid);
      row.setAttribute("aria-selected", String(row.dataset.fid === fid));
      row.tabIndex = -1;
    }
    const current = this.#rowOf(fid) ?? rows[0];
    if (current) current.tabIndex = 0;
    this.#rowOf(fid)?.scrollIntoView({ block: "nearest" });
  }

  /** @returns {HTMLTableRowElement[]} */
  #rows() {
    return [...this.body.querySelectorAll("tr")].filter((row) => row.dataset.fid);
  }

  /** @param {string} fid */
  #rowOf(fid) {
    return fid ? this.#rows().find((row) => row.dataset.fid === fid) : undefined;
  }

  /** @param {KeyboardEvent} event */
  async #key(event) {
    const rows = this.#rows();
    const at = rows.indexOf(/** @type {HTMLTableRowElement} */ (document.activeElement));
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, target))]?.focus();
    } else if (event.key === "PageDown" || event.key === "PageUp") {
      event.preventDefault();
      await this.bar.turn(event.key === "PageDown" ? 1 : -1);
      this.#rows()[0]?.focus();
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      await this.#pick(this.page.features[at]);
      this.#rows()[at]?.focus();
    }
  }
}
