// A saved result over the district map: read only, above the layers, with headline and legend in a box of its own.

import { styleOf, tonesOf } from "./analysis_map.js";
import { getJson } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { onThemeChange } from "./theme.js";
import { said, t } from "./words.js";
import { w } from "./analysis_words.js";

/**
 * Show the result whose id the address names; nothing where it names none.
 * @param {import("leaflet").Map} map
 */
export async function showResult(map) {
  const id = new URLSearchParams(location.search).get("result");
  if (!id) return;
  const answer = await getJson(`/api/results/${encodeURIComponent(id)}`);
  const tones = tonesOf(answer);
  const pane = map.createPane("result");
  pane.style.zIndex = "440";
  pane.style.pointerEvents = "none";
  const style = (/** @type {any} */ feature) => styleOf(tones, feature);
  const located = { ...answer.layer, features: (answer.layer?.features ?? []).filter((/** @type {any} */ f) => f.geometry) };
  const group = L.geoJSON(located, { pane: "result", interactive: false, style, pointToLayer: (_, at) => L.circleMarker(at, { radius: 7, pane: "result" }) }).addTo(map);
  onThemeChange(() => group.setStyle(style));
  const box = boxOf(answer, () => {
    group.remove();
    box.remove();
    const url = new URL(location.href);
    url.searchParams.delete("result");
    history.replaceState(null, "", url);
  });
  $(".field").append(box);
  box.dataset.ready = String(group.getLayers().length);
}

/**
 * @param {any} answer
 * @param {() => void} close
 */
function boxOf(answer, close) {
  const { saved } = answer;
  const box = h("section", { class: "result-box", "aria-label": w("savedResult") });
  const classes = answer.classes.map((/** @type {any} */ c) => h("li", {}, h("i", { class: `tone tone-${c.tone}`, "aria-hidden": "true" }), said(c.title)));
  const out = h("button", { class: "icon-button", type: "button", "aria-label": t("close"), title: t("close"), onclick: close }, icon("close", 16));
  const mark = answer.outdated ? h("span", { class: "badge warn" }, w("outdated")) : null;
  fill(box, h("header", {}, h("a", { href: saved.page }, saved.name), mark, out), h("p", {}, said(answer.headline)), h("ul", { class: "result-legend" }, classes));
  return box;
}
