// A map of a past day or a named edition says so above it; the day can be changed, the present is one click away.

import { $, h, icon } from "./dom.js";
import { t } from "./words.js";

/** @typedef {import("./app.js").App} App */

const EDITION = "edition:";

/**
 * Put the bar above the map of a past day; nothing where the map is of the present.
 * @param {App} app
 */
export function installAsOfBar(app) {
  const { asOf } = app;
  if (!asOf) return;
  const present = h("button", { type: "button", class: "button", onclick: () => app.travel("") }, t("asOfPresent"));
  const what = asOf.startsWith(EDITION) ? editionLink(asOf.slice(EDITION.length)) : dayBox(app, asOf);
  $(".stage .field").append(h("div", { class: "as-of-bar", role: "group", "aria-label": t("asOfDay") }, icon("page", 16), ...what, present));
}

/** @param {string} name */
function editionLink(name) {
  return [h("span", {}, t("asOfEdition")), h("a", { href: `/editions/${encodeURIComponent(name)}` }, name)];
}

/**
 * @param {App} app
 * @param {string} day
 */
function dayBox(app, day) {
  const box = h("input", { type: "date", value: day, required: true });
  box.addEventListener("change", () => box.value && box.value !== day && app.travel(box.value));
  return [h("label", {}, h("span", {}, t("asOfDay")), " ", box)];
}
