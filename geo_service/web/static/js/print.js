// A clean print of the present view: title, map, legend of what is on, scale and origin, on A4 landscape.

import { fill, h } from "./dom.js";
import { isAllIllustrative, leadingClass, swatch } from "./legend.js";
import { scaleDenominator } from "./readout.js";
import { applyTheme, theme } from "./theme.js";
import { number, said, t } from "./words.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./layer.js").MapLayer} MapLayer */

const SETTLE_MS = 700;
/** The map on the sheet in CSS pixels (220 mm by 168 mm), and the most a screen is shrunk to fit in. */
const SHEET_PX = { width: 831, height: 635 };
const MOST_SHRINK = 1.7;
/** Canvas pixels in a CSS pixel: with the shrinking about 200 to 300 dots an inch. */
const RATIO = 2;

/**
 * Lay the page out for paper, print, and bring the screen back.
 * @param {App} app
 */
export async function printMap(app) {
  const back = await preparePrint(app);
  addEventListener("afterprint", back, { once: true });
  print();
}

/**
 * Lay the page out for paper; gives back what undoes it.
 * @param {App} app
 */
export async function preparePrint(app) {
  const { map } = app;
  const [centre, zoom, before] = [map.getCenter(), map.getZoom(), theme()];
  const shrink = Math.min(MOST_SHRINK, Math.max(1, map.getSize().x / SHEET_PX.width, map.getSize().y / SHEET_PX.height));
  const frame = h("div", { class: "print-frame" });
  app.card?.popup.remove();
  document.body.append(frame);
  document.body.classList.add("printing");
  document.body.style.setProperty("--shrink", shrink.toFixed(4));
  const ratio = setRatio(app, RATIO);
  applyTheme("light");
  resize(app, centre, zoom);
  fill(frame, h("h1", {}, t("title")), h("div", { class: "north", "aria-hidden": "true" }, "N"), legend(app), foot(app, shrink));
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  return () => {
    frame.remove();
    document.body.classList.remove("printing");
    setRatio(app, ratio);
    applyTheme(before);
    resize(app, centre, zoom);
  };
}

/**
 * Draw every canvas finer or coarser; gives back what it was. The next change of theme and size redraws all.
 * @param {App} app
 * @param {number} ratio
 */
function setRatio({ basemaps, labels }, ratio) {
  const before = basemaps.own.ratio;
  basemaps.own.ratio = labels.ratio = ratio;
  /** @type {any} */ (L.Browser).retina = ratio > 1;
  return before;
}

/**
 * @param {App} app
 * @param {import("leaflet").LatLng} centre
 * @param {number} zoom
 */
function resize({ map }, centre, zoom) {
  map.invalidateSize({ pan: false });
  map.setView(centre, zoom, { animate: false });
}

/** @param {App} app */
function legend({ stack }) {
  return h("aside", { class: "print-legend" }, h("h2", {}, t("legend")), ...stack.shown().map((layer) => entry(layer)));
}

/** @param {MapLayer} layer */
function entry({ info, hidden, title }) {
  const { symbol } = info;
  const shown = symbol.classes.filter((c) => !hidden.has(c.key) && info.classes[c.key]);
  if (shown.length < 2) {
    const found = shown[0] ?? leadingClass(info);
    return h("p", { class: "one" }, swatch(symbol, found, { illustrative: isAllIllustrative(info) }), title, mark(info));
  }
  const rows = shown.map((c) => h("p", {}, swatch(symbol, c), said(c.title)));
  return h("section", {}, h("h3", {}, title, mark(info)), ...rows);
}

/** @param {import("./types").Layer} info */
function mark(info) {
  return info.illustrative ? h("small", {}, ` ${t("illustrative")} ${number(info.illustrative, 0)}`) : null;
}

/**
 * @param {App} app
 * @param {number} shrink
 */
function foot({ map }, shrink) {
  const today = new Date().toLocaleDateString("sv-SE");
  const facts = [`${t("scale")} ≈ 1:${number(scaleDenominator(map, 0.0254 / 96 / shrink), 0)}`, "CGCS2000 · Web Mercator", `${t("date")} ${today}`, t("footnote")];
  return h("footer", {}, ...facts.map((fact) => h("span", {}, fact)));
}

