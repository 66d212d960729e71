// The answer to a question: its layer on the map, linked with the table; the chart; a fire station one can drag.

import { getJson } from "./api.js";
import { drawChart } from "./analysis_chart.js";
import { ResultMap } from "./analysis_map.js";
import { lengthen, makeSortable, shorten } from "./analysis_table.js";
import { toast } from "./dom.js";
import { anchorOf } from "./geometry.js";
import { said } from "./words.js";

const stage = document.getElementById("result-map");
const query = new URLSearchParams((stage?.dataset.source ?? "").split("?")[1]);

/** @param {string} id */
function selectRow(id) {
  for (const row of document.querySelectorAll("#result-table tr[data-id]")) {
    const isIt = /** @type {HTMLElement} */ (row).dataset.id === id;
    row.classList.toggle("selected", isIt);
    if (!isIt) continue;
    if (!row.checkVisibility()) lengthen(/** @type {HTMLTableElement} */ (row.closest("table")));
    row.scrollIntoView({ block: "nearest" });
  }
}

/** Let people drag the stations; the server answers each move, the latest wins. @param {ResultMap} shown */
async function makeDraggable(shown) {
  const layer = (query.get("layer.stations") ?? "fire_stations").split(",")[0];
  const [id, rev] = layer.split("@");
  const stations = await getJson(`/api/layers/${encodeURIComponent(id)}/items?limit=200${rev ? `&asOf=${rev}` : ""}`);
  for (const station of stations.features) {
    if (!station.geometry) continue;
    const [lon, lat] = anchorOf(station.geometry);
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
    pin.getElement()?.addEventListener("keydown", (event) => moveByKey(event, pin, shown.map, ask));
  }
}

/** Arrows move a station as a drag does, by ten pixels of the screen. @param {KeyboardEvent} event @param {any} pin @param {any} map @param {() => void} ask */
function moveByKey(event, pin, map, ask) {
  const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  pin.setLatLng(map.layerPointToLatLng(map.latLngToLayerPoint(pin.getLatLng()).add(step)));
  ask();
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

for (const table of document.querySelectorAll("table.result-table")) {
  makeSortable(/** @type {HTMLTableElement} */ (table));
  shorten(/** @type {HTMLTableElement} */ (table));
}
if (stage) {
  const answer = await getJson(stage.dataset.source ?? "");
  const shown = new ResultMap(stage, answer, selectRow);
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
