// Two results on one map: A filled, B as a firm dashed outline over it, each can be switched off; rows can be sorted.

import { getJson } from "./api.js";
import { ResultMap } from "./analysis_map.js";
import { makeSortable } from "./analysis_table.js";
import { $ } from "./dom.js";
import { cssColor, onThemeChange } from "./theme.js";

makeSortable(/** @type {HTMLTableElement} */ (/** @type {unknown} */ ($("#compare-table"))));
const stage = document.getElementById("compare-map");
if (stage) {
  const [a, b] = await Promise.all([getJson(stage.dataset.a ?? ""), getJson(stage.dataset.b ?? "")]);
  const shown = new ResultMap(stage, a);
  const style = () => ({ color: cssColor("--side-b"), weight: 3, dashArray: "6 4", fill: false });
  const located = { ...b.layer, features: (b.layer?.features ?? []).filter((/** @type {any} */ f) => f.geometry) };
  const outline = L.geoJSON(located, { style, pointToLayer: (_, at) => L.circleMarker(at, { radius: 10 }) }).addTo(shown.map);
  onThemeChange(() => outline.setStyle(style));
  for (const [id, layer] of Object.entries({ "#show-a": shown.group, "#show-b": outline })) {
    const box = /** @type {HTMLInputElement} */ (/** @type {unknown} */ ($(id)));
    box.addEventListener("change", () => (box.checked ? layer.addTo(shown.map) : layer.remove()));
  }
  stage.dataset.ready = `${shown.group.getLayers().length} ${outline.getLayers().length}`;
}
