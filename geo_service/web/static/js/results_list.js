// The list of saved results: two of the same question can be ticked, no more.

import { $ } from "./dom.js";

const form = $("#choose-two");
const button = /** @type {HTMLButtonElement} */ (/** @type {unknown} */ ($("#compare-two")));
const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[type=checkbox]")]);

function refresh() {
  const ticked = boxes.filter((box) => box.checked);
  for (const box of boxes) {
    const fits = ticked.length === 0 || box.dataset.question === ticked[0].dataset.question;
    box.disabled = !box.checked && (ticked.length >= 2 || !fits);
  }
  button.disabled = ticked.length !== 2;
}

form.addEventListener("change", refresh);
refresh();
