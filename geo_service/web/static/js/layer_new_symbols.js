// Choosing a symbol: every row of the one symbol table that fits the geometry, as it will be drawn.

import { getJson } from "./api.js";
import { fill, h } from "./dom.js";
import { swatch } from "./legend.js";
import { said } from "./words.js";

/**
 * @param {HTMLElement} place
 * @param {string} kind
 */
export async function symbolChoice(place, kind) {
  const { symbols } = await getJson(`/api/symbols?kind=${encodeURIComponent(kind)}`);
  const generic = symbols.filter((/** @type {any} */ s) => s.name.startsWith(`${kind}_`));
  const first = (generic[0] ?? symbols[0])?.name;
  fill(place, ...[...generic, ...symbols.filter((/** @type {any} */ s) => !generic.includes(s))].map((symbol) => option(symbol, symbol.name === first)));
}

/**
 * @param {any} symbol
 * @param {boolean} checked
 */
function option(symbol, checked) {
  return h("label", { class: "symbol" }, h("input", { type: "radio", name: "symbol", value: symbol.name, checked }), swatch(symbol, symbol.classes[symbol.classes.length - 1], { size: 26 }), said(symbol.title));
}
