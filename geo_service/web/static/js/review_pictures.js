// Photos and documents in a review: seen, not told by their ids.

import { fetchAttachments, tile } from "./attachments.js";
import { fill, h } from "./dom.js";
import { addStyle, ownStyle } from "./pencil.js";
import { english } from "./words.js";

/**
 * What a feature's list of attachments shows; the list stands there at once, the pictures come.
 * @param {string} layer
 * @param {string} fid
 * @param {import("./types").Value} value
 */
export function pictures(layer, fid, value) {
  const ids = String(value ?? "").split(" ").filter(Boolean);
  const list = h("ul", { class: "attachments" });
  if (!ids.length) return english ? "none" : "无";
  Promise.all([fetchAttachments(layer, fid, ids), addStyle(ownStyle("attachments.css"))]).then(([found]) => fill(list, ...found.map((one) => h("li", {}, tile(layer, fid, one)))));
  return list;
}
