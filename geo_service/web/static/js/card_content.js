// What a card says: name, promise and report apart, how far the position can be trusted, the plan's sentence, attributes.

import { h, icon } from "./dom.js";
import { areaText, codeTitle, isEmpty, lengthText, shownFields, valueOf, valueWithUnit } from "./format.js";
import { nameOf } from "./labels.js";
import { mayEdit } from "./pencil.js";
import { swatch } from "./legend.js";
import { classOf, isIllustrative } from "./symbols.js";
import { english, number, said, t } from "./words.js";

/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").Field} Field */
/** @typedef {import("./types").FeatureDetail} FeatureDetail */
/** @typedef {import("./app.js").App} App */

/** Fields that stand elsewhere on the card. */
const APART = new Set(["name", "status", "plan_status", "commitment", "precision", "error_m", "source", "updated_at"]);
const MEASURED = new Set(["area_m2", "length_m"]);

/**
 * @param {App} app
 * @param {Place} place
 * @param {FeatureDetail | null} detail null while it is being fetched
 * @param {{close: () => void, pager: HTMLElement | null}} controls
 */
export function content(app, place, detail, { close, pager }) {
  const shown = detail ? { ...place, properties: detail.properties } : place;
  const name = nameOf(shown.properties) || place.fid;
  const card = h(
    "article",
    { class: "feature-card", tabindex: "-1", role: "dialog", "aria-label": name, "aria-busy": String(!detail) },
    head(shown, name, close),
    h("div", { class: "card-body", tabindex: "0", role: "group", "aria-label": t("fields") }, standing(shown), reporting(app, shown, detail), position(shown), clause(detail), attributes(shown, detail), pictures(app, shown, detail), origin(shown, detail)),
    footer(app, shown, detail, pager),
  );
  L.DomEvent.disableClickPropagation(card);
  L.DomEvent.disableScrollPropagation(card);
  return card;
}

/**
 * @param {Place} place
 * @param {string} name
 * @param {() => void} close
 */
function head({ layer, fid, properties }, name, close) {
  const { symbol } = layer.info;
  return h(
    "header",
    {},
    swatch(symbol, classOf(symbol, properties), { illustrative: isIllustrative(symbol, properties), size: 26 }),
    h("div", {}, h("h2", {}, name), h("p", {}, `${layer.title} · `, h("code", {}, fid))),
    h("button", { type: "button", class: "icon-button", "aria-label": t("close"), title: t("close"), data: { action: "close" }, onclick: close }, icon("close", 16)),
  );
}

/** What the plan promised beside what the bureau has reported: never mixed. @param {Place} place */
function standing({ layer, properties }) {
  const cell = (/** @type {string} */ key, /** @type {string} */ title, /** @type {string} */ none, /** @type {string} */ kind) => {
    const field = fieldOf(layer, key);
    const value = properties[key];
    const known = field && !isEmpty(value);
    return h("div", {}, h("dt", {}, title), h("dd", {}, known ? h("span", { class: `badge ${kind} ${value}` }, codeTitle(field, value)) : h("span", { class: "none" }, none)));
  };
  if (layer.info.theme === "reference") return null;
  return h("dl", { class: "standing" }, cell("plan_status", t("promise"), "—", "promise"), cell("status", t("reported"), t("notReported"), "report"));
}

/**
 * One click reports progress, for those who may: the rest of it is fetched then.
 * @param {App} app
 * @param {Place} place
 * @param {FeatureDetail | null} detail
 */
function reporting(app, place, detail) {
  if (!detail || !mayEdit(place.layer.id)) return null;
  const slot = h("div", { class: "slot" });
  import("./edit_status.js").then(({ statusRow }) => {
    slot.append(statusRow(place) ?? "");
    app.card?.popup.update();
  });
  return slot;
}

/** @param {Place} place */
function position({ layer, properties }) {
  const field = fieldOf(layer, "precision");
  const value = String(properties.precision ?? "");
  if (!field || !value) return null;
  const illustrative = isIllustrative(layer.info.symbol, properties);
  const error = typeof properties.error_m === "number" ? h("span", { class: "error" }, `${t("error")}${number(properties.error_m, 0)} m`) : null;
  return h(
    "p",
    { class: "position" },
    h("span", { class: "key" }, t("precision")),
    h("span", { class: `badge ${value}` }, codeTitle(field, value)),
    error,
    illustrative ? h("span", { class: "warning" }, t("illustrativeLong")) : null,
  );
}

/** The plan's own words, with their section and date. @param {FeatureDetail | null} detail */
function clause(detail) {
  const commitment = detail?.commitment;
  if (!commitment) return null;
  const due = commitment.due ? `${t(commitment.due_means === "start" ? "dueStart" : "due")} ${commitment.due}` : "";
  return h(
    "blockquote",
    { class: "clause" },
    h("p", { lang: "zh-CN" }, `“${commitment.clause}”`),
    h("cite", {}, [t("planName"), commitment.section, due].filter(Boolean).join(" · "), " ", h("a", { href: `/plan/${encodeURIComponent(commitment.id)}` }, t("planPage"))),
  );
}

