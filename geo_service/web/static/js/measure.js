// Distance and area in the Gauss-Kruger plane, by mouse or by keyboard (Enter adds the middle of the map).

import { $, h, say } from "./dom.js";
import { areaText, lengthText } from "./format.js";
import { area, length } from "./proj.js";
import { cssColor } from "./theme.js";
import { t } from "./words.js";

/** @typedef {import("./types").Position} Position */
/** @typedef {"distance" | "area"} Kind */

/**
 * Start measuring; gives back what ends it.
 * @param {import("leaflet").Map} map
 * @param {Kind} kind
 * @param {() => void} ended called when the person leaves by Escape
 * @returns {() => void}
 */
export function startMeasuring(map, kind, ended) {
  const measuring = new Measuring(map, kind, ended);
  measuring.begin();
  return () => measuring.end();
}

class Measuring {
  /**
   * @param {import("leaflet").Map} map
   * @param {Kind} kind
   * @param {() => void} ended
   */
  constructor(map, kind, ended) {
    Object.assign(this, { map, kind, ended });
    this.map = map;
    this.kind = kind;
    this.ended = ended;
    /** @type {Position[]} */
    this.points = [];
    this.finished = false;
    this.renderer = L.svg({ pane: "names" });
    this.group = L.layerGroup();
    const style = { color: cssColor("--measure"), weight: 3, dashArray: "7 5", fillOpacity: 0.12, interactive: false, renderer: this.renderer };
    this.shape = kind === "area" ? L.polygon([], style) : L.polyline([], style);
    this.box = h("div", { class: "measure-box", role: "status" }, t("addPoint"));
    this.cross = h("div", { class: "crosshair", "aria-hidden": "true", hidden: true });
  }

  begin() {
    this.group.addLayer(this.shape).addTo(this.map);
    $(".stage").append(this.box, this.cross);
    this.map.getContainer().classList.add("measuring");
    this.map.doubleClickZoom.disable();
    this.map.on("click", this.#click).on("mousemove", this.#move).on("dblclick", this.#finish);
    document.addEventListener("keydown", this.#key, true);
    say(t("addPoint"));
  }

  end() {
    this.map.off("click", this.#click).off("mousemove", this.#move).off("dblclick", this.#finish);
    document.removeEventListener("keydown", this.#key, true);
    this.group.remove();
    this.box.remove();
    this.cross.remove();
    this.map.getContainer().classList.remove("measuring");
    setTimeout(() => this.map.doubleClickZoom.enable(), 10);
  }

  #click = (/** @type {import("leaflet").LeafletMouseEvent} */ { latlng }) => {
    if (this.finished) this.#restart();
    this.#add(latlng);
  };

  /** @param {import("leaflet").LatLng} at */
  #add({ lng, lat }) {
    const last = this.points[this.points.length - 1];
    if (last && last[0] === lng && last[1] === lat) return;
    this.points.push([lng, lat]);
    this.group.addLayer(L.circleMarker([lat, lng], { radius: 4, color: cssColor("--measure"), fillColor: cssColor("--bg"), fillOpacity: 1, weight: 2, interactive: false, renderer: this.renderer }));
    this.#show(this.points);
  }

  #move = (/** @type {import("leaflet").LeafletMouseEvent} */ { latlng }) => {
    if (!this.finished && this.points.length) this.#show([...this.points, [latlng.lng, latlng.lat]]);
  };

  #finish = () => {
    if (this.finished || this.points.length < 2) return;
    this.finished = true;
    this.#show(this.points);
    say(this.box.textContent ?? "");
  };

  #restart() {
    this.points = [];
    this.finished = false;
    for (const layer of this.group.getLayers()) if (layer !== this.shape) this.group.removeLayer(layer);
  }

  /** @param {Position[]} points */
  #show(points) {
    this.shape.setLatLngs(points.map(([lng, lat]) => L.latLng(lat, lng)));
    this.box.textContent = result(points, this.kind) || t("addPoint");
    this.box.dataset.value = String(this.kind === "area" ? area(points) : length(points));
  }

  /** Keys work while the map has the focus. */
  #key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.ended();
      return;
    }
    if (document.activeElement !== this.map.getContainer()) return;
    if (event.key === "Enter") this.#enter();
    else if (event.key === "Backspace") this.#undo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** Add the middle of the map; a second Enter at the same place finishes. */
  #enter() {
    this.cross.hidden = false;
    const { lng, lat } = this.map.getCenter();
    const last = this.points[this.points.length - 1];
    if (last && Math.abs(last[0] - lng) < 1e-9 && Math.abs(last[1] - lat) < 1e-9) this.#finish();
    else this.#add(this.map.getCenter());
    say(this.box.textContent ?? "");
  }

  #undo() {
    if (this.finished || !this.points.length) return;
    this.points.pop();
    const markers = this.group.getLayers();
    this.group.removeLayer(markers[markers.length - 1]);
    this.#show(this.points);
  }
}

/**
 * @param {Position[]} points
 * @param {Kind} kind
 */
function result(points, kind) {
  if (kind === "distance") return points.length > 1 ? lengthText(length(points)) : "";
  if (points.length < 3) return "";
  return `${areaText(area(points))} · ${t("measurePerimeter")} ${lengthText(length(points, { closed: true }))}`;
}
