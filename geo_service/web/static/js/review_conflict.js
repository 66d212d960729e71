// The card of a conflict: for every field both sides changed, what it was, what others published, what this draft wants.

import { h } from "./dom.js";
import { shapeText } from "./review_geometry.js";
import { fieldTitle, shown } from "./review_changes.js";
import { w } from "./review_words.js";

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Clash} Clash */
/** @typedef {import("./review_types").Side} Side */
/** @typedef {import("./review_changes.js").Around} Around */

/**
 * @param {Change} change
 * @param {Around} around
 */
export function conflictCard(change, around) {
  const hint = h("p", { class: "hint", role: "status" });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const choices = Object.fromEntries(change.clashes.map((clash) => [clash.field, around.kept.side(change, clash)]));
    if (Object.values(choices).some((side) => !side)) hint.textContent = w("pickSide");
    else around.settle(change.fid, /** @type {Record<string, Side>} */ (choices));
  };
  const form = h(
    "form",
    { class: "conflict", onsubmit: submit },
    h("p", {}, h("b", {}, w("clash")), " ", w("clashLead")),
    ...change.clashes.map((clash) => choice(change, clash, around)),
    h("p", { class: "toolbar" }, h("button", { type: "submit", class: "button primary" }, w("mergeNow")), hint),
  );
  return form;
}

/**
 * @param {Change} change
 * @param {Clash} clash
 * @param {Around} around
 */
function choice(change, clash, around) {
  const name = `clash-${change.fid}-${clash.field}`;
  const text = (/** @type {any} */ value) => valueText(clash.field, value, around);
  const side = (/** @type {Side} */ key) =>
    h(
      "div",
      { class: `side ${key}` },
      h("label", {}, h("input", { type: "radio", name, value: key, checked: around.kept.side(change, clash) === key, onchange: () => around.kept.choose(change, clash, key) }), h("span", {}, h("small", {}, w(key)), h("b", {}, text(clash[key])))),
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
