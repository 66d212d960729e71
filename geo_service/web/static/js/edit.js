// Editing on the map: one layer at a time, one feature under the pencil, every step a change of a draft.

import { failed } from "./app.js";
import { h, say, toast } from "./dom.js";
import { attachmentBox } from "./edit_attachments.js";
import { refreshCoordinates } from "./edit_coordinates.js";
import { DraftSession } from "./edit_draft.js";
import { Form } from "./edit_form.js";
import { Panel } from "./edit_panel.js";
import { Shapes, loadGeoman } from "./edit_shapes.js";
import { w } from "./edit_words.js";
import { addStyle, mayEdit, ownStyle } from "./pencil.js";
import { Refusal, send } from "./review_api.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./edit_panel.js").Tool} Tool */
/** @typedef {import("./types").Properties} Properties */
/** @typedef {{fid: string, rev: number, geometry: GeoJSON.Geometry | null, properties: Properties}} Picked */

const KINDS = /** @type {const} */ ({ point: "Point", line: "Line", polygon: "Polygon" });
const HINTS = /** @type {const} */ ({ point: "drawPoint", line: "drawLine", polygon: "drawArea" });
/** What a feature drawn on the map is until somebody says otherwise. */
const DRAWN = { precision: "guess", source: "在线编辑" };

