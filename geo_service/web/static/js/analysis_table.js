// Tables of answers whose rows can be sorted.

import { english } from "./words.js";

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
