// What a dry run would change, a page at a time, on the map and in a list, drawn as the review desk draws changes.

import { address, getJson } from "./api.js";
import { fill, h, say } from "./dom.js";
import { onlyLooking } from "./review_changes.js";
import { lineageList } from "./review_lineage.js";
import { ChangeMap } from "./review_map.js";
import { PAGE, proposalCard, kindBar, pager } from "./upload_list.js";
import { w } from "./upload_words.js";

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./upload_list.js").Kind} Kind */
/** @typedef {import("./upload_list.js").Proposal} Proposal */

export class ProposedChanges {
  /**
   * @param {any} result
   * @param {any} info the layer
   * @param {string} job
   * @param {{basemap: string, bbox: number[]}} places
   */
  constructor(result, info, job, places) {
    this.info = info;
    this.result = result;
    this.job = job;
    this.page = result.page;
    this.canvas = h("div", { id: "review-map", class: "review-map", role: "application", tabindex: 0, "aria-label": w("changes") });
    this.tools = h("div", { class: "review-tools", role: "group", "aria-label": w("changes") });
    this.list = h("section", { class: "review-list", "aria-label": w("changes") });
    this.places = places;
    const desk = h("div", { class: "review-desk" }, h("section", { class: "review-stage" }, this.canvas, this.tools), this.list);
    this.element = h("section", { class: "upload-part" }, h("h2", {}, w("changes")), desk);
    /** Counts what was asked; answers to earlier questions are dropped. */
    this.asked = 0;
  }

  /** Draw; the element must be in the page, since a map measures itself. */
  start() {
    this.map = new ChangeMap(this.canvas, this.tools, { info: this.info, ...this.places });
    this.map.addEventListener("select", (event) => this.go(/** @type {CustomEvent<string>} */ (event).detail, false));
    if (this.page.counts.all) this.#show(this.page);
    else this.turn("unchanged", 0);
  }

  /** @param {number[]} point */
  mark(point) {
    this.canvas.scrollIntoView({ block: "center" });
    this.map?.mark([point[0], point[1]]);
  }

  /** @param {import("./review_types").Lineage} group */
  showGroup(group) {
    this.canvas.scrollIntoView({ block: "center" });
    this.map?.selectGroup(group);
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
   * Ask for another page.
   * @param {Kind} kind
   * @param {number} offset
   */
  async turn(kind, offset) {
    const asked = ++this.asked;
    this.list.setAttribute("aria-busy", "true");
    try {
      const page = await getJson(address(`/api/examinations/${encodeURIComponent(this.job)}/changes`, { kind, offset, limit: PAGE }));
      if (asked === this.asked) this.#show(page);
    } catch (error) {
      if (asked !== this.asked) return;
      this.list.setAttribute("aria-busy", "false");
      this.list.prepend(h("p", { class: "note bad", role: "alert" }, String(/** @type {Error} */ (error).message)));
    }
  }

  /** @param {any} page */
  #show(page) {
    const held = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.turn ?? "";
    this.page = page;
    const proposals = page.changes.map(asProposal);
    this.map?.show(proposals);
    const turn = (/** @type {Kind} */ kind, /** @type {number} */ offset) => this.turn(kind, offset);
    const cards = proposals.map((/** @type {Proposal} */ p) => proposalCard(p, this.#aroundOf(p)));
    fill(
      this.list,
      h("div", { class: "list-bar" }, kindBar(page, turn)),
      lineageList(this.result.lineage, (group) => this.showGroup(group)),
      h("div", { class: "cards-of-changes" }, ...(cards.length ? cards : [h("p", { class: "empty" }, w("noneOfKind"))])),
      pager(page, turn),
    );
    this.list.setAttribute("aria-busy", "false");
    const again = held ? /** @type {HTMLButtonElement | null} */ (this.list.querySelector(`[data-turn="${held}"]:not(:disabled)`)) : null;
    (again ?? (held ? this.list.querySelector(".list-bar [aria-pressed=true]") : null))?.focus();
    if (held) say(`${w(`kind-${page.kind}`)} ${page.matched}`);
  }

  /**
   * @param {Proposal} proposal
   * @returns {import("./review_changes.js").Around}
   */
  #aroundOf({ fid, row }) {
    const findings = this.result.findings.filter((/** @type {any} */ f) => (f.fid ? f.fid === fid : row > 0 && f.row === row));
    return onlyLooking(this.info, { go: (other) => this.go(other), findings, lineage: this.result.lineage, mark: (point) => this.mark(point) });
  }
}

/**
 * @param {any} proposed
 * @returns {Proposal}
 */
function asProposal(proposed) {
  const name = (proposed.after ?? proposed.before)?.properties?.name ?? proposed.fid;
  return { ...proposed, name: String(name), decision: "", base_rev: 0, now: null, settled: false, clashes: [], fields: proposed.operation === "modify" ? proposed.fields : [] };
}