export class Editor {
  /**
   * @param {App} app
   * @param {import("./pencil.js").Pencil} pencil
   */
  constructor(app, pencil) {
    this.app = app;
    this.pencil = pencil;
    this.layerId = "";
    /** @type {DraftSession | null} */
    this.session = null;
    /** @type {Picked | null} */
    this.picked = null;
    /** @type {Form | null} */
    this.form = null;
    /** @type {Tool} */
    this.tool = "vertices";
    this.isOpen = false;
    this.shapes = new Shapes(app.stack, { changed: (geometry) => this.#reshaped(geometry), picked: (fid) => this.pick(fid) });
    this.panel = new Panel(this);
    this.coordinates = h("div", { class: "coordinate-slot" });
  }

  /** Begin on the layer of what is selected, else on the first one that is on. @param {string} [layerId] */
  async open(layerId = "") {
    await Promise.all([loadGeoman(this.app.map, this.pencil), addStyle(ownStyle("edit.css"))]);
    this.shapes.begin();
    const selected = this.app.stack.selected;
    const layers = this.app.stack.all().filter((layer) => mayEdit(layer.id));
    const first = [layerId, selected?.layer.id ?? "", ...this.app.stack.shown().map((l) => l.id)].find(mayEdit) ?? layers[0].id;
    this.app.card?.close();
    this.isOpen = true;
    this.panel.show();
    this.panel.list(layers);
    document.addEventListener("keydown", this.#key);
    this.app.map.invalidateSize({ pan: false });
    await this.openLayer(first);
    if (selected?.layer.id === first) await this.pick(selected.fid);
    else this.panel.element.focus({ preventScroll: true });
  }

  close() {
    if (this.session?.changes.size) toast(w("left"));
    this.letGo();
    this.shapes.end();
    this.panel.hide();
    this.isOpen = false;
    this.session = null;
    document.removeEventListener("keydown", this.#key);
    this.app.map.invalidateSize({ pan: false });
    this.app.editingChanged();
  }

  /** @param {string} id */
  async openLayer(id) {
    const layer = this.app.stack.layers.get(id);
    if (!layer) return;
    if (layer.pinned) toast(w("notPresent"), { bad: true });
    this.letGo();
    this.layerId = id;
    try {
      await this.app.stack.setOn([layer], true, failed);
      this.session = await DraftSession.open(id);
      this.session.addEventListener("change", () => this.#redraw());
    } catch (error) {
      this.#refused(error);
    }
    this.#redraw();
  }

  /** Which features one may edit, where that is not all of them. */
  get limits() {
    const areas = this.session?.schema.may.areas ?? ["*"];
    return areas.includes("*") ? null : h("p", { class: "limits" }, w("areaOnly"), areas.join("、"));
  }

  /** Things of a saved feature that are no fields of the form. @type {HTMLElement | null} */
  extras = null;

  /** What lies under a click on the map. @param {import("leaflet").LatLng} at */
  async identify(at) {
    if (this.shapes.drawing || !this.session) return;
    const layer = this.app.stack.layers.get(this.layerId);
    const places = (await layer?.drawing?.hits(at, 6)) ?? [];
    const place = places.find(({ fid }) => this.session?.changes.get(fid)?.operation !== "delete");
    if (place) await this.pick(place.fid);
    else if (this.picked && this.picked.fid !== "new") this.letGo();
  }

  /** Put a feature under the pencil, as the draft has it. @param {string} fid */
  async pick(fid) {
    const layer = this.app.stack.layers.get(this.layerId);
    if (!layer || !this.session) return;
    const drafted = this.session.changes.get(fid);
    if (drafted?.after) return this.#take({ fid, rev: drafted.base_rev, geometry: drafted.after.geometry, properties: drafted.after.properties });
    try {
      const { rev, geometry, properties } = await this.app.stack.detail(layer, fid);
      this.#take({ fid, rev, geometry, properties });
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {Picked} picked */
  #take(picked) {
    this.picked = picked;
    this.tool = "vertices";
    this.shapes.take(picked.geometry, `${this.layerId}/${picked.fid}`);
    if (picked.fid !== "new") this.shapes.approach();
    this.form = new Form(this.session?.schema.fields ?? [], picked.properties, () => this.#state(w("unsaved")));
    refreshCoordinates(this.coordinates, this);
    this.extras = h("div", {}, this.coordinates, attachmentBox(this));
    this.#redraw();
    say(`${w("editing")}: ${picked.properties.name ?? w("newFeature")}`);
    if (picked.fid === "new") this.form.focus();
  }

  letGo() {
    this.picked = this.form = this.extras = null;
    this.shapes.drop();
    this.#redraw();
  }

  #redraw() {
    this.shapes.outline(this.session?.changes.values() ?? [], this.picked?.fid);
    this.panel.refresh();
  }

  #state = (/** @type {string} */ words) => void (this.panel.state && (this.panel.state.textContent = words));

  /** @param {Tool} tool */
  async use(tool) {
    this.shapes.stopDrawing();
    if (tool === "undo" || tool === "redo") return this.#turn(tool);
    if (tool === "delete") return this.remove();
    this.tool = tool;
    this.panel.refresh();
    if (tool === "vertices" || tool === "move") return this.shapes.mode(tool);
    return tool === "draw" ? this.#draw() : this.#cut(tool);
  }

  async #draw() {
    const kind = this.session?.schema.kind ?? "polygon";
    this.letGo();
    this.tool = "draw";
    this.panel.refresh();
    const geometry = await this.shapes.draw(KINDS[kind], w(HINTS[kind]));
    this.tool = "vertices";
    const rev = this.app.stack.layers.get(this.layerId)?.info.rev ?? 1;
    if (geometry) this.#take({ fid: "new", rev, geometry, properties: { ...DRAWN } });
    else this.panel.refresh();
  }

  /** @param {"split" | "hole"} tool */
  async #cut(tool) {
    const { picked } = this;
    if (!picked?.geometry) return;
    const by = await this.shapes.draw(tool === "split" ? "Line" : "Polygon", w(tool === "split" ? "drawSplit" : "drawHole"));
    this.tool = "vertices";
    this.panel.refresh();
    if (!by) return;
    await this.#try(async () => {
      const { parts } = await send("POST", `/api/shapes/${tool}`, { geometry: picked.geometry, by });
      await this.#keepParts(picked, parts);
      if (parts.length > 1) toast(`${w("splitDone")} (${parts.length})`);
    });
  }

  /**
   * The first part stays the feature, the others become new ones with its attributes.
   * @param {Picked} picked
   * @param {GeoJSON.Geometry[]} parts
   */
  async #keepParts(picked, [first, ...others]) {
    const rest = others.map((geometry, index) => ({ fid: "new", rev: picked.rev, after: { geometry, properties: { ...picked.properties, name: `${picked.properties.name} (${index + 2})` } } }));
    await this.#run([{ fid: picked.fid, rev: picked.rev, after: { geometry: first, properties: picked.properties } }, ...rest]);
  }

  /** Another shape, typed rather than drawn. @param {GeoJSON.Geometry} geometry */
  reshape(geometry) {
    this.shapes.take(geometry, `${this.layerId}/${this.picked?.fid}`);
    this.shapes.approach();
    this.#reshaped(geometry);
  }

  /** A corner was moved: kept at once, but for a new feature, whose form comes first. @param {GeoJSON.Geometry} geometry */
  #reshaped(geometry) {
    const { picked } = this;
    if (!picked) return;
    picked.geometry = geometry;
    refreshCoordinates(this.coordinates, this);
    if (picked.fid === "new") return;
    this.#try(() => this.#run([{ fid: picked.fid, rev: picked.rev, after: { geometry, properties: picked.properties } }], { keepForm: true }));
  }

