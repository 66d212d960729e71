// The upload page: send a file, watch the dry run, see what was found, choose, make a draft.

import { getJson, layerPath } from "./api.js";
import { $, fill, h, say } from "./dom.js";
import { formToken, send } from "./review_api.js";
import { ProposedChanges } from "./upload_changes.js";
import { coordinates, encoding, facts, findings, mapping } from "./upload_report.js";
import { w } from "./upload_words.js";
import { number } from "./words.js";

const POLL_MS = 300;

class UploadPage {
  constructor() {
    const { basemap = "", bbox = "" } = $("#upload").dataset;
    this.places = { basemap, bbox: bbox.split(",").map(Number) };
    this.layer = /** @type {HTMLSelectElement} */ ($("#layer"));
    this.mode = /** @type {HTMLSelectElement} */ ($("#mode"));
    this.kept = "";
    this.job = "";
    this.file = "";
    /** @type {Record<string, any>} */
    this.options = {};
    /** Counts what was asked; answers to earlier questions are dropped. */
    this.turn = 0;
    /** @type {XMLHttpRequest | null} */
    this.request = null;
  }

  start() {
    const drop = $("#drop");
    for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => (event.preventDefault(), drop.classList.add("over")));
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files[0]);
    });
    const input = /** @type {HTMLInputElement} */ ($("#file"));
    input.addEventListener("change", () => {
      this.#take(input.files?.[0]);
      input.value = "";
    });
    const pasted = /** @type {HTMLTextAreaElement} */ ($("#wkt"));
    $("#wkt-send").addEventListener("click", () => pasted.value.trim() && this.#take(new File([pasted.value], "pasted.wkt")));
    for (const select of [this.layer, this.mode]) select.addEventListener("change", () => this.kept && this.examine({}));
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  }

  /** @param {File | undefined} file */
  #take(file) {
    if (!file) return;
    this.#stop();
    const turn = ++this.turn;
    this.file = file.name;
    this.kept = "";
    fill($("#result"));
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", "/api/uploads");
    const headers = { "X-CSRF-Token": formToken(), "X-File-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream", Accept: "application/json" };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => turn === this.turn && this.#progress(`${w("sending")} ${file.name}`, event.loaded, event.total);
    request.onload = () => turn === this.turn && this.#received(request);
    request.onerror = () => turn === this.turn && this.#fail(w("lost"));
    this.#progress(`${w("sending")} ${file.name}`, 0, file.size);
    request.send(file);
  }

  /** @param {XMLHttpRequest} request */
  #received(request) {
    const answer = /** @type {any} */ (parse(request.responseText));
    if (request.status !== 201) return this.#fail(answer.detail ?? String(request.status));
    this.kept = answer.id;
    return this.examine({});
  }

  /** A dry run of the file that was sent. @param {Record<string, any>} options */
  async examine(options) {
    const turn = ++this.turn;
    this.options = options;
    await this.#try(turn, async () => {
      const body = { layer: this.layer.value, mode: this.mode.value, ...options };
      const begun = await send("POST", `/api/uploads/${this.kept}/examinations`, body);
      this.job = begun.job;
      const [found, info] = await Promise.all([this.#ended(turn), getJson(layerPath(this.layer.value))]);
      if (turn === this.turn && found) this.#show(found.result, info);
    });
  }

  /** The answer of the dry run once it has ended; null when something else was asked meanwhile. @param {number} turn */
  async #ended(turn) {
    while (turn === this.turn) {
      const found = await getJson(`/api/examinations/${this.job}`);
      if (turn !== this.turn) return null;
      if (found.result) return found;
      const { stage, done, total } = found.progress;
      this.#progress(found.position ? `${w("ahead")} ${found.position - 1}` : w(`stage-${stage}`), done, total);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return null;
  }

  /** Stop what is under way: the sending, or the dry run. */
  #stop() {
    this.turn += 1;
    this.request?.abort();
    this.request = null;
    if (this.job) send("DELETE", `/api/examinations/${this.job}`).catch(() => {});
    this.job = "";
  }

  #cancel() {
    this.#stop();
    fill($("#progress"), h("p", { class: "note" }, w("cancelled")));
    say(w("cancelled"));
  }

  /**
   * @param {string} text
   * @param {number} done
   * @param {number} total
   */
  #progress(text, done, total) {
    const box = $("#progress");
    const known = box.querySelector("progress");
    if (!known) fill(box, h("p", {}), h("progress", {}), h("button", { class: "button", type: "button", onclick: () => this.#cancel() }, w("cancel")));
    const words = $("p", box);
    if (words.textContent !== text) words.textContent = text;
    const bar = /** @type {HTMLProgressElement} */ ($("progress", box));
    bar.setAttribute("aria-label", text);
    if (total) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute("value");
  }

  /** @param {string} text */
  #fail(text) {
    fill($("#progress"), h("p", { class: "note bad", role: "alert" }, text));
  }

  /**
   * @param {any} result
   * @param {any} info
   */
  #show(result, info) {
    const choose = (/** @type {string} */ key, /** @type {any} */ value) => this.examine({ ...this.options, [key]: value });
    const { all, unchanged } = result.page?.counts ?? { all: 0, unchanged: 0 };
    const changes = all + unchanged ? new ProposedChanges(result, info, this.job, this.places) : null;
    fill($("#progress"));
    fill(
      $("#result"),
      facts(result, this.file, choose),
      findings(result, this.job, (point) => changes?.mark(point)),
      coordinates(result, choose),
      encoding(result, choose),
      mapping(result, choose),
      changes?.element,
      all ? this.#actions(result) : h("p", { class: "note" }, w(whyNot(result))),
    );
    changes?.start();
    const { rows, added, modified, deleted } = result.tally;
    say(`${w("tally-rows")} ${rows}, ${w("tally-added")} ${added}, ${w("tally-modified")} ${modified}, ${w("tally-deleted")} ${deleted}`);
  }

  /** @param {any} result */
  #actions(result) {
    const note = h("input", { type: "text", id: "note", maxlength: 500, placeholder: w("noteHint") });
    const mustAgree = result.findings.some((/** @type {any} */ f) => f.level === "acknowledge");
    const agree = h("input", { type: "checkbox", id: "agree", required: true });
    const mustType = this.mode.value === "replace" && result.tally.deleted > 0;
    const typed = h("input", { type: "text", id: "deletions", inputmode: "numeric", required: true, pattern: String(result.tally.deleted), autocomplete: "off" });
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#makeDraft({ note: note.value, acknowledged: agree.checked, deletions: typed.value });
    };
    return h(
      "form",
      { class: "card upload-next", onsubmit: submit },
      h("h2", {}, w("submit")),
      h("p", { class: "muted" }, w("submitLead")),
      mustAgree ? h("p", {}, h("label", {}, agree, w("agree"))) : null,
      mustType ? h("p", {}, h("label", { for: "deletions" }, w("typeDeletions"), h("b", {}, number(result.tally.deleted, 0))), typed) : null,
      h("p", {}, h("label", { for: "note" }, w("note")), note),
      h("p", {}, h("button", { class: "button primary", type: "submit" }, w("draft"))),
    );
  }

  /** @param {object} body */
  #makeDraft(body) {
    return this.#try(this.turn, async () => {
      const made = await send("POST", `/api/examinations/${this.job}/draft`, body);
      location.assign(made.url);
    });
  }

  /**
   * @param {number} turn
   * @param {() => Promise<void>} action
   */
  async #try(turn, action) {
    try {
      await action();
    } catch (error) {
      if (turn !== this.turn) return;
      this.#fail(String(/** @type {Error} */ (error).message));
      $("#progress").scrollIntoView({ block: "center" });
    }
  }
}

/**
 * Why there is nothing to make a draft of.
 * @param {any} result
 */
function whyNot(result) {
  if (result.readable) return "nothing";
  return result.crs && (!result.crs.used || result.crs.state === "shifted") ? "chooseCrs" : "refused";
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

new UploadPage().start();
