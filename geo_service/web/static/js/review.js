// The review desk: a draft's changes on the map and in a list, decided one by one or together, and published.

import { getJson, layerPath } from "./api.js";
import { $, h, say, toast } from "./dom.js";
import { Refusal, draftPath, send } from "./review_api.js";
import { Kept } from "./review_kept.js";
import { PAGE, renderList } from "./review_list.js";
import { ChangeMap } from "./review_map.js";
import { joined, w } from "./review_words.js";
import { number } from "./words.js";

/** @typedef {import("./review_types").Draft} Draft */
/** @typedef {import("./review_types").Decision} Decision */
/** @typedef {import("./review_types").Side} Side */
/** @typedef {import("./review_list.js").Filter} Filter */
/** @typedef {import("./types").Layer} Layer */

/** Larger layers are not drawn around the changes. */
const MOST_SURROUNDINGS = 3000;

class Review {
  constructor() {
    const desk = $("#desk");
    this.layerId = desk.dataset.layer ?? "";
    this.id = $("#draft").dataset.draft ?? "";
    this.list = $("#review-list");
    this.desk = desk;
    /** @type {Filter} */
    this.filter = "all";
    this.offset = 0;
    this.selected = "";
    this.kept = new Kept();
  }

  async start() {
    const [info, draft] = await Promise.all([getJson(layerPath(this.layerId)), this.#fetch()]);
    this.info = /** @type {Layer} */ (info);
    this.draft = /** @type {Draft} */ (draft);
    const { basemap = "", bbox = "" } = this.desk.dataset;
    this.map = new ChangeMap($("#review-map"), $("#review-tools"), { info: this.info, basemap, bbox: bbox.split(",").map(Number) });
    this.map.addEventListener("select", (event) => this.go(/** @type {CustomEvent<string>} */ (event).detail, { zoom: false, scroll: true }));
    this.map.show(this.draft.changes);
    this.render();
    document.getElementById("publish")?.addEventListener("click", () => this.publish());
    for (const form of document.querySelectorAll("form[data-step]")) form.addEventListener("submit", (event) => this.#askForReason(event));
    this.#showSurroundings();
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  }

  /** @returns {Promise<Draft>} */
  #fetch() {
    const query = new URLSearchParams({ limit: String(PAGE), offset: String(this.offset) });
    if (this.filter === "clashing") query.set("only", "clashing");
    else if (this.filter === "undecided") query.set("decision", "undecided");
    else if (this.filter !== "all") query.set("operation", this.filter);
    return getJson(`${draftPath(this.id)}?${query}`);
  }

  async #showSurroundings() {
    if (!this.info || this.info.drawn !== "geojson" || this.info.count > MOST_SURROUNDINGS) return;
    const collection = await getJson(this.info.data_url);
    this.map?.showSurroundings(collection.features);
  }

  /** Read the draft again; the map stays where it is. */
  async refresh() {
    this.draft = await this.#fetch();
    this.map?.show(this.draft.changes, { fit: false });
    this.render();
  }

  render() {
    const { draft, info, map } = this;
    if (!draft || !info || !map) return;
    const held = this.#heldFocus();
    renderList(this.list, {
      filter: this.filter,
      offset: this.offset,
      matched: this.#matched(draft),
      changes: draft.changes,
      tally: draft.tally,
      clashing: draft.clashing.length,
      mayReview: draft.may.review,
      report: draft.report,
      aroundOf: (fid) => this.#aroundOf(fid, draft, info, map),
      turn: (filter, offset) => this.turn(filter, offset),
      decideAll: draft.may.review ? (decision) => this.#decide(this.#undecided(draft) ? "undecided" : "all", decision) : null,
      mark: (point) => map.mark(point),
      showGroup: (group) => map.selectGroup(group),
    });
    this.#markSelected();
    this.#giveBackFocus(held);
    this.#showPublish(draft);
  }

  /** @param {Draft} draft */
  #matched({ tally, clashing }) {
    if (this.filter === "all") return tally.total;
    if (this.filter === "clashing") return clashing.length;
    return this.filter === "undecided" ? tally.decisions.undecided ?? 0 : tally.operations[this.filter] ?? 0;
  }

