// The saved results in the panel of the map: each can be laid over the map, with its mark when its data moved on.

import { getJson } from "./api.js";
import { h, toast } from "./dom.js";
import { hideResult, markOf, showResult, shownResult } from "./result_layer.js";
import { said } from "./words.js";
import { w } from "./analysis_words.js";

/**
 * The rows of the list, newest first.
 * @param {import("leaflet").Map} map
 * @returns {Promise<HTMLElement[]>}
 */
export async function resultRows(map) {
  const { results } = await getJson("/api/results");
  if (!results.length) return [h("li", { class: "none" }, w("noResults"), " ", h("a", { href: "/analysis" }, w("toAnalyses")))];
  return results.map((/** @type {any} */ saved) => row(map, saved));
}

/** @param {import("leaflet").Map} map @param {any} saved */
function row(map, saved) {
  const box = h("input", { type: "checkbox", checked: shownResult() === saved.id });
  box.addEventListener("change", async () => {
    try {
      if (box.checked) await showResult(map, saved.id);
      else hideResult();
    } catch (error) {
      box.checked = false;
      toast(String(error instanceof Error ? error.message : error), { bad: true });
    }
  });
  document.addEventListener("resultshown", (event) => (box.checked = /** @type {CustomEvent} */ (event).detail === saved.id));
  const page = h("a", { href: saved.page, class: "count" }, w("open"));
  return h("li", { class: "saved-row", data: { result: saved.id } }, h("label", { title: said(saved.headline) }, box, h("span", { class: "name" }, saved.name)), markOf(saved), page);
}