  async saveForm() {
    this.form?.clear();
    this.panel.tell([]);
    await this.change({});
  }

  /** Keep other values of the feature under the pencil. @param {Properties} values */
  async change(values) {
    const { picked, form } = this;
    if (!picked || !form) return;
    await this.#try(() => this.#run([{ fid: picked.fid, rev: picked.rev, after: { geometry: picked.geometry, properties: { ...form.values, ...values } } }]));
  }

  /** Put a point where a photo was taken; what was unlocated is guessed then. @param {[number, number]} at */
  async place(at) {
    if (!this.picked) return;
    this.picked.geometry = { type: "Point", coordinates: at };
    await this.change(this.form?.values.precision === "unlocated" ? { precision: "guess" } : {});
  }

  /**
   * @param {{fid: string, rev: number, after: import("./edit_draft.js").State}[]} steps
   * @param {{keepForm?: boolean}} [options]
   */
  async #run(steps, { keepForm = false } = {}) {
    const [fid] = (await this.session?.run(steps)) ?? [];
    if (!keepForm) await this.pick(fid);
    this.#state(w("drafted"));
    say(w("drafted"));
  }

  async remove() {
    const { picked } = this;
    if (!picked) return;
    const own = this.session?.changes.get(picked.fid)?.operation === "add";
    if (picked.fid !== "new") await this.#try(async () => void (await this.session?.run([{ fid: picked.fid, rev: picked.rev, after: own ? null : { gone: true } }])));
    this.letGo();
  }

  /** Take one feature's changes out of the draft. @param {string} fid */
  async revert(fid) {
    await this.#try(async () => void (await this.session?.run([{ fid, rev: this.session.changes.get(fid)?.base_rev ?? 1, after: null }])));
  }

  /** @param {"undo" | "redo"} way */
  async #turn(way) {
    await this.#try(async () => {
      const fids = (await this.session?.[way]()) ?? [];
      if (!fids.length) return toast(w("nothingToUndo"));
      toast(w(way === "undo" ? "undone" : "redone"));
      const { picked } = this;
      if (!picked || !fids.includes(picked.fid)) return null;
      const there = this.session?.changes.get(picked.fid);
      const isNew = !there && !this.app.stack.layers.get(this.layerId)?.drawing?.find(picked.fid);
      return isNew || there?.operation === "delete" ? this.letGo() : this.pick(picked.fid);
    });
  }

  /** @param {string} note */
  async submit(note) {
    await this.#try(async () => {
      const draft = await this.session?.submit(note);
      if (draft) toast(`${w("submitted")}: ${draft.id}`);
      this.letGo();
    });
  }

  /** @param {() => Promise<unknown>} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    const { message } = /** @type {Error} */ (error);
    const others = error instanceof Refusal && error.findings.length && this.form ? this.form.refuse(error.findings) : [message];
    this.panel.tell(others);
    this.#state("");
    toast(`${w("failed")}: ${others.join(" ") || w("seeFields")}`, { bad: true });
  }

  #key = (/** @type {KeyboardEvent} */ event) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key === "Escape" && this.shapes.drawing) this.shapes.stopDrawing();
    else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !typing) this.#turn(event.shiftKey ? "redo" : "undo");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