  /**
   * @param {string} fid
   * @param {Draft} draft
   * @param {Layer} info
   * @param {ChangeMap} map
   * @returns {import("./review_changes.js").Around}
   */
  #aroundOf(fid, draft, info, map) {
    return {
      info,
      mayReview: draft.may.review,
      lineage: draft.report.lineage ?? [],
      findings: (draft.report.findings ?? []).filter((finding) => finding.fid === fid),
      comments: draft.comments.filter((comment) => comment.fid === fid),
      go: (other) => this.go(other),
      decide: (other, decision) => this.#decide([other], decision),
      settle: (other, choices) => this.#settle(other, choices),
      preview: (geometry) => map.preview(geometry),
      say: (other, text) => this.#say(other, text),
      mark: (point) => map.mark(point),
      kept: this.kept,
    };
  }

  /**
   * @param {Filter} filter
   * @param {number} offset
   */
  async turn(filter, offset) {
    this.filter = filter;
    this.offset = offset;
    await this.#try(async () => {
      this.draft = await this.#fetch();
      this.map?.show(this.draft.changes);
      this.render();
      say(`${joined(w(filter === "clashing" ? "clash" : filter), number(this.#matched(this.draft), 0))}`);
    });
  }

  /**
   * @param {string} fid
   * @param {{zoom?: boolean, scroll?: boolean}} [options]
   */
  go(fid, { zoom = true, scroll = false } = {}) {
    this.selected = fid;
    this.map?.select(fid, { zoom });
    const card = this.#markSelected();
    if (scroll) card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    if (scroll) card?.focus({ preventScroll: true });
  }

  #markSelected() {
    /** @type {HTMLElement | null} */
    let found = null;
    for (const card of this.list.querySelectorAll(".change")) {
      const chosen = /** @type {HTMLElement} */ (card).dataset.fid === this.selected;
      card.toggleAttribute("data-selected", chosen);
      if (chosen) found = /** @type {HTMLElement} */ (card);
    }
    return found;
  }

  /** Which card, and what in it, has the focus. */
  #heldFocus() {
    const active = document.activeElement;
    const card = active?.closest(".change");
    if (!(card instanceof HTMLElement)) return null;
    return { fid: card.dataset.fid ?? "", selector: active === card ? "" : selectorOf(/** @type {Element} */ (active)) };
  }

  /** @param {{fid: string, selector: string} | null} held */
  #giveBackFocus(held) {
    const card = held && this.list.querySelector(`.change[data-fid="${CSS.escape(held.fid)}"]`);
    if (!(card instanceof HTMLElement)) return;
    const inside = held && held.selector.length > 1 ? card.querySelector(held.selector) : null;
    (inside instanceof HTMLElement ? inside : card).focus({ preventScroll: true });
  }

  /** @param {Draft} draft */
  #undecided(draft) {
    return draft.tally.decisions.undecided ?? 0;
  }

  /**
   * @param {string[] | "all" | "undecided"} fids
   * @param {Decision} decision
   */
  #decide(fids, decision) {
    return this.#try(async () => {
      await send("POST", draftPath(this.id, "decisions"), { fids, decision });
      await this.refresh();
      say(decision ? `${w(decision)} · ${this.#hint()}` : w("decided"));
    });
  }

  /**
   * @param {string} fid
   * @param {Record<string, Side>} choices
   */
  #settle(fid, choices) {
    return this.#try(async () => {
      await send("POST", draftPath(this.id, "settle"), { fid, choices });
      await this.refresh();
      this.go(fid, { zoom: false, scroll: true });
    });
  }

  /**
   * @param {string} fid
   * @param {string} comment
   */
  #say(fid, comment) {
    return this.#try(async () => {
      await send("POST", draftPath(this.id, "comments"), { fid, comment });
      this.kept.type(fid, "");
      await this.refresh();
    });
  }

  publish() {
    return this.#try(async () => {
      await send("POST", draftPath(this.id, "publish"), { head: this.draft?.head });
      toast(w("publishDone"));
      location.reload();
    });
  }

  /** What still stands before publishing; empty where nothing does. */
  #hint() {
    const { draft } = this;
    if (!draft) return "";
    const left = [
      this.#undecided(draft) ? joined(number(this.#undecided(draft), 0), w("undecidedCount")) : "",
      draft.clashing.length ? joined(number(draft.clashing.length, 0), w("clashing")) : "",
    ].filter(Boolean);
    if (left.length) return w("waits") + left.join(", ");
    return draft.tally.decisions.accept ? w("publishReady") : w("publishNothing");
  }

  /** @param {Draft} draft */
  #showPublish(draft) {
    const button = document.getElementById("publish");
    if (!(button instanceof HTMLButtonElement)) return;
    button.disabled = this.#undecided(draft) > 0 || draft.clashing.length > 0 || !draft.tally.decisions.accept;
    $("#publish-hint").textContent = this.#hint();
  }

  /** Returning and rejecting carry what the comment box says. @param {Event} event */
  #askForReason(event) {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const text = /** @type {HTMLTextAreaElement} */ ($("#comment")).value.trim();
    if (text) form.append(h("input", { type: "hidden", name: "comment", value: text }));
  }

  /** @param {() => Promise<void>} action */
  async #try(action) {
    const box = $("#problem");
    box.hidden = true;
    try {
      await action();
    } catch (error) {
      const refusal = /** @type {Refusal | Error} */ (error);
      const stale = refusal instanceof Refusal && refusal.code === "stale-revision";
      box.replaceChildren(`${w("failed")}: ${refusal.message} `, ...(stale ? [w("again"), " ", h("button", { type: "button", class: "button", onclick: () => location.reload() }, w("reload"))] : []));
      box.hidden = false;
      box.scrollIntoView({ block: "nearest" });
    }
  }
}

/** What finds a control of a card again after it was drawn anew: its name, or its classes. @param {Element} control */
function selectorOf(control) {
  const [name, value] = [control.getAttribute("name"), control.getAttribute("value")];
  if (!name) return `.${[...control.classList].map((c) => CSS.escape(c)).join(".")}`;
  const which = control.getAttribute("type") === "radio" ? `[value="${CSS.escape(value ?? "")}"]` : "";
  return `[name="${CSS.escape(name)}"]${which}`;
}

new Review().start().catch((error) => {
  const box = $("#problem");
  box.textContent = `${w("failed")}: ${error.message}`;
  box.hidden = false;
  throw error;
});
