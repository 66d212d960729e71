// The answer to a question: its layer on the map, linked with the table; the chart; a fire station one can drag.

import { getJson } from "./api.js";
import { Basemap } from "./basemap.js";
import { drawChart } from "./analysis_chart.js";
import { toast } from "./dom.js";
import { cssColor, onThemeChange } from "./theme.js";
import { english, said } from "./words.js";

const stage = document.getElementById("result-map");
const query = new URLSearchParams((stage?.dataset.source ?? "").split("?")[1]);

/** @param {string} tone */
const colourOf = (tone) => cssColor(`--tone-${tone}`);

class ResultMap {
  /** @param {HTMLElement} element @param {any} answer */
  constructor(element, answer) {
    this.answer = answer;
    this.tones = new Map(answer.classes.map((/** @type {any} */ c) => [c.key, c.tone]));
    this.map = L.map(element, { zoomSnap: 0.5, minZoom: 9, maxZoom: 20 });
    this.map.attributionControl.setPrefix(false);
    for (const [name, order] of Object.entries({ areas: 400, streets: 430, points: 450 })) {
      const pane = this.map.createPane(name);
      pane.style.zIndex = String(order);
      pane.style.pointerEvents = "none";
    }
    const [west, south, east, north] = (element.dataset.bbox ?? "").split(",").map(Number);
    this.map.fitBounds([[south, west], [north, east]], { animate: false });
    new Basemap(this.map, element.dataset.basemap ?? "").install();
    /** @type {Map<string, any>} */
    this.byId = new Map();
    this.group = L.geoJSON(undefined, {
      style: (feature) => this.styleOf(feature),
      pointToLayer: (_, at) => L.circleMarker(at, { radius: 7 }),
      onEachFeature: (feature, layer) => this.#link(feature, layer),
    }).addTo(this.map);
    this.show(answer.layer);
    onThemeChange(() => this.group.setStyle((feature) => this.styleOf(feature)));
  }

  /** @param {any} feature @returns {any} */
  styleOf(feature) {
    const tone = this.tones.get(feature?.properties.class) ?? "main";
    const color = colourOf(tone);
    const isLine = /Line/.test(feature?.geometry?.type ?? "");
    return { color, weight: isLine ? 3 : 1, fillColor: color, fillOpacity: tone === "muted" ? 0.15 : 0.42 };
  }

  /** @param {any} feature @param {any} layer */
  #link(feature, layer) {
    const id = String(feature.properties.id ?? "");
    this.byId.set(id, layer);
    const name = feature.properties.name;
    if (name) layer.bindTooltip(document.createTextNode(String(name)));
    layer.on("click", () => selectRow(id));
  }

  /** @param {any} layer */
  show(layer) {
    this.byId.clear();
    this.group.clearLayers();
    const drawn = { ...layer, features: layer.features.filter((/** @type {any} */ f) => f.geometry) };
    this.group.addData(drawn);
  }

  /** @param {string} id */
  select(id) {
    const found = this.byId.get(id);
    if (!found) return;
    this.group.setStyle((feature) => this.styleOf(feature));
    found.setStyle?.({ weight: 5, color: cssColor("--focus") });
    if (found.getBounds) this.map.fitBounds(found.getBounds(), { maxZoom: 16, padding: [40, 40] });
    else this.map.setView(found.getLatLng(), Math.max(this.map.getZoom(), 16));
  }
}

/** @param {string} id */
function selectRow(id) {
  for (const row of document.querySelectorAll("#result-table tr[data-id]")) {
    const isIt = /** @type {HTMLElement} */ (row).dataset.id === id;
    row.classList.toggle("selected", isIt);
    if (isIt) row.scrollIntoView({ block: "nearest" });
  }
}

/** Sort the rows of a table by a column; a second press turns the order round. @param {HTMLTableElement} table */
function makeSortable(table) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortRows(table, column, down ? -1 : 1);
    });
  });
}

/** @param {HTMLTableElement} table @param {number} column @param {number} sign */
function sortRows(table, column, sign) {
  const text = (/** @type {HTMLTableRowElement} */ row) => row.cells[column].textContent?.trim() ?? "";
  const rows = [...table.tBodies[0].rows];
  const amount = (/** @type {string} */ t) => Number(t.replaceAll(",", ""));
  rows.sort((a, b) => {
    const [one, two] = [amount(text(a)), amount(text(b))];
    if (Number.isNaN(one) || Number.isNaN(two)) return sign * text(a).localeCompare(text(b), english ? "en" : "zh");
    return sign * (one - two);
  });
  table.tBodies[0].append(...rows);
}

/** Let people drag the stations; the server answers each move, the latest wins. @param {ResultMap} shown */
async function makeDraggable(shown) {
  const layer = (query.get("layer.stations") ?? "fire_stations").split(",")[0];
  const [id, rev] = layer.split("@");
  const stations = await getJson(`/api/layers/${encodeURIComponent(id)}/items?limit=200${rev ? `&asOf=${rev}` : ""}`);
  for (const station of stations.features) {
    if (station.geometry?.type !== "Point") continue;
    const [lon, lat] = station.geometry.coordinates;
    const icon = L.divIcon({ className: "station-pin", iconSize: [26, 26] });
    const pin = L.marker([lat, lon], { draggable: true, icon, title: station.properties.name, keyboard: true }).addTo(shown.map);
    const ask = latest(async (signal) => {
      const at = pin.getLatLng();
      const asked = new URLSearchParams(query);
      for (const [key, value] of Object.entries({ station: station.id, lon: at.lng, lat: at.lat })) asked.set(key, String(value));
      const answer = await getJson(`/api/analyses/fire-response/moved?${asked}`, { signal });
      shown.show(answer.layer);
      for (const place of document.querySelectorAll("#drag-words, .verdict")) place.textContent = said(answer.headline);
    });
    pin.on("drag dragend", ask);
  }
}

/** One request at a time: while one is under way only the last wish is kept. @param {(signal: AbortSignal) => Promise<void>} work */
function latest(work) {
  let busy = false;
  let again = false;
  const run = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await work(new AbortController().signal);
    } catch (error) {
      toast(String(error instanceof Error ? error.message : error), { bad: true });
    }
    busy = false;
    if (again) {
      again = false;
      run();
    }
  };
  return run;
}

for (const table of document.querySelectorAll("table.result-table")) makeSortable(/** @type {HTMLTableElement} */ (table));
if (stage) {
  const answer = await getJson(stage.dataset.source ?? "");
  const shown = new ResultMap(stage, answer);
  for (const row of document.querySelectorAll("#result-table tr[data-id]")) {
    row.addEventListener("click", () => {
      const id = /** @type {HTMLElement} */ (row).dataset.id ?? "";
      selectRow(id);
      shown.select(id);
    });
  }
  const chart = document.getElementById("result-chart");
  if (chart) drawChart(chart, answer);
  if (stage.dataset.question === "fire-response") makeDraggable(shown);
}
