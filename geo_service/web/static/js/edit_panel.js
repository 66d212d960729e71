// The panel beside the map while editing: the layer, the draft's changes or the form of one feature, and the way on.

import { $, fill, h, icon } from "./dom.js";
import { w } from "./edit_words.js";
import { said } from "./words.js";

/** @typedef {import("./edit.js").Editor} Editor */
/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./dom.js").IconName} IconName */

const OPERATIONS = /** @type {const} */ ({ add: "added", modify: "modified", delete: "deleted" });
/** @typedef {"draw" | "vertices" | "move" | "split" | "hole" | "delete" | "undo" | "redo"} Tool */
/** @type {[Tool, IconName, import("./edit_words.js").Word][]} */
const TOOLS = [
  ["draw", "pencil", "addFeature"],
  ["vertices", "corners", "vertices"],
  ["move", "move", "move"],
  ["split", "split", "split"],
  ["hole", "hole", "hole"],
  ["delete", "bin", "deleteFeature"],
  ["undo", "undo", "undo"],
  ["redo", "redo", "redo"],
];

export class Panel {
  /** @param {Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.layers = h("select", { "aria-label": w("chooseLayer"), onchange: () => editor.openLayer(this.layers.value) });
    this.body = h("div", { class: "edit-body", tabindex: "0", role: "group", "aria-label": w("changes") });
    this.note = h("input", { type: "text", maxlength: "500", placeholder: w("note"), "aria-label": w("note") });
    this.submit = h("button", { type: "button", class: "primary", onclick: () => editor.submit(this.note.value.trim()) }, w("submit"));
    this.foot = h("footer", {});
    const close = h("button", { type: "button", class: "icon-button", "aria-label": w("close"), title: w("close"), onclick: () => editor.close() }, icon("close", 16));
    this.element = h("section", { class: "edit-panel", "aria-label": w("editing"), tabindex: "-1" }, h("header", {}, h("h2", {}, w("editing")), this.layers, close), this.body, this.foot);
    /** @type {Map<Tool, HTMLButtonElement>} */
    this.tools = new Map(TOOLS.map(([tool, name, word]) => [tool, this.#tool(tool, name, word)]));
    this.bar = h("div", { class: "edit-tools", role: "group", "aria-label": w("tools") }, ...this.tools.values());
  }

  /**
   * @param {Tool} tool
   * @param {IconName} name
   * @param {import("./edit_words.js").Word} word
   */
  #tool(tool, name, word) {
    return h("button", { type: "button", class: "map-button", "aria-label": w(word), title: w(word), data: { tool }, onclick: () => this.editor.use(tool) }, icon(name));
  }

  show() {
    $(".stage").append(this.element);
    $(".field").append(this.bar);
    document.body.classList.add("editing");
  }

  hide() {
    this.element.remove();
    this.bar.remove();
    document.body.classList.remove("editing");
  }

  /** Fill the list of layers one may edit. @param {import("./layer.js").MapLayer[]} layers */
  list(layers) {
    fill(this.layers, ...layers.map((layer) => h("option", { value: layer.id }, layer.title)));
  }

  /** Everything as it is now. */
  refresh() {
    const { editor } = this;
    this.layers.value = editor.layerId;
    this.#refreshTools();
    if (editor.form) this.#showFeature();
    else this.#showChanges();
  }

  #refreshTools() {
    const { editor } = this;
    const { session, picked } = editor;
    const kind = session?.schema.kind;
    const shaped = Boolean(picked && editor.shapes.working);
    /** @type {Partial<Record<Tool, boolean>>} */
    const usable = { draw: Boolean(session), vertices: shaped, move: shaped && kind !== "point", split: shaped && kind !== "point", hole: shaped && kind === "polygon", delete: Boolean(picked), undo: Boolean(session?.done.length), redo: Boolean(session?.undone.length) };
    for (const [tool, button] of this.tools) {
      button.disabled = !usable[tool];
      if (tool !== "undo" && tool !== "redo" && tool !== "delete") button.setAttribute("aria-pressed", String(editor.tool === tool));
    }
  }

  #showFeature() {
    const { form, picked } = this.editor;
    if (!form || !picked) return;
    const back = h("button", { type: "button", class: "back", onclick: () => this.editor.letGo() }, icon("chevron", 15), w("closeFeature"));
    this.problems = h("div", { class: "problems", role: "alert" });
    const title = picked.fid === "new" ? w("newFeature") : String(picked.properties.name ?? picked.fid);
    fill(this.body, h("div", { class: "edit-head" }, back, h("h3", {}, title), picked.fid === "new" ? null : h("code", {}, picked.fid)), this.editor.limits, this.problems, form.element, this.editor.extras);
    const save = h("button", { type: "button", class: "primary", data: { action: "save" }, onclick: () => this.editor.saveForm() }, picked.fid === "new" ? w("saveNew") : w("save"));
    this.state = h("span", { class: "state" });
    fill(this.foot, save, this.state);
    this.foot.hidden = false;
  }

  #showChanges() {
    const { session } = this.editor;
    const changes = [...(session?.changes.values() ?? [])];
    const list = h("ul", { class: "edit-changes" }, ...changes.map((change) => this.#change(change)));
    fill(this.body, this.editor.limits, h("p", { class: "hint" }, w("empty")), changes.length ? h("h3", {}, `${w("changes")} (${changes.length})`) : null, list);
    const draft = session?.draft;
    const open = draft ? h("a", { href: `/drafts/${encodeURIComponent(draft.id)}` }, w("openDraft")) : null;
    fill(this.foot, ...(changes.length ? [this.note, this.submit, open] : [open]));
    this.foot.hidden = !changes.length && !open;
  }

  /** @param {Change} change */
  #change(change) {
    const fields = this.editor.session?.schema.fields ?? [];
    const titles = change.fields.filter((key) => key !== "updated_at").map((key) => (key === "geometry" ? w("geometry") : said(fields.find((f) => f.key === key)?.title ?? { zh: key, en: key })));
    const open = h("button", { type: "button", class: "open", disabled: change.operation === "delete", onclick: () => this.editor.pick(change.fid) }, h("b", {}, change.name), h("small", {}, `${w(OPERATIONS[change.operation])}${titles.length ? ` · ${titles.join("、")}` : ""}`));
    const revert = h("button", { type: "button", class: "revert", "aria-label": `${w("revert")} ${change.name}`, onclick: () => this.editor.revert(change.fid) }, w("revert"));
    return h("li", { class: change.operation, data: { fid: change.fid } }, open, revert);
  }

  /** @param {string[]} words */
  tell(words) {
    if (this.problems) fill(this.problems, ...words.map((text) => h("p", {}, text)));
  }
}
