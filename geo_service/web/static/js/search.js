// The search box: a combobox over features, layers, commitments and coordinates.

import { address, getJson } from "./api.js";
import { $, fill, h, icon, say } from "./dom.js";
import { isAllIllustrative, leadingClass, swatch } from "./legend.js";
import { english, said, t } from "./words.js";

/** @typedef {import("./types").SearchHit} SearchHit */
/** @typedef {import("./app.js").App} App */

const WAIT_MS = 110;

export class Search {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.input = /** @type {HTMLInputElement} */ ($("#q"));
    this.list = $("#hits");
    this.none = $("#no-hits");
    /** @type {SearchHit[]} */
    this.hits = [];
    this.current = -1;
    this.timer = 0;
    this.request = new AbortController();
  }

  install() {
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.#search(), WAIT_MS);
    });
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("focus", () => this.hits.length && this.input.value.trim() && this.#open());
    this.input.addEventListener("blur", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping(document.activeElement)) return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  /** @returns {Promise<void>} */
  async #search() {
    const text = this.input.value.trim();
    this.request.abort();
    this.request = new AbortController();
    if (!text) {
      this.hits = [];
      return this.close();
    }
    try {
      const { results } = await getJson(address("/api/search", { q: text, asOf: this.app.asOf }), { signal: this.request.signal });
      this.#show(results, text);
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") this.#say(`${t("failed")}: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * @param {SearchHit[]} hits
   * @param {string} text
   */
  #show(hits, text) {
    this.hits = hits;
    this.current = hits.length ? 0 : -1;
    fill(this.list, ...hits.map((hit, i) => this.#option(hit, i, text)));
    if (!hits.length) return this.#say(`${t("noHit")}${english ? " " : ""}“${text}”`);
    this.none.hidden = true;
    this.#mark();
    this.#open();
    return say(`${hits.length} ${t("searchHits")}`);
  }

  /** @param {string} text */
  #say(text) {
    this.close();
    this.none.textContent = text;
    this.none.hidden = false;
    say(text);
  }

  /**
   * @param {SearchHit} hit
   * @param {number} i
   * @param {string} text
   */
  #option(hit, i, text) {
    const pick = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#pick(hit);
    };
    return h(
      "li",
      { role: "option", id: `hit-${i}`, "aria-selected": "false", onpointerdown: pick, data: { kind: hit.kind } },
      this.#picture(hit),
      h("span", { class: "name" }, ...highlighted(hit, text)),
      h("small", {}, said(hit.subtitle)),
    );
  }

  /** @param {SearchHit} hit */
  #picture(hit) {
    const layer = this.app.stack.layers.get(hit.layer);
    if (hit.kind === "coordinate") return icon("pin", 18);
    if (hit.kind === "commitment" || !layer) return icon("plan", 18);
    return swatch(layer.info.symbol, leadingClass(layer.info), { illustrative: isAllIllustrative(layer.info) });
  }

  #open() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.none.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #mark() {
    const options = [...this.list.children];
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.current)));
    options[this.current]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `hit-${this.current}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.hits.length) {
      event.preventDefault();
      this.current = (this.current + step + this.hits.length) % this.hits.length;
      this.#open();
      this.#mark();
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.#enter();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.list.hidden) this.input.value = "";
      this.close();
    }
  }

  /** Enter takes what is marked; typed faster than the answer came, it waits for it. */
  async #enter() {
    clearTimeout(this.timer);
    if (this.list.hidden) await this.#search();
    if (this.hits[this.current]) this.#pick(this.hits[this.current]);
  }

  /** @param {SearchHit} hit */
  #pick(hit) {
    this.close();
    this.input.blur();
    this.app.goTo(hit);
  }
}

/**
 * The title with the part that fits marked.
 * @param {SearchHit} hit
 * @param {string} text
 */
function highlighted(hit, text) {
  const title = said(hit.title);
  const place = title.toLowerCase().indexOf(text.toLowerCase());
  const [start, end] = place >= 0 ? [place, place + text.length] : (title === hit.title.zh && hit.matched) || [0, 0];
  return start < end ? [title.slice(0, start), h("mark", {}, title.slice(start, end)), title.slice(end)] : [title];
}

/** @param {Element | null} element */
export function isTyping(element) {
  if (element instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(element.type);
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}
