// Asking a question: the server works on it beside the map; meanwhile a bar shows its steps and it can be stopped.

import { getJson } from "./api.js";
import { $, fill, h, say } from "./dom.js";
import { w } from "./analysis_words.js";
import { number } from "./words.js";

/** @typedef {{id: string, state: string, done: number, total: number, before: number, problem: string, url: string, page: string}} Job */

const LOOK_MS = 250;

/**
 * Send a request that changes something, with the page's token where somebody is signed in.
 * @param {string} method
 * @param {string} path
 * @returns {Promise<Response>}
 */
export function send(method, path) {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  return fetch(path, { method, headers: { "X-CSRF-Token": token, Accept: "application/json" } });
}

/** The step a job is at: layers one by one, then the work itself, then writing. @param {Job} job */
function step(job) {
  if (job.state === "waiting" && job.before) return w("waiting").replace("{n}", number(job.before, 0));
  if (!job.total) return w("starting");
  const layers = job.total - 2;
  if (job.done < layers) return `${w("reading")} ${Math.floor(job.done) + 1}/${layers}`;
  return job.done < layers + 1 ? `${w("working")} ${number(100 * (job.done - layers), 0)}%` : w("writing");
}

/** The words for the time a job will still take, by how far it came since it was first seen at work; nothing while that is too little to tell. */
class Forecast {
  /** @type {{at: number, done: number} | null} */
  first = null;

  /** @param {Job} job @param {number} now milliseconds @returns {string} */
  words(job, now) {
    if (!job.total || job.done < job.total - 2) return "";
    this.first ??= { at: now, done: job.done };
    const seconds = (now - this.first.at) / 1000;
    const [came, left] = [job.done - this.first.done, job.total - 1 - job.done];
    if (seconds < 2 || came < 0.05 || left <= 0) return "";
    return ` · ${w("left").replace("{n}", number(Math.max(1, (seconds / came) * left), 0))}`;
  }
}

/**
 * Follow a job to its end in a box with a bar and a button; opens its page when it is done.
 * @param {HTMLElement} box
 * @param {Job} first
 */
async function follow(box, first) {
  const began = performance.now();
  const words = h("span", { class: "job-step", role: "status" });
  const clock = h("span", { class: "muted" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": w("progress") });
  const stop = h("button", { class: "button", type: "button", onclick: () => send("DELETE", first.url) }, w("cancel"));
  fill(box, h("div", { class: "job-line" }, words, clock), bar, stop);
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  const forecast = new Forecast();
  let job = first;
  while (job.state === "waiting" || job.state === "running") {
    bar.max = job.total || 1;
    bar.value = job.done;
    if (words.textContent !== step(job)) words.textContent = step(job);
    clock.textContent = `${number((performance.now() - began) / 1000, 0)} s${forecast.words(job, performance.now())}`;
    await new Promise((done) => setTimeout(done, LOOK_MS));
    job = await getJson(job.url);
  }
  if (job.state === "done") return location.assign(job.page);
  refuse(box, job.state === "cancelled" ? w("cancelled") : job.problem);
}

/**
 * @param {HTMLElement} box
 * @param {string} words
 */
function refuse(box, words) {
  box.hidden = false;
  fill(box, h("p", { class: "note bad flat", role: "alert" }, words));
  box.scrollIntoView({ block: "nearest" });
  say(words);
}

/** Ask without leaving the page, so that a long question shows how far it is. @param {HTMLFormElement} form */
function install(form) {
  const box = $("#job");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const query = new URLSearchParams([...values].map(([key, value]) => [key, String(value)]));
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
    button.disabled = true;
    try {
      const response = await fetch(`${form.dataset.ask}?${query}`, { headers: { Accept: "application/json", Prefer: "respond-async" } });
      const told = await response.json();
      if (!response.ok) refuse(box, String(told.detail || told.title));
      else if (response.status === 202) await follow(box, told);
      else location.assign(`${location.pathname}?${query}`);
    } catch (error) {
      refuse(box, error instanceof Error ? error.message : String(error));
    }
    button.disabled = false;
  });
  if (box.dataset.job) getJson(box.dataset.job).then((job) => follow(box, job)).catch((error) => refuse(box, String(error.message)));
}

const form = document.querySelector("form.question-form");
if (form) install(/** @type {HTMLFormElement} */ (form));
