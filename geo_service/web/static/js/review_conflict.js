// The card of a conflict: for every field both sides changed, what it was, what others published, what this draft wants.

import { h } from "./dom.js";
import { shapeText } from "./review_geometry.js";
import { fieldTitle, shown } from "./review_changes.js";
import { w } from "./review_words.js";

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Clash} Clash */
/** @typedef {import("./review_types").Side} Side */
/** @typedef {import("./review_changes.js").Around} Around */

let serial = 0;

/**
 * @param {Change} change
 * @param {Around} around
 */
export function conflictCard(change, around) {
  const name = `clash-${++serial}`;
  const hint = h("p", { class: "hint", role: "status" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const choices = Object.fromEntries(change.clashes.map((clash, i) => [clash.field, chosen(form, `${name}-${i}`)]));
    if (Object.values(choices).some((side) => !side)) hint.textContent = w("pickSide");
    else around.settle(change.fid, /** @type {Record<string, Side>} */ (choices));
  };
  const form = h(
    "form",
    { class: "conflict", onsubmit: submit },
    h("p", {}, h("b", {}, w("clash")), " ", w("clashLead")),
    ...change.clashes.map((clash, i) => choice(clash, `${name}-${i}`, around)),
    h("p", { class: "toolbar" }, h("button", { type: "submit", class: "button primary" }, w("mergeNow")), hint),
  );
  return form;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {string}
 */
function chosen(form, name) {
  const group = form.elements.namedItem(name);
  return group instanceof RadioNodeList ? group.value : "";
}

/**
 * @param {Clash} clash
 * @param {string} name
 * @param {Around} around
 */
function choice(clash, name, around) {
  const text = (/** @type {any} */ value) => valueText(clash.field, value, around);
  const side = (/** @type {Side} */ key) =>
    h(
      "div",
      { class: `side ${key}` },
      h("label", {}, h("input", { type: "radio", name, value: key }), h("span", {}, h("small", {}, w(key)), h("b", {}, text(clash[key])))),
      clash.field === "geometry" && clash[key] ? h("button", { type: "button", class: "link", onclick: () => around.preview(clash[key]) }, w("go")) : null,
    );
  return h(
    "fieldset",
    {},
    h("legend", {}, fieldTitle(around.info, clash.field)),
    clash.field === "existence" ? null : h("p", { class: "base" }, h("small", {}, w("base")), " ", text(clash.base)),
    side("theirs"),
    side("mine"),
  );
}

/**
 * @param {string} field
 * @param {any} value
 * @param {Around} around
 */
function valueText(field, value, { info }) {
  if (field === "existence") return w(value ? "keeps" : "deletes");
  return field === "geometry" ? shapeText(value) : shown(info, field, value);
}
