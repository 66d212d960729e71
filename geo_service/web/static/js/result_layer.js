// A saved result over the district map: read only, above the layers, with headline and legend in a box of its own. One at a time.

import { styleOf, tonesOf } from "./analysis_map.js";
import { getJson } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { onThemeChange } from "./theme.js";
import { said, t } from "./words.js";
import { w } from "./analysis_words.js";

/** What takes the shown result off the map. */
let takeOff = () => {};

/** The id of the result the address names, nothing where it names none. */
export function shownResult() {
  return new URLSearchParams(location.search).get("result") ?? "";
}

/** The style of the box, which the map does without until a result is shown. */
function bringStyle() {
  const href = $("#panel").dataset.resultStyle ?? "";
  if (href && !document.querySelector(`link[href="${href}"]`)) document.head.append(h("link", { rel: "stylesheet", href }));
}

/** Let the address name a result, or none. @param {string} id */
function keep(id) {
  const url = new URL(location.href);
  if (id) url.searchParams.set("result", id);
  else url.searchParams.delete("result");
  history.replaceState(history.state, "", url);
  document.dispatchEvent(new CustomEvent("resultshown", { detail: id }));
}

/** Take the shown result off the map. */
export function hideResult() {
  takeOff();
  takeOff = () => {};
  keep("");
}

/**
 * Show a result in place of the one before it.
 * @param {import("leaflet").Map} map
 * @param {string} id
 */
export async function showResult(map, id) {
  bringStyle();
  const answer = await getJson(`/api/results/${encodeURIComponent(id)}`);
  hideResult();
  const tones = tonesOf(answer);
  const pane = map.getPane("result") ?? map.createPane("result");
  pane.style.zIndex = "440";
  pane.style.pointerEvents = "none";
  const style = (/** @type {any} */ feature) => styleOf(tones, feature);
  const located = { ...answer.layer, features: (answer.layer?.features ?? []).filter((/** @type {any} */ f) => f.geometry) };
  const group = L.geoJSON(located, { pane: "result", interactive: false, style, pointToLayer: (_, at) => L.circleMarker(at, { radius: 7, pane: "result" }) }).addTo(map);
  onThemeChange(() => group.setStyle(style));
  const box = boxOf(answer);
  takeOff = () => {
    group.remove();
    box.remove();
  };
  $(".field").append(box);
  box.dataset.ready = String(group.getLayers().length);
  keep(id);
}

/** @param {any} answer */
function boxOf(answer) {
  const { saved } = answer;
  const box = h("section", { class: "result-box", "aria-label": w("savedResult") });
  const classes = answer.classes.map((/** @type {any} */ c) => h("li", {}, h("i", { class: `tone tone-${c.tone}`, "aria-hidden": "true" }), said(c.title)));
  const out = h("button", { class: "icon-button", type: "button", "aria-label": t("close"), title: t("close"), onclick: hideResult }, icon("close", 16));
  fill(box, h("header", {}, h("a", { href: saved.page }, saved.name), markOf(answer), out), h("p", {}, said(answer.headline)), h("ul", { class: "result-legend" }, classes));
  return box;
}

/** The mark of a result whose data moved on. @param {{outdated: boolean}} result */
export function markOf({ outdated }) {
  return outdated ? h("span", { class: "badge warn" }, w("outdated")) : null;
}
