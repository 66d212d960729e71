// Two revisions of a layer: what came, changed and went, on the map and in a list.

import { getJson, layerPath } from "./api.js";
import { $, h } from "./dom.js";
import { onlyLooking } from "./review_changes.js";
import { PAGE, renderList } from "./review_list.js";
import { ChangeMap } from "./review_map.js";
import { w } from "./review_words.js";

/** @typedef {import("./review_list.js").Filter} Filter */
/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Tally} Tally */

async function start() {
  const { layer = "", basemap = "", bbox = "" } = $("#desk").dataset;
  const { a = "", b = "" } = $("#compare").dataset;
  const list = $("#review-list");
  const info = await getJson(layerPath(layer));
  const map = new ChangeMap($("#review-map"), $("#review-tools"), { info, basemap, bbox: bbox.split(",").map(Number) });

  /** @param {string} fid */
  const go = (fid, zoom = true) => {
    map.select(fid, { zoom });
    for (const card of list.querySelectorAll(".change")) card.toggleAttribute("data-selected", /** @type {HTMLElement} */ (card).dataset.fid === fid);
  };

  /**
   * @param {Filter} filter
   * @param {number} offset
   */
  const turn = async (filter, offset) => {
    const query = new URLSearchParams({ a, b, limit: String(PAGE), offset: String(offset) });
    if (filter !== "all") query.set("operation", filter);
    const body = /** @type {{changes: Change[], tally: Tally}} */ (await getJson(`${layerPath(layer, "changes")}?${query}`));
    const { operations, total } = body.tally;
    const matched = filter === "all" ? total : operations[/** @type {"add"} */ (filter)] ?? 0;
    map.show(body.changes);
    renderList(list, {
      filter,
      offset,
      matched,
      changes: body.changes,
      tally: body.tally,
      clashing: 0,
      mayReview: false,
      report: {},
      aroundOf: () => onlyLooking(info, { go }),
      turn,
      decideAll: null,
      mark: () => {},
    });
  };

  map.addEventListener("select", (event) => {
    const fid = /** @type {CustomEvent<string>} */ (event).detail;
    go(fid, false);
    list.querySelector("[data-selected]")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  await turn("all", 0);
  if (info.drawn === "geojson") map.showSurroundings((await getJson(info.data_url)).features);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start().catch((error) => {
  $("#review-list").replaceChildren(h("p", { class: "note bad", role: "alert" }, `${w("failed")}: ${error.message}`));
  throw error;
});
