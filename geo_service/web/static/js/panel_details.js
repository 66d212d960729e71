// What opens under a layer's row: zoom to it, its table, its page, opacity, and how well its positions are known.

import { h, icon } from "./dom.js";
import { number, said, t } from "./words.js";

/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./app.js").App} App */

/**
 * @param {App} app
 * @param {MapLayer} layer
 */
export function details(app, layer) {
  return [actions(app, layer), opacity(layer), precisions(layer), pinned(app, layer), origin(layer)];
}

/**
 * @param {App} app
 * @param {MapLayer} layer
 */
function actions(app, layer) {
  const zoom = h("button", { type: "button", disabled: !layer.info.bbox, onclick: () => app.zoomToLayer(layer) }, icon("extent", 15), t("zoomToLayer"));
  const table = h("button", { type: "button", onclick: () => app.openTable(layer.id) }, icon("table", 15), t("table"));
  const page = h("a", { href: `/layers/${encodeURIComponent(layer.id)}` }, icon("about", 15), t("layerPage"));
  return h("div", { class: "actions" }, zoom, table, page);
}

/** @param {MapLayer} layer */
function opacity(layer) {
  const value = h("output", {}, "100%");
  const slider = h("input", {
    type: "range",
    min: "10",
    max: "100",
    step: "5",
    value: String(layer.opacity * 100),
    "aria-label": `${layer.title} ${t("opacity")}`,
    oninput: () => {
      value.textContent = `${slider.value}%`;
      layer.setOpacity(Number(slider.value) / 100);
    },
  });
  return h("div", { class: "opacity" }, h("span", {}, t("opacity")), slider, value);
}

/** A bar and words: how many features have a surveyed, …, illustrative or no position. @param {MapLayer} layer */
function precisions({ info }) {
  const codes = info.fields.find((field) => field.key === "precision")?.codes ?? [];
  const present = codes.filter((code) => info.precisions[code.value]);
  if (!present.length) return null;
  const bar = present.map((code) => h("i", { class: `share ${code.value}`, style: { "flex-grow": info.precisions[code.value] } }));
  const words = present.map((code) => h("li", {}, h("i", { class: `share ${code.value}`, "aria-hidden": "true" }), `${said(code.title)} ${number(info.precisions[code.value], 0)}`));
  return h("div", { class: "precisions" }, h("p", {}, t("precisionShares")), h("div", { class: "shares", "aria-hidden": "true" }, ...bar), h("ul", {}, ...words));
}

/**
 * A past revision is unmistakable and one click from the present.
 * @param {App} app
 * @param {MapLayer} layer
 */
function pinned(app, layer) {
  if (!layer.pinned) return null;
  if (layer.then) return h("p", { class: "pinned" }, `${t("asOf")} r${layer.pinned}`);
  const note = h("p", { class: "pinned" }, `${t("asOf")} r${layer.pinned} `);
  note.append(h("button", { type: "button", onclick: () => app.unpin(layer).then(() => note.remove()) }, t("asOfBack")));
  return note;
}

/** @param {MapLayer} layer */
function origin({ info, rev }) {
  return h("p", { class: "origin" }, `${t("revision")} r${rev} · ${t("updated")} ${info.updated.slice(0, 10)}`, h("br"), `${t("source")}: ${info.source}`);
}
