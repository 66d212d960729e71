// Tables of answers whose rows can be sorted.

import { w } from "./analysis_words.js";
import { h } from "./dom.js";
import { english, number } from "./words.js";

/** Sort the rows of a table by a column; a second press turns the order round. @param {HTMLTableElement} table */
export function makeSortable(table) {
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

const SHORT = 25;
const FIRST = 15;

/** Show the first rows of a long table and a button for the rest, so that what stands below it is found. @param {HTMLTableElement} table */
export function shorten(table) {
  const count = table.tBodies[0].rows.length;
  if (count <= SHORT) return;
  table.classList.add("short");
  const button = h("button", { class: "button", type: "button" }, w("allRows").replace("{n}", number(count, 0)));
  button.addEventListener("click", () => lengthen(table));
  (table.closest(".scroll") ?? table).after(h("p", { class: "more-rows" }, button, h("span", { class: "muted" }, w("firstRows").replace("{n}", String(FIRST)))));
}

/** Show every row. @param {HTMLTableElement} table */
export function lengthen(table) {
  table.classList.remove("short");
  (table.closest(".scroll") ?? table).parentElement?.querySelector(":scope > .more-rows")?.remove();
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
