// Attaching while editing: send a file, name it in the feature by a step of the draft, offer the place it was taken at.

import { layerPath } from "./api.js";
import { fetchAttachments, idsOf, sizeText, tile } from "./attachments.js";
import { fill, h, toast } from "./dom.js";
import { w } from "./edit_words.js";
import { addStyle, ownStyle } from "./pencil.js";
import { send } from "./review_api.js";

/** @typedef {import("./edit.js").Editor} Editor */
/** @typedef {import("./attachments.js").Attachment} Attachment */

const TAKEN = ".jpg,.jpeg,.png,.webp,.pdf,.docx,.xlsx,.odt,.ods";

/**
 * The box under the form of the feature under the pencil.
 * @param {Editor} editor
 */
export function attachmentBox(editor) {
  const { picked } = editor;
  if (!picked) return null;
  addStyle(ownStyle("attachments.css"));
  const list = h("ul", { class: "attachments" });
  const told = h("div", { class: "attach-told", role: "status" });
  const box = h("section", { class: "attach", "aria-label": w("attachments") }, h("h3", {}, w("attachments")), list, told);
  if (picked.fid === "new") box.append(h("p", { class: "hint" }, w("attachLater")));
  else box.append(chooser(editor, told));
  show(editor, list, told);
  return box;
}

/**
 * @param {Editor} editor
 * @param {HTMLElement} told
 */
function chooser(editor, told) {
  const input = h("input", { type: "file", id: "attach-file", class: "quiet", accept: TAKEN, multiple: true });
  input.addEventListener("change", async () => {
    for (const file of input.files ?? []) await add(editor, file, told);
    input.value = "";
  });
  return h("p", { class: "attach-choose" }, input, h("label", { for: "attach-file", class: "secondary" }, w("attach")), h("span", { class: "hint" }, w("attachHint")));
}

/**
 * @param {Editor} editor
 * @param {File} file
 * @param {HTMLElement} told
 */
async function add(editor, file, told) {
  const { picked, layerId } = editor;
  if (!picked) return;
  told.textContent = `${w("attaching")} ${file.name} …`;
  try {
    const one = /** @type {Attachment} */ (await send("POST", layerPath(layerId, "attachments"), file, { "X-File-Name": encodeURIComponent(file.name) }));
    const ids = [...new Set([...idsOf(picked.properties), one.id])];
    await editor.change({ attachments: ids.join(" ") });
  } catch (error) {
    told.textContent = "";
    toast(`${file.name}: ${/** @type {Error} */ (error).message}`, { bad: true });
  }
}

/**
 * @param {Editor} editor
 * @param {HTMLElement} list
 * @param {HTMLElement} told
 */
async function show(editor, list, told) {
  const { picked, layerId } = editor;
  const ids = picked ? idsOf(picked.properties) : [];
  if (!picked || !ids.length) return;
  const found = await fetchAttachments(layerId, picked.fid, ids);
  fill(list, ...found.map((one) => h("li", {}, tile(layerId, picked.fid, one), h("span", {}, `${one.name} · ${sizeText(one.size)}`), remover(editor, one, ids))));
  const placed = found.filter((one) => one.position);
  const last = placed[placed.length - 1];
  if (last?.position) fill(told, offer(editor, last));
}

/**
 * @param {Editor} editor
 * @param {Attachment} one
 * @param {string[]} ids
 */
function remover(editor, one, ids) {
  const rest = ids.filter((id) => id !== one.id).join(" ");
  return h("button", { type: "button", class: "revert", "aria-label": `${w("detach")} ${one.name}`, onclick: () => editor.change({ attachments: rest || null }) }, w("detach"));
}

/**
 * A photo knows where it was taken (WGS 84, as our degrees): see it, or put a point there.
 * @param {Editor} editor
 * @param {Attachment} one
 */
function offer(editor, { position, taken }) {
  const [longitude, latitude] = /** @type {[number, number]} */ (position);
  const words = `${w("photoAt")} ${longitude.toFixed(6)}, ${latitude.toFixed(6)}${taken ? ` · ${taken.replace("T", " ")}` : ""}`;
  const look = h("button", { type: "button", class: "back", onclick: () => editor.app.map.setView([latitude, longitude], Math.max(17, editor.app.map.getZoom()), { animate: false }) }, w("photoSee"));
  const use = h("button", { type: "button", class: "secondary", onclick: () => editor.place([longitude, latitude]) }, w("photoUse"));
  return h("div", { class: "attach-place" }, h("p", {}, words), look, editor.session?.schema.kind === "point" ? use : null);
}
