// The tools in the bar and the buttons on the map.

import { $, fill, h, icon } from "./dom.js";
import { pencil } from "./pencil.js";
import { installThemeButton } from "./theme.js";
import { t } from "./words.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./dom.js").IconName} IconName */

/** @param {App} app */
export function installTools(app) {
  const measuring = new MeasureTools(app);
  fill(
    $("#tools"),
    pageLink("/plan", "plan", t("plan")),
    pageLink("/analysis", "chart", t("analyses")),
    tool("tool-table", "table", t("table"), () => app.toggleTable()),
    measuring.button("distance", "ruler", t("distance")),
    measuring.button("area", "area", t("area")),
    editTool(app, measuring),
    tool("tool-print", "print", t("print"), async () => (await import("./print.js")).printMap(app)),
    sheetLink(app),
    tool("tool-link", "link", t("copyLink"), () => app.copyLink()),
    themeButton(),
  );
  const layers = $("#tool-layers");
  fill(layers, icon("layers"));
  layers.addEventListener("click", () => app.togglePanel());
  installMapButtons(app);
  installKeys(app, measuring);
}

/**
 * For those who may edit something.
 * @param {App} app
 * @param {MeasureTools} measuring
 */
function editTool(app, measuring) {
  if (!pencil()) return null;
  const button = tool("tool-edit", "pencil", t("edit"), () => {
    measuring.end();
    return app.toggleEditing();
  });
  button.setAttribute("aria-pressed", "false");
  return button;
}

/**
 * To one of the other rooms.
 * @param {string} href
 * @param {IconName} name
 * @param {string} words
 */
function pageLink(href, name, words) {
  return h("a", { class: "tool", href, title: words, "aria-label": words }, icon(name), h("span", { class: "words" }, words));
}

/** To the print room, with the layers, revisions and place of the map. @param {App} app */
function sheetLink(app) {
  const link = pageLink("/print", "page", t("sheet"));
  link.id = "tool-sheet";
  link.title = t("sheetTo");
  link.addEventListener("click", () => link.setAttribute("href", `/print${app.pinnedAddress}`));
  return link;
}

function themeButton() {
  const button = h("button", { class: "tool", id: "theme", type: "button" }, t("theme"));
  installThemeButton(button);
  return button;
}

/**
 * @param {string} id
 * @param {IconName} name
 * @param {string} words
 * @param {() => void} act
 */
function tool(id, name, words, act) {
  return h("button", { class: "tool", id, type: "button", title: words, "aria-label": words, onclick: act }, icon(name), h("span", { class: "words" }, words));
}

/** One measuring at a time; its button is pressed while it lasts. */
class MeasureTools {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {string | null} */
    this.kind = null;
    /** @type {() => void} */
    this.stop = () => {};
  }

  /**
   * @param {import("./measure.js").Kind} kind
   * @param {IconName} name
   * @param {string} words
   */
  button(kind, name, words) {
    const button = tool(`tool-${kind}`, name, words, () => this.#toggle(kind));
    button.setAttribute("aria-pressed", "false");
    return button;
  }

  /** @param {import("./measure.js").Kind} kind */
  async #toggle(kind) {
    const same = this.kind === kind;
    this.end();
    if (same) return;
    if (this.app.editor?.isOpen) this.app.editor.close();
    const { startMeasuring } = await import("./measure.js");
    this.app.card?.close();
    this.kind = kind;
    $(`#tool-${kind}`).setAttribute("aria-pressed", "true");
    this.stop = startMeasuring(this.app.map, kind, () => this.end());
    this.app.map.getContainer().focus({ preventScroll: true });
  }

  end() {
    this.stop();
    this.stop = () => {};
    if (this.kind) $(`#tool-${this.kind}`).setAttribute("aria-pressed", "false");
    this.kind = null;
  }
}

/** @param {App} app */
function installMapButtons(app) {
  const button = (/** @type {IconName} */ name, /** @type {string} */ words, /** @type {() => void} */ act) =>
    h("button", { class: "map-button", type: "button", title: words, "aria-label": words, onclick: act }, icon(name));
  fill(
    $("#map-buttons"),
    button("plus", t("zoomIn"), () => app.map.zoomIn()),
    button("minus", t("zoomOut"), () => app.map.zoomOut()),
    button("extent", t("extent"), () => app.zoomToDistrict()),
  );
}

/**
 * Pointing and keys on the map.
 * @param {App} app
 * @param {MeasureTools} measuring
 */
function installKeys(app, measuring) {
  const { map, stack } = app;
  const coarse = matchMedia("(pointer: coarse)");
  map.on("click", (event) => {
    if (app.editor?.isOpen) app.editor.identify(event.latlng);
    else if (!measuring.kind) app.identify(event.latlng, { reach_px: coarse.matches ? 14 : 5 });
  });
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || measuring.kind || app.editor?.isOpen || event.target !== map.getContainer()) return;
    event.preventDefault();
    app.identifyNearest();
  });
  let frame = 0;
  map.on("mousemove", (event) => {
    if (measuring.kind || frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      map.getContainer().classList.toggle("over", stack.touches(event.latlng));
    });
  });
}
