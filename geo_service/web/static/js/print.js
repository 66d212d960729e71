// A clean print of the present view: title, map, legend of what is on, scale and origin, on A4 landscape.

import { fill, h } from "./dom.js";
import { isAllIllustrative, leadingClass, swatch } from "./legend.js";
import { scaleDenominator } from "./readout.js";
import { applyTheme, theme } from "./theme.js";
import { number, said, t } from "./words.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./layer.js").MapLayer} MapLayer */

const SETTLE_MS = 700;

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
  const [centre, zoom] = [map.getCenter(), map.getZoom()];
  const before = theme();
  const frame = h("div", { class: "print-frame", id: "print-frame" });
  app.card?.popup.remove();
  document.body.append(frame);
  document.body.classList.add("printing");
  applyTheme("light");
  resize(app, centre, zoom);
  fill(frame, h("h1", {}, t("title")), h("div", { class: "north", "aria-hidden": "true" }, "N"), legend(app), foot(app));
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  return () => {
    frame.remove();
    document.body.classList.remove("printing");
    applyTheme(before);
    resize(app, centre, zoom);
  };
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

/** @param {App} app */
function foot({ map }) {
  const today = new Date().toLocaleDateString("sv-SE");
  const facts = [`${t("scale")} ≈ 1:${number(scaleDenominator(map), 0)}`, "CGCS2000 · Web Mercator", `${t("date")} ${today}`, t("footnote")];
  return h("footer", {}, ...facts.map((fact) => h("span", {}, fact)));
}

