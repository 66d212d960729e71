// The card of a feature: a popup on a wide screen, a sheet on a phone. Several features under one point are paged.

import { content } from "./card_content.js";
import { $, fill, h, icon, say, toast } from "./dom.js";
import { nameOf } from "./labels.js";
import { t } from "./words.js";

/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").FeatureDetail} FeatureDetail */
/** @typedef {import("./app.js").App} App */

const NARROW = matchMedia("(max-width: 820px)");

export class Card {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Place[]} */
    this.places = [];
    this.index = 0;
    this.sheet = $("#card");
    this.popup = L.popup({
      closeButton: false,
      closeOnClick: false,
      autoClose: false,
      minWidth: 324,
      maxWidth: 324,
      className: "card-popup",
      autoPanPaddingTopLeft: [16, app.asOf ? 72 : 16], // the bar of a past day stays free
      autoPanPaddingBottomRight: [64, 60],
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen && !event.defaultPrevented) this.close({ focus: true });
    });
  }

  get isOpen() {
    return this.places.length > 0;
  }

  /**
   * Show the first of some features, all under one point.
   * @param {Place[]} places
   * @param {{focus?: boolean, pan?: boolean}} [options] pan: whether the map may move so that the card is seen whole
   */
  async show(places, { focus = false, pan = true } = {}) {
    this.places = places;
    this.popup.options.autoPan = pan;
    await this.#turnTo(0, focus);
  }

  /**
   * @param {number} index
   * @param {boolean} focus
   */
  async #turnTo(index, focus) {
    this.index = index;
    const place = this.places[index];
    this.app.stack.select(place);
    this.#render(place, null, focus);
    say(`${t("selected")}: ${nameOf(place.properties)}, ${place.layer.title}`);
    try {
      const detail = await this.app.stack.detail(place.layer, place.fid);
      if (this.places[this.index] === place) this.#render(place, detail, focus);
    } catch (error) {
      toast(`${t("failed")}: ${/** @type {Error} */ (error).message}`, { bad: true });
    }
  }

  /**
   * @param {Place} place
   * @param {FeatureDetail | null} detail
   * @param {boolean} focus
   */
  #render(place, detail, focus) {
    const held = document.activeElement instanceof HTMLElement && document.activeElement.closest(".feature-card");
    const which = held ? /** @type {HTMLElement} */ (document.activeElement).dataset.action : null;
    const card = content(this.app, place, detail, { close: () => this.close({ focus: true }), pager: this.#pager() });
    const located = detail ? detail.geometry !== null : place.layer.drawing?.boundsOf(place.fid) !== null || place.layer.info.drawn === "mvt";
    this.#host(card, place, located);
    const target = which ? card.querySelector(`[data-action="${which}"]`) : focus ? card : null;
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  }

  /**
   * In the popup at its place; in the sheet on a phone or where the feature has no place.
   * @param {HTMLElement} card
   * @param {Place} place
   * @param {boolean} located
   */
  #host(card, place, located) {
    const inSheet = NARROW.matches || !located;
    fill(this.sheet, ...(inSheet ? [card] : []));
    this.sheet.hidden = !inSheet;
    if (inSheet) {
      this.popup.remove();
      if (NARROW.matches && located && this.popup.options.autoPan) this.#panAboveSheet(place);
      return;
    }
    this.popup.options.offset = place.layer.info.kind === "point" ? [0, -7] : [0, 5];
    this.popup.setLatLng(place.at).setContent(card);
    if (!this.popup.isOpen()) this.popup.openOn(this.app.map);
  }

  /** @param {Place} place */
  #panAboveSheet({ at }) {
    const { map } = this.app;
    const point = map.latLngToContainerPoint(at);
    const free = map.getSize().y - this.sheet.offsetHeight;
    if (point.y > free - 30) map.panBy([0, point.y - free / 2], { animate: false });
  }

  /** Move the map so that the card is seen whole: after the drawer took room. */
  keepInView() {
    this.popup.options.autoPan = true;
    if (this.popup.isOpen()) this.popup.update();
  }

  #pager() {
    if (this.places.length < 2) return null;
    const turn = (/** @type {number} */ step) => this.#turnTo((this.index + step + this.places.length) % this.places.length, false);
    const button = (/** @type {number} */ step, /** @type {string} */ label, /** @type {string} */ action) =>
      h("button", { type: "button", class: `icon-button ${action}`, "aria-label": label, title: label, data: { action }, onclick: () => turn(step) }, icon("chevron", 16));
    return h(
      "span",
      { class: "pager" },
      button(-1, t("previousFeature"), "before"),
      h("span", { class: "at" }, `${this.index + 1}/${this.places.length}`),
      button(1, t("nextFeature"), "after"),
    );
  }

  /** @param {{focus?: boolean}} [options] */
  close({ focus = false } = {}) {
    this.places = [];
    this.popup.remove();
    this.sheet.hidden = true;
    this.app.stack.select(null);
    if (focus) this.app.map.getContainer().focus({ preventScroll: true });
  }
}
