// The bar over the table: layer, filter, in view only, which rows, pages, exports.

import { address, getJson, layerPath } from "./api.js";
import { fill, h, icon, toast } from "./dom.js";
import { PAGE } from "./table.js";
import { english, number, said, t } from "./words.js";

/** @typedef {import("./table.js").Table} Table */

const WAIT_MS = 220;
/** Pages of an atlas at most. */
const MOST_PAGES = 200;

/** @param {Table} table */
export function toolbar(table) {
  const { stack } = table.app;
  const layers = h("select", { "aria-label": t("chooseLayer"), onchange: () => table.open(layers.value) });
  for (const group of stack.catalogue.groups) layers.append(options(table, group));
  const filter = h("input", { type: "search", class: "filter", placeholder: t("filter"), "aria-label": t("filter"), autocomplete: "off" });
  let timer = 0;
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => table.change({ q: filter.value.trim() }), WAIT_MS);
  });
  const inView = h("input", { type: "checkbox", onchange: () => table.change({ inView: inView.checked }) });
  const condition = h("span", { class: "condition" });
  const count = h("output", { class: "range" });
  const before = pageButton(t("previous"), "before", () => turn(-1));
  const after = pageButton(t("next"), "after", () => turn(1));
  const csv = h("a", { class: "tool", title: t("exportCsv"), download: true }, icon("csv", 16), "CSV");
  const xlsx = h("a", { class: "tool", title: t("exportXlsx"), download: true }, icon("csv", 16), "XLSX");
  const atlas = h("button", { class: "tool", type: "button", title: t("atlasOf"), onclick: () => printAtlas(table) }, icon("print", 16), t("atlas"));
  const close = h("button", { class: "tool", type: "button", "aria-label": t("close"), title: t("close"), onclick: () => table.close() }, icon("close", 16));
  const element = h("div", { class: "drawer-bar" }, layers, filter, h("label", { class: "switch" }, inView, t("inView")), condition, h("span", { class: "paging" }, count, before, after), csv, xlsx, atlas, close);

  const turn = (/** @type {number} */ step) => {
    const offset = table.ask.offset + step * PAGE;
    return offset < 0 || offset >= table.page.numberMatched ? Promise.resolve() : table.change({ offset });
  };

  const range = () => {
    const { numberMatched, numberReturned } = table.page;
    const first = numberReturned ? table.ask.offset + 1 : 0;
    const rows = `${number(first, 0)}–${number(table.ask.offset + numberReturned, 0)}`;
    return english ? `${rows} of ${number(numberMatched, 0)}` : `${rows} / ${number(numberMatched, 0)} ${t("rowsOf")}`;
  };

  const refresh = () => {
    layers.value = table.layerId;
    if (document.activeElement !== filter) filter.value = table.ask.q;
    inView.checked = table.ask.inView;
    count.textContent = range();
    before.disabled = table.ask.offset === 0;
    after.disabled = table.ask.offset + table.page.numberReturned >= table.page.numberMatched;
    csv.href = address(`${layerPath(table.layerId)}/items.csv`, table.parameters);
    xlsx.href = address(`${layerPath(table.layerId)}/items.xlsx`, table.parameters);
    const clear = () => h("button", { type: "button", class: "icon-button", "aria-label": t("clearFilter"), onclick: () => table.change({ filter: "" }) }, icon("close", 14));
    fill(condition, ...(table.ask.filter ? [h("code", {}, table.ask.filter), clear()] : []));
  };

  return { element, range, refresh, turn, focus: () => table.drawer.focus({ preventScroll: true }) };
}

/**
 * To the print room with the features of the table, a page each; the layers and revisions of the map come along.
 * @param {Table} table
 */
async function printAtlas(table) {
  try {
    const asked = { ...table.parameters, limit: MOST_PAGES, offset: 0 };
    const { features, numberMatched } = await getJson(address(layerPath(table.layerId, "items"), asked));
    if (numberMatched > MOST_PAGES || !features.length) return toast(t("atlasTooMany"), { bad: true });
    const only = features.map((/** @type {{id: string}} */ { id }) => id).join(",");
    location.assign(`/print?${new URLSearchParams({ atlas: table.layerId, only })}${table.app.pinnedAddress}`);
  } catch (error) {
    toast(`${t("failed")}: ${/** @type {Error} */ (error).message}`, { bad: true });
  }
}

/**
 * @param {Table} table
 * @param {{id: string, title: import("./types").Text}} group
 */
function options(table, group) {
  const layers = table.app.stack.all().filter((layer) => layer.info.theme === group.id);
  return h("optgroup", { label: said(group.title) }, ...layers.map((layer) => h("option", { value: layer.id }, `${layer.title} (${number(layer.info.count, 0)})`)));
}

/**
 * @param {string} label
 * @param {string} kind
 * @param {() => void} act
 */
function pageButton(label, kind, act) {
  return h("button", { type: "button", class: `icon-button ${kind}`, "aria-label": label, title: label, onclick: act }, icon("chevron", 16));
}
