// The start of the map page. Folium's script hands over the map, the basemap and the layers' addresses; the rest is JSON.

import { App, failed } from "./app.js";
import { address, getJson } from "./api.js";
import { Basemap } from "./basemap.js";
import { BasemapChoice } from "./basemap_choice.js";
import { $ } from "./dom.js";
import { Labels } from "./labels.js";
import { refreshSwatches } from "./legend.js";
import { Panel } from "./panel.js";
import { askedToEdit, mayEdit } from "./pencil.js";
import { readLink } from "./permalink.js";
import { installReadout } from "./readout.js";
import { Search } from "./search.js";
import { Stack } from "./stack.js";
import { onThemeChange } from "./theme.js";
import { installTools } from "./tools.js";
import { installLanguageLink, t } from "./words.js";

/** @typedef {import("./types").Catalogue} Catalogue */
/** @typedef {import("./types").ShellLayer} ShellLayer */

/** Drawing order of the panes; pointing goes through the map itself, so none of them takes the mouse. */
const PANES = { tiles: 350, areas: 400, streets: 430, points: 450, names: 470 };

/** What Folium's script calls, in this order: attach, basemap, layer for each layer, start. */
class Shell {
  /** @type {import("leaflet").Map | null} */
  map = null;
  /** @type {{url: string, bbox: number[]} | null} */
  base = null;
  /** @type {Map<string, ShellLayer>} */
  layers = new Map();

  /** @param {import("leaflet").Map} map */
  attach(map) {
    this.map = map;
    map.attributionControl.setPrefix(false);
    for (const [name, order] of Object.entries(PANES)) {
      const pane = map.createPane(name);
      pane.style.zIndex = String(order);
      pane.style.pointerEvents = "none";
    }
  }

  /** @param {{url: string, bbox: number[]}} options */
  basemap(options) {
    this.base = options;
    return options;
  }

  /**
   * @param {string} id
   * @param {ShellLayer} options
   */
  layer(id, options) {
    this.layers.set(id, options);
    return options;
  }

  async start() {
    const { map, base } = this;
    if (!map || !base) throw new Error("attach and basemap come before start");
    try {
      await run(map, base.url, await catalogueOf(readLink(location.hash).asOf));
    } catch (error) {
      failed(null, /** @type {Error} */ (error));
      throw error;
    }
  }
}

/**
 * The layers as they are, or as they were; a day that is refused is told and left aside.
 * @param {string | undefined} asOf
 * @returns {Promise<Catalogue>}
 */
async function catalogueOf(asOf) {
  if (asOf) {
    try {
      return await getJson(address("/api/layers", { asOf }));
    } catch (error) {
      failed(null, /** @type {Error} */ (error));
    }
  }
  return getJson("/api/layers");
}

/**
 * @param {import("leaflet").Map} map
 * @param {string} basemapUrl
 * @param {Catalogue} catalogue
 */
async function run(map, basemapUrl, catalogue) {
  const stack = new Stack(map, catalogue);
  const labels = new Labels(stack);
  const basemap = new Basemap(map, basemapUrl);
  const basemaps = new BasemapChoice(map, basemap, catalogue.basemaps);
  const app = new App(stack, labels, basemaps);
  const link = readLink(location.hash);
  const toEdit = askedToEdit(location.hash);
  if (!link.view) app.zoomToDistrict({ animate: false });
  else map.setView([link.view.lat, link.view.lon], link.view.zoom, { animate: false });
  const restored = app.restore(link);
  basemap.install();
  basemap.yieldTo(labels);
  const panel = new Panel(app);
  panel.install();
  installTools(app);
  installReadout(map);
  new Search(app).install();
  installLanguageLink(/** @type {HTMLAnchorElement} */ ($("#language")));
  onThemeChange(() => {
    stack.refresh();
    refreshSwatches();
    labels.redraw();
  });
  await restored;
  labels.install();
  panel.refresh();
  if (app.asOf) (await import("./as_of_bar.js")).installAsOfBar(app);
  for (const event of ["change", "select"]) stack.addEventListener(event, () => app.keepAddress());
  basemaps.addEventListener("change", () => app.keepAddress());
  map.on("moveend", () => app.keepAddress());
  addEventListener("hashchange", () => app.follow());
  app.keepAddress();
  if (new URLSearchParams(location.search).has("result")) {
    const { showResult } = await import("./result_layer.js");
    await showResult(map, new URLSearchParams(location.search).get("result") ?? "").catch((error) => failed(null, error));
  }
  ready(app);
  if (stack.all().some((layer) => layer.info.preparing)) import("./preparing.js").then(({ watchPreparing }) => watchPreparing(app, panel));
  if (mayEdit(toEdit)) await app.toggleEditing(toEdit);
}

/** Tell whoever waits (tests, the benchmark) that the page answers. @param {App} app */
function ready(app) {
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
  performance.mark("interactive");
  Object.assign(window.geoService, { app });
  document.title ||= t("title");
}

window.geoService = new Shell();
