// Photos and documents of a feature as people look at them: small pictures, and names to save.

import { address, getJson, layerPath } from "./api.js";
import { h, icon } from "./dom.js";
import { addStyle, ownStyle } from "./pencil.js";

/** @typedef {{id: string, name: string, kind: string, picture: boolean, size: number, by: string, at: string, position: [number, number] | null, taken: string}} Attachment */

/**
 * Ids a feature names.
 * @param {import("./types").Properties} properties
 */
export function idsOf(properties) {
  return String(properties.attachments ?? "").split(" ").filter(Boolean);
}

/**
 * What the server knows of them.
 * @param {string} layer
 * @param {string} fid
 * @param {string[]} ids
 * @param {number | null} [asOf]
 * @returns {Promise<Attachment[]>}
 */
export async function fetchAttachments(layer, fid, ids, asOf = null) {
  if (!ids.length) return [];
  const body = await getJson(address(layerPath(layer, "attachments"), { fid, ids: ids.join(","), asOf }));
  return body.attachments;
}

/**
 * @param {string} layer
 * @param {string} fid
 * @param {string} id
 * @param {string} [query]
 */
export function fileAddress(layer, fid, id, query = "") {
  return `/attachments/${[layer, fid, id].map(encodeURIComponent).join("/")}${query}`;
}

/**
 * A picture or the name of a document, leading to the whole file.
 * @param {string} layer
 * @param {string} fid
 * @param {Attachment} one
 * @param {number | null} [asOf]
 */
export function tile(layer, fid, one, asOf = null) {
  const at = asOf ? `asOf=${asOf}` : "";
  const face = one.picture ? h("img", { src: fileAddress(layer, fid, one.id, `?size=small${at && `&${at}`}`), alt: one.name, loading: "lazy" }) : h("span", { class: "document" }, icon("page", 20), one.name);
  return h("a", { href: fileAddress(layer, fid, one.id, at && `?${at}`), target: "_blank", rel: "noopener", title: `${one.name} · ${sizeText(one.size)}` }, face);
}

/** @param {number} bytes */
export function sizeText(bytes) {
  return bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

/**
 * The strip of a card.
 * @param {import("./types").Place} place
 */
export async function strip({ layer, fid, properties }) {
  const [found] = await Promise.all([fetchAttachments(layer.id, fid, idsOf(properties), layer.pinned), addStyle(ownStyle("attachments.css"))]);
  return h("ul", { class: "attachments" }, ...found.map((one) => h("li", {}, tile(layer.id, fid, one, layer.pinned))));
}
