// One click on the card reports progress; ticked rows of the table report it together. Both write into my draft.

import { getJson, layerPath } from "./api.js";
import { h, toast } from "./dom.js";
import { DraftSession } from "./edit_draft.js";
import { w } from "./edit_words.js";
import { addStyle, mayEdit, ownStyle } from "./pencil.js";
import { said } from "./words.js";

/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").Code} Code */

/**
 * Buttons for every status a layer knows; the one it has is pressed.
 * @param {Code[]} codes
 * @param {string} now
 * @param {(status: string) => void} choose
 */
function choices(codes, now, choose) {
  return codes.map(({ value, title }) => h("button", { type: "button", class: `badge report ${value}`, "aria-pressed": String(value === now), onclick: () => choose(value) }, said(title)));
}

/**
 * The row of the card that reports progress, for those who may edit the layer.
 * @param {Place} place
 */
export function statusRow({ layer, fid, properties }) {
  const codes = layer.info.fields.find(({ key }) => key === "status")?.codes ?? [];
  if (!mayEdit(layer.id) || layer.pinned || layer.info.theme === "reference" || !codes.length) return null;
  addStyle(ownStyle("edit.css"));
  const row = h("div", { class: "quick-status", role: "group", "aria-label": w("statusOne") });
  const report = async (/** @type {string} */ status) => {
    try {
      const session = await DraftSession.open(layer.id);
      const was = row.querySelector("[aria-pressed=true]");
      const { rev, geometry, properties: known } = await getJson(layerPath(layer.id, "items", fid));
      const drafted = session.stateOf(fid);
      const base = drafted && "properties" in drafted ? drafted : { geometry, properties: known };
      await session.run([{ fid, rev, after: { ...base, properties: { ...base.properties, status } } }]);
      const press = (/** @type {Element | null} */ chosen) => row.querySelectorAll(".report").forEach((button) => button.setAttribute("aria-pressed", String(button === chosen)));
      press(row.querySelector(`.report.${CSS.escape(status)}`));
      tell(row, session, w("statusDone"), () => press(was));
    } catch (error) {
      toast(`${w("failed")}: ${/** @type {Error} */ (error).message}`, { bad: true });
    }
  };
  row.append(h("span", {}, w("statusOne")), ...choices(codes, String(properties.status ?? ""), report));
  return row;
}

/**
 * What was written, the way to the draft, and the way back.
 * @param {HTMLElement} place
 * @param {DraftSession} session
 * @param {string} words
 * @param {() => void} [undone]
 */
function tell(place, session, words, undone = () => {}) {
  place.querySelector(".told")?.remove();
  const undo = async () => {
    try {
      await session.undo();
      told.replaceChildren(w("undone"));
      undone();
    } catch (error) {
      toast(`${w("failed")}: ${/** @type {Error} */ (error).message}`, { bad: true });
    }
  };
  const open = h("a", { href: `/drafts/${encodeURIComponent(session.draft?.id ?? "")}` }, w("openDraft"));
  const told = h("p", { class: "told", role: "status" }, words, " ", open, " ", h("button", { type: "button", class: "undo", onclick: undo }, w("undo")));
  place.append(told);
}

/** Ticks before the rows of the table and the bar that sets one status on all of them. */
export class Bulk {
  /** @param {import("./table.js").Table} table */
  constructor(table) {
    this.table = table;
    /** @type {Map<string, number>} */
    this.picked = new Map();
    this.on = false;
    this.element = h("div", { class: "bulk-bar", hidden: true });
    this.toggle = h("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => this.turn(!this.on) }, w("bulk"));
    addStyle(ownStyle("edit.css"));
  }

  /** Ticks are for layers one may edit, in their present revision. */
  get fits() {
    const { layer } = this.table;
    return Boolean(layer && mayEdit(layer.id) && !layer.pinned && layer.info.theme !== "reference");
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on && this.fits;
    this.picked.clear();
    this.toggle.setAttribute("aria-pressed", String(this.on));
    this.table.redraw();
  }

  /** After the table was drawn: a tick before every row. */
  decorate() {
    this.toggle.hidden = !this.fits;
    if (!this.fits) this.on = false;
    this.element.hidden = !this.on;
    if (!this.element.isConnected) this.table.bar.element.after(this.element);
    if (!this.toggle.isConnected) this.table.bar.element.querySelector(".paging")?.before(this.toggle);
    for (const tick of this.table.drawer.querySelectorAll("th.tick")) tick.remove();
    if (!this.on) return;
    const head = this.table.drawer.querySelector("thead tr");
    head?.prepend(h("th", { class: "tick", scope: "col" }, this.#all()));
    for (const row of this.table.body.querySelectorAll("tr")) if (row.dataset.fid) row.prepend(h("td", { class: "tick" }, this.#tick(row.dataset.fid)));
    this.#bar();
  }

  #all() {
    return h("input", { type: "checkbox", "aria-label": w("bulkAll"), onchange: (/** @type {Event} */ event) => {
      const { checked } = /** @type {HTMLInputElement} */ (event.target);
      for (const box of this.table.body.querySelectorAll("input[type=checkbox]")) if (box instanceof HTMLInputElement && box.checked !== checked) box.click();
    } });
  }

  /** @param {string} fid */
  #tick(fid) {
    const name = this.table.page.features.find((feature) => feature.id === fid)?.properties.name ?? fid;
    const box = h("input", { type: "checkbox", "aria-label": `${w("bulkOne")} ${name}`, checked: this.picked.has(fid), onclick: (/** @type {Event} */ event) => event.stopPropagation() });
    box.addEventListener("change", () => {
      if (box.checked) this.picked.set(fid, this.table.page.rev);
      else this.picked.delete(fid);
      this.#bar();
    });
    return box;
  }

  #bar() {
    const codes = this.table.layer.info.fields.find(({ key }) => key === "status")?.codes ?? [];
    this.element.replaceChildren(h("b", {}, `${this.picked.size} ${w("bulkPicked")}`), h("span", {}, w("bulkChoose")), ...choices(codes, "", (status) => this.apply(status)));
  }

  /** @param {string} status */
  async apply(status) {
    if (!this.picked.size) return toast(w("bulkNone"));
    try {
      const session = await DraftSession.open(this.table.layerId);
      const changes = await session.runTogether([...this.picked.keys()], { status }, Math.min(...this.picked.values()));
      this.picked.clear();
      this.table.redraw();
      tell(this.element, session, `${changes.filter((change) => change.operation).length} ${w("bulkDone")}`);
    } catch (error) {
      toast(`${w("failed")}: ${/** @type {Error} */ (error).message}`, { bad: true });
    }
    return undefined;
  }
}
