// What a dry run would change, on the map and in a list, as the review desk shows it.

import { h } from "./dom.js";
import { onlyLooking } from "./review_changes.js";
import { PAGE, renderList } from "./review_list.js";
import { ChangeMap } from "./review_map.js";
import { w } from "./upload_words.js";

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_list.js").Filter} Filter */

export class ProposedChanges {
  /**
   * @param {any} result
   * @param {any} info the layer
   * @param {{basemap: string, bbox: number[]}} places
   */
  constructor(result, info, places) {
    this.info = info;
    this.result = result;
    /** @type {Change[]} */
    this.changes = result.changes.map(asChange);
    this.canvas = h("div", { id: "review-map", class: "review-map", role: "application", tabindex: 0, "aria-label": w("changes") });
    this.tools = h("div", { class: "review-tools", role: "group", "aria-label": w("changes") });
    this.list = h("section", { class: "review-list", "aria-label": w("changes") });
    this.places = places;
    const desk = h("div", { class: "review-desk" }, h("section", { class: "review-stage" }, this.canvas, this.tools), this.list);
    const { added, modified, deleted } = result.tally;
    const cut = added + modified + deleted > this.changes.length;
    this.element = h("section", { class: "upload-part" }, h("h2", {}, w("changes")), cut ? h("p", { class: "muted" }, w("shown")) : null, desk);
  }

  /** Draw; the element must be in the page, since a map measures itself. */
  start() {
    this.map = new ChangeMap(this.canvas, this.tools, { info: this.info, ...this.places });
    this.map.addEventListener("select", (event) => this.go(/** @type {CustomEvent<string>} */ (event).detail, false));
    this.turn("all", 0);
  }

  /** @param {number[]} point */
  mark(point) {
    this.canvas.scrollIntoView({ block: "center" });
    this.map?.mark([point[0], point[1]]);
  }

  /**
   * @param {string} fid
   * @param {boolean} [zoom]
   */
  go(fid, zoom = true) {
    this.map?.select(fid, { zoom });
    for (const card of this.list.querySelectorAll(".change")) card.toggleAttribute("data-selected", /** @type {HTMLElement} */ (card).dataset.fid === fid);
    if (!zoom) this.list.querySelector("[data-selected]")?.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {Filter} filter
   * @param {number} offset
   */
  turn(filter, offset) {
    const matching = this.changes.filter((c) => filter === "all" || c.operation === filter);
    const page = matching.slice(offset, offset + PAGE);
    this.map?.show(page);
    const count = (/** @type {string} */ operation) => this.changes.filter((c) => c.operation === operation).length;
    renderList(this.list, {
      filter,
      offset,
      matched: matching.length,
      changes: page,
      tally: { total: this.changes.length, operations: { add: count("add"), modify: count("modify"), delete: count("delete") }, decisions: {} },
      clashing: 0,
      mayReview: false,
      report: { splits: this.result.splits, merges: this.result.merges },
      aroundOf: (fid) => this.#aroundOf(fid),
      turn: (next, at) => this.turn(next, at),
      decideAll: null,
      mark: (point) => this.mark(point),
    });
  }

  /**
   * @param {string} fid
   * @returns {import("./review_changes.js").Around}
   */
  #aroundOf(fid) {
    const findings = this.result.findings.filter((/** @type {any} */ f) => f.fid === fid);
    return onlyLooking(this.info, { go: (other) => this.go(other), findings, mark: (point) => this.mark(point) });
  }
}

/**
 * @param {any} proposed
 * @returns {Change}
 */
function asChange(proposed) {
  const name = (proposed.after ?? proposed.before)?.properties?.name ?? proposed.fid;
  return { ...proposed, name: String(name), decision: "", base_rev: 0, now: null, settled: false, clashes: [], fields: proposed.operation === "modify" ? proposed.fields : [] };
}
