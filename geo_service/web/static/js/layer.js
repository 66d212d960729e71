// One layer on the map: what the server says of it, and what the person has switched on, filtered and faded.

import { CanvasDrawing } from "./canvas_layer.js";
import { TileDrawing } from "./tile_layer.js";
import { classOf, isIllustrative } from "./symbols.js";
import { said } from "./words.js";

/** @typedef {import("./types").Layer} Layer */
/** @typedef {import("./types").Properties} Properties */
/** @typedef {import("./stack.js").Stack} Stack */

export class MapLayer {
  /**
   * @param {Layer} info
   * @param {Stack} stack
   */
  constructor(info, stack) {
    this.info = info;
    this.stack = stack;
    this.on = false;
    this.opacity = 1;
    /** Keys of classes that are switched off. @type {Set<string>} */
    this.hidden = new Set();
    const head = stack.catalogue.heads?.[info.id] ?? info.rev;
    /** The revision of the day the whole map is of, null where that is the present one. @type {number | null} */
    this.then = head === info.rev ? null : info.rev;
    /** A past revision, or null for the present one. @type {number | null} */
    this.pinned = this.then;
    /** @type {CanvasDrawing | TileDrawing | null} */
    this.drawing = null;
    /** @type {Promise<void> | null} */
    this.loading = null;
  }

  get id() {
    return this.info.id;
  }

  get title() {
    return said(this.info.title);
  }

  get rev() {
    return this.pinned ?? this.info.rev;
  }

  get dataUrl() {
    return this.info.data_url.replace(/r\d+(?=\.geojson$)/, `r${this.rev}`);
  }

  get tileUrl() {
    return this.info.tile_url.replace(/r\d+(?=\/\{z\})/, `r${this.rev}`);
  }

  /**
   * Whether a feature with these properties is to be drawn.
   * @param {Properties} properties
   */
  isVisible(properties) {
    const { symbol } = this.info;
    if (!this.stack.illustrative && isIllustrative(symbol, properties)) return false;
    return !this.hidden.has(classOf(symbol, properties).key);
  }

  /** Fetch what drawing needs, once. */
  load() {
    this.loading ??= this.#load().catch((error) => {
      this.loading = this.drawing = null;
      throw error;
    });
    return this.loading;
  }

  async #load() {
    const { map, canvases } = this.stack;
    const drawing = this.info.drawn === "mvt" ? new TileDrawing(this, map) : new CanvasDrawing(this, map, canvases);
    await drawing.load();
    this.drawing = drawing;
    if (this.pinned && drawing instanceof TileDrawing) this.#askAgain(this.tileUrl);
  }

  /** Tiles of a past revision may have to be prepared first. @param {string} url */
  async #askAgain(url) {
    const { wasWaitedFor } = await import("./preparing.js");
    const empty = url.replace("{z}/{x}/{y}", "16/0/0");
    if ((await wasWaitedFor(empty).catch(() => false)) && url === this.tileUrl) await this.#drawAnew();
  }

  async #drawAnew() {
    this.drawing?.hide();
    this.drawing = this.loading = null;
    if (this.on) await this.setOn(true);
  }

  /** What the server says of the layer now that it is prepared. @param {Layer} info */
  async isPrepared(info) {
    this.info = info;
    await this.#drawAnew();
  }

  /**
   * Switch on or off; the data is fetched at the first time, once it is prepared.
   * @param {boolean} on
   */
  async setOn(on) {
    this.on = on;
    if (on && !this.info.preparing) {
      await this.load();
      if (this.on) this.drawing?.show();
    } else {
      this.drawing?.hide();
    }
  }

  /**
   * @param {string} key
   * @param {boolean} shown
   */
  setClass(key, shown) {
    if (shown) this.hidden.delete(key);
    else this.hidden.add(key);
    this.drawing?.refresh();
  }

  /** @param {number} opacity */
  setOpacity(opacity) {
    this.opacity = opacity;
    this.drawing?.refresh();
  }

  /**
   * Show a past revision, or null for the present one.
   * @param {number | null} revision
   */
  async pin(revision) {
    if (revision === this.pinned) return;
    this.pinned = revision;
    await this.#drawAnew();
  }
}
