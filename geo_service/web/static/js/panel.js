// The layer tree, which is the legend too: groups, counts, class filters, opacity, and the switch for illustrative positions.

import { $, fill, h, icon, say, toast } from "./dom.js";
import { isAllIllustrative, leadingClass, swatch } from "./legend.js";
import { details } from "./panel_details.js";
import { aside, number, said, t } from "./words.js";

/** @typedef {import("./layer.js").MapLayer} MapLayer */
/** @typedef {import("./app.js").App} App */
/** @typedef {{id: string, title: import("./types").Text}} Group */

/** Builds the tree and keeps it in line with the stack. */
export class Panel {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** What to bring up to date after a change. @type {(() => void)[]} */
    this.updates = [];
  }

  install() {
    this.app.stack.addEventListener("change", () => this.refresh());
    this.draw();
  }

  /** The whole tree, anew. */
  draw() {
    const { stack } = this.app;
    this.updates = [];
    fill($("#panel"), this.#head(), ...stack.catalogue.groups.map((group) => this.#group(group)), this.#results(), this.app.basemaps.section(), this.#foot());
    this.refresh();
  }

  refresh() {
    for (const update of this.updates) update();
  }

  #head() {
    const { stack, labels } = this.app;
    const names = this.#switch("labels", () => labels.enabled, (on) => this.app.setLabels(on));
    const hide = this.#switch("hideIllustrative", () => !stack.illustrative, (on) => stack.setIllustrative(!on));
    const total = stack.all().reduce((sum, layer) => sum + layer.info.illustrative, 0);
    hide.append(h("span", { class: "count" }, number(total, 0)));
    const close = h("button", { class: "tool narrow-only", type: "button", "aria-label": t("close"), onclick: () => this.app.togglePanel(false) }, icon("close"));
    return h("div", { class: "panel-head" }, h("h2", {}, t("layers")), close, h("div", { class: "switches" }, names, hide));
  }

  /**
   * @param {import("./words.js").Word} word
   * @param {() => boolean} read
   * @param {(on: boolean) => void} write
   */
  #switch(word, read, write) {
    const box = h("input", { type: "checkbox", onchange: () => write(box.checked) });
    this.updates.push(() => (box.checked = read()));
    return h("label", { class: "switch" }, box, t(word));
  }

  /** @param {Group} group */
  #group(group) {
    const { stack } = this.app;
    const layers = stack.all().filter((layer) => layer.info.theme === group.id);
    const title = said(group.title);
    const box = h("input", { type: "checkbox", "aria-label": title, onchange: () => this.#switchLayers(layers, box.checked) });
    const count = h("span", { class: "count" });
    const list = h("ul", { class: "layers", id: `group-${group.id}` }, ...layers.map((layer) => this.#layer(layer)));
    const toggle = expander(title, list, true);
    this.updates.push(() => {
      const on = layers.filter((layer) => layer.on).length;
      box.checked = on === layers.length;
      box.indeterminate = on > 0 && on < layers.length;
      count.textContent = `${on}/${layers.length}`;
    });
    return h("section", { class: "group" }, h("div", { class: "group-head" }, toggle, box, h("h3", {}, title), count), list);
  }

  /**
   * @param {MapLayer[]} layers
   * @param {boolean} on
   */
  #switchLayers(layers, on) {
    const failed = (/** @type {MapLayer} */ layer, /** @type {Error} */ error) =>
      toast(`${t("mapLost")}: ${layer.title}. ${error.message}`, { bad: true });
    return this.app.stack.setOn(layers, on, failed);
  }

  /** @param {MapLayer} layer */
  #layer(layer) {
    const { info } = layer;
    const id = `layer-${info.id}`;
    const box = h("input", { type: "checkbox", id, onchange: () => this.#switchLayer(layer, box, item) });
    const classes = info.symbol.classes.length > 1 || info.illustrative > 0 ? h("ul", { class: "classes", id: `classes-${layer.id}`, hidden: true }) : null;
    const more = h("div", { class: "more", id: `more-${info.id}`, hidden: true });
    const item = h(
      "li",
      { class: "layer", data: { layer: info.id } },
      h(
        "div",
        { class: "row" },
        classes ? expander(`${layer.title} ${t("classes")}`, classes, false, () => this.#classes(layer)) : h("span", { class: "expander" }),
        box,
        swatch(info.symbol, leadingClass(info), { illustrative: isAllIllustrative(info) }),
        h("label", { for: id, class: "name", title: layer.title }, layer.title),
        countOf(layer),
        this.#moreButton(layer, more),
      ),
      classes,
      more,
    );
    this.updates.push(() => {
      box.checked = layer.on;
      item.classList.toggle("off", !layer.on);
    });
    return item;
  }

  /**
   * @param {MapLayer} layer
   * @param {HTMLInputElement} box
   * @param {HTMLElement} item
   */
  async #switchLayer(layer, box, item) {
    item.setAttribute("aria-busy", "true");
    await this.#switchLayers([layer], box.checked);
    item.removeAttribute("aria-busy");
    if (layer.on) say(`${layer.title}: ${number(layer.info.located, 0)} ${t("features")}`);
  }

  /**
   * @param {MapLayer} layer
   * @param {HTMLElement} more
   */
  #moreButton(layer, more) {
    const button = h("button", { class: "icon-button", type: "button", "aria-expanded": "false", "aria-controls": more.id, "aria-label": `${layer.title} ${t("more")}`, title: t("more") }, icon("dots", 16));
    button.addEventListener("click", () => {
      if (!more.firstChild) fill(more, ...details(this.app, layer));
      more.hidden = !more.hidden;
      button.setAttribute("aria-expanded", String(!more.hidden));
    });
    return button;
  }

  /** Rows of the classes, made when they are first looked at. @param {MapLayer} layer */
  #classes(layer) {
    const { symbol, classes, illustrative } = layer.info;
    const rows = symbol.classes.map((found) => {
      const box = h("input", {
        type: "checkbox",
        onchange: () => {
          layer.setClass(found.key, box.checked);
          this.app.stack.changed();
        },
      });
      this.updates.push(() => (box.checked = !layer.hidden.has(found.key)));
      const count = classes[found.key] ?? 0;
      return h("li", { class: count ? "" : "none" }, h("label", {}, box, swatch(symbol, found), h("span", { class: "name" }, said(found.title)), h("span", { class: "count" }, number(count, 0))));
    });
    if (illustrative) {
      const found = leadingClass(layer.info);
      const mark = h("p", {}, swatch(symbol, found, { illustrative: true }), h("span", { class: "name" }, said(symbol.illustrative.title)), h("span", { class: "count" }, number(illustrative, 0)));
      rows.push(h("li", { class: "overlay", title: t("illustrativeLong") }, mark));
    }
    this.refresh();
    return rows;
  }

  /** The saved results, asked for when the list is first opened. */
  #results() {
    const list = h("ul", { class: "layers saved-results", id: "saved-results", hidden: true });
    const title = t("savedResults");
    const toggle = expander(title, list, false, () => {
      import("./results_panel.js")
        .then(({ resultRows }) => resultRows(this.app.map))
        .then((rows) => fill(list, ...rows))
        .catch((error) => toast(String(error.message), { bad: true }));
      return [h("li", { class: "none", "aria-busy": "true" }, "…")];
    });
    return h("section", { class: "group" }, h("div", { class: "group-head" }, toggle, h("h3", {}, title)), list);
  }

  #foot() {
    const waiting = this.app.stack.all().reduce((sum, layer) => sum + layer.info.count - layer.info.located, 0);
    const links = [
      ["/plan", t("plan")],
      ["/analysis", t("analyses")],
      ["/unlocated", `${t("unlocatedPage")} ${number(waiting, 0)}`],
      ["/layers", t("layersPage")],
      ["/as-of", t("asOfPage")],
      ["/help", t("help")],
      ["/about", t("about")],
      ...[...document.querySelectorAll("#who a")].map((link) => [link.getAttribute("href") ?? "", link.textContent ?? ""]),
    ];
    return h("footer", { class: "panel-foot" }, h("p", {}, t("footnote")), h("nav", { "aria-label": t("pages") }, ...links.map(([href, words]) => h("a", { href }, words))));
  }
}

/**
 * The button that shows and hides a list.
 * @param {string} label
 * @param {HTMLElement} list
 * @param {boolean} open
 * @param {() => HTMLElement[]} [make] what to fill the list with when it is first shown
 */
function expander(label, list, open, make) {
  const button = h("button", { class: "expander", type: "button", "aria-label": label, "aria-controls": list.id, "aria-expanded": String(open) }, icon("chevron", 14));
  button.addEventListener("click", () => {
    if (make && !list.firstChild) fill(list, ...make());
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
  });
  return button;
}

/**
 * How many features are on the map, how many of them illustrative, how many wait for a place: 40（示意 40）.
 * @param {MapLayer} layer
 */
function countOf({ info }) {
  if (info.preparing) return h("span", { class: "count", role: "status" }, number(info.count, 0), h("small", {}, ` ${t("preparing")}`));
  const waiting = info.count - info.located;
  const aside_ = [info.illustrative ? aside("illustrative", info.illustrative) : "", !info.located && waiting ? aside("unlocated", waiting) : ""].join("");
  return h("span", { class: "count" }, number(info.located, 0), aside_ ? h("small", {}, aside_) : null);
}