/**
 * @param {Place} place
 * @param {FeatureDetail | null} detail
 */
function attributes({ layer, properties }, detail) {
  const own = shownFields(layer.info.fields).filter((field) => !APART.has(field.key) && !(detail && MEASURED.has(field.key)));
  const filled = own.filter((field) => !isEmpty(properties[field.key]));
  const missing = own.filter((field) => isEmpty(properties[field.key]));
  const rows = filled.map((field) => row(said(field.title), valueWithUnit(field, valueOf(properties, field.key))));
  return [
    h("dl", { class: "attributes" }, ...rows, ...measures(layer.info.kind, properties, detail)),
    missing.length ? h("p", { class: "missing" }, `${t("empty")}: ${missing.map((field) => said(field.title)).join(english ? ", " : "、")}`) : null,
  ];
}

/**
 * Photos and documents; fetched where there are any.
 * @param {App} app
 * @param {Place} place
 * @param {FeatureDetail | null} detail
 */
function pictures(app, place, detail) {
  if (!detail || !place.properties.attachments) return null;
  const slot = h("div", { class: "slot" });
  import("./attachments.js").then(async ({ strip }) => {
    slot.append(await strip(place));
    app.card?.popup.update();
  });
  return slot;
}

/**
 * Area or length in EPSG:4548; of an illustrative shape it says nothing, so that stands beside it.
 * @param {string} kind
 * @param {import("./types").Properties} properties
 * @param {FeatureDetail | null} detail
 */
function measures(kind, properties, detail) {
  if (!detail) return [];
  const { area_m2, length_m } = detail.measures;
  const mark = properties.precision === "illustrative" ? ` (${t("illustrative")})` : "";
  if (kind === "polygon" && area_m2 !== undefined) return [row(`${t("measureArea")}${mark}`, areaText(area_m2))];
  if (kind === "line" && length_m !== undefined) return [row(`${t("measureLength")}${mark}`, lengthText(length_m))];
  return [];
}

/**
 * @param {string} title
 * @param {string} value
 */
function row(title, value) {
  return h("div", {}, h("dt", {}, title), h("dd", {}, value));
}

/**
 * @param {Place} place
 * @param {FeatureDetail | null} detail
 */
function origin({ properties }, detail) {
  const source = String(valueOf(properties, "source") ?? "");
  const last = detail?.history[0];
  return h(
    "div",
    { class: "origin" },
    source ? h("p", {}, h("b", {}, t("source")), " ", source) : null,
    last ? h("p", {}, h("b", {}, t("history")), ` r${last.rev} · ${last.at.slice(0, 10)}${last.author ? ` · ${last.author}` : ""}${last.note ? ` · ${last.note}` : ""}`) : null,
  );
}

/**
 * @param {App} app
 * @param {Place} place
 * @param {FeatureDetail | null} detail
 * @param {HTMLElement | null} pager
 */
function footer(app, place, detail, pager) {
  const { layer, fid } = place;
  const link = `/layers/${encodeURIComponent(layer.id)}/${encodeURIComponent(fid)}`;
  const button = (/** @type {import("./dom.js").IconName} */ name, /** @type {string} */ label, /** @type {() => void} */ act, /** @type {string} */ action) =>
    h("button", { type: "button", data: { action }, onclick: act }, icon(name, 15), label);
  return h(
    "footer",
    {},
    detail && !detail.geometry ? null : button("extent", t("zoomTo"), () => app.zoomToFeature(layer.id, fid), "zoom"),
    button("table", t("table"), () => app.openTable(layer.id, { fid }), "table"),
    h("a", { href: link, data: { action: "page" } }, icon("page", 15), t("featurePage")),
    sheetLink(app, layer, fid),
    h("button", { type: "button", title: t("copyLink"), "aria-label": t("copyLink"), data: { action: "copy" }, onclick: () => app.copyLink() }, icon("link", 15)),
    pager,
  );
}

/**
 * To the one-page sheet of a feature, at the revision the map shows it in and with the layers around it.
 * @param {import("./app.js").App} app
 * @param {import("./layer.js").MapLayer} layer
 * @param {string} fid
 */
function sheetLink(app, layer, fid) {
  const address = `/print?feature=${encodeURIComponent(layer.id)}/${encodeURIComponent(fid)}${layer.pinned ? `&rev=${layer.pinned}` : ""}`;
  const link = h("a", { href: address, title: t("onePageTo"), data: { action: "sheet" } }, icon("print", 15), t("onePage"));
  link.addEventListener("click", () => link.setAttribute("href", `${address}${app.pinnedAddress}`));
  return link;
}

/**
 * @param {import("./layer.js").MapLayer} layer
 * @param {string} key
 */
function fieldOf(layer, key) {
  return layer.info.fields.find((field) => field.key === key);
}
