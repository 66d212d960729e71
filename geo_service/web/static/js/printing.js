// The print room: every change of the form draws the sheet anew; dragging the sheet moves the map under its frame.

import { $, fill, h } from "./dom.js";
import { call, follow } from "./printing_api.js";
import { apply, arrange, chooseScale, field, form, order, place, readMapLink, template } from "./printing_form.js";
import { w } from "./printing_words.js";
import { number } from "./words.js";

/** @typedef {import("./printing_api.js").Job} Job */

const SETTLE_MS = 350;
const METRES_OF_A_DEGREE = 111_320;
const SMALLEST = 500;
const LARGEST = 50_000;
/** @type {{timer: number, running: string, shown: any, wanted: number}} */
const state = { timer: 0, running: "", shown: null, wanted: 0 };
const picture = /** @type {HTMLImageElement} */ (/** @type {unknown} */ ($("#sheet-picture")));

/** Draw the sheet anew when the form has been left alone for a moment. */
function redraw() {
  arrange();
  clearTimeout(state.timer);
  state.timer = setTimeout(preview, SETTLE_MS);
}

async function preview() {
  const mine = ++state.wanted;
  if (state.running) await call("DELETE", `/api/previews/${state.running}`).catch(() => {});
  say(w("drawing"));
  try {
    const told = { ...order(), format: "pdf" };
    const job = await call("POST", "/api/previews", told);
    state.running = job.id;
    const ended = await follow("previews", job, () => {});
    if (mine === state.wanted) show(ended);
  } catch (error) {
    if (mine === state.wanted) say(/** @type {Error} */ (error).message, true);
  }
}

/** @param {Job} job */
function show(job) {
  state.running = "";
  if (job.state !== "done") return say(job.problem || w("failed"), true);
  state.shown = job.result;
  picture.src = job.url;
  const open = /** @type {HTMLAnchorElement} */ (/** @type {unknown} */ ($("#sheet-open")));
  open.href = job.url;
  open.hidden = false;
  const { paper, pages, scale } = job.result;
  const size = `${number(paper[0], 0)} × ${number(paper[1], 0)} mm`;
  say([scale ? `${w("selected")} 1:${number(scale, 0)}` : "", size, pagesText(pages)].filter(Boolean).join(" · "));
  const notes = /** @type {HTMLDetailsElement} */ (/** @type {unknown} */ ($("#sheet-notes")));
  notes.hidden = job.findings.length === 0;
  fill($("summary", notes), `${job.findings.length} ${w("notes")}`);
  fill($("ul", notes), job.findings.map(({ text }) => h("li", {}, text)));
}

/**
 * @param {string} words
 * @param {boolean} [bad]
 */
function say(words, bad = false) {
  const line = $("#sheet-state");
  line.textContent = words;
  line.classList.toggle("bad", bad);
}

// ---- moving the map under its frame

function installDragging() {
  const paper = $("#sheet-paper");
  paper.addEventListener("pointerdown", (event) => {
    const { shown } = state;
    if (!shown?.frame || !shown.centre || field("atlas")?.value) return;
    const mark = frameMark(paper, shown);
    const start = [event.clientX, event.clientY];
    paper.setPointerCapture(event.pointerId);
    paper.classList.add("dragging");
    const move = (/** @type {PointerEvent} */ at) => {
      mark.style.transform = `translate(${start[0] - at.clientX}px, ${start[1] - at.clientY}px)`;
    };
    paper.addEventListener("pointermove", move);
    paper.addEventListener(
      "pointerup",
      (at) => {
        paper.removeEventListener("pointermove", move);
        paper.classList.remove("dragging");
        mark.remove();
        moveBy(at.clientX - start[0], at.clientY - start[1]);
      },
      { once: true },
    );
  });
}

/**
 * The frame on its present ground: while the sheet is dragged it shows which ground it will hold.
 * @param {HTMLElement} paper
 * @param {any} shown
 */
function frameMark(paper, shown) {
  const [wide, tall] = shown.paper;
  const [left, top, width, height] = shown.frame;
  const share = (/** @type {number} */ a, /** @type {number} */ b) => `${(100 * a) / b}%`;
  const style = { left: share(left, wide), top: share(top, tall), width: share(width, wide), height: share(height, tall) };
  const mark = h("div", { class: "print-frame-mark", style });
  paper.append(mark);
  return mark;
}

/**
 * @param {number} x
 * @param {number} y
 */
function moveBy(x, y) {
  if (Math.hypot(x, y) < 4) return;
  const { shown } = state;
  const scale = Math.min(LARGEST, Math.max(SMALLEST, shown.scale));
  const metres = ((shown.paper[0] / picture.clientWidth) * shown.scale) / 1000;
  const [lon, lat] = shown.centre;
  const east = METRES_OF_A_DEGREE * Math.cos((lat * Math.PI) / 180);
  place.centre = [lon - (x * metres) / east, lat + (y * metres) / METRES_OF_A_DEGREE];
  chooseScale(scale);
  redraw();
}

/** @param {number} step */
function rescale(step) {
  const offered = [...field("scale").querySelectorAll("option")].map(({ value }) => Number(value)).filter(Boolean).sort((a, b) => a - b);
  const now = state.shown?.scale ?? 20_000;
  const next = step < 0 ? offered.filter((s) => s < now).at(-1) : offered.find((s) => s > now);
  if (!next) return;
  place.centre ??= state.shown?.centre ?? null;
  chooseScale(next);
  redraw();
}

// ---- printing

/** @param {SubmitEvent} event */
async function makeIt(event) {
  event.preventDefault();
  try {
    const job = await call("POST", "/api/prints", order());
    const row = h("li", {});
    $("#print-jobs").prepend(row);
    const ended = await follow("prints", job, (now) => showJob(row, now));
    if (ended.state === "done") $("a", row).click();
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

/**
 * @param {HTMLElement} row
 * @param {Job} job
 */
function showJob(row, job) {
  const name = h("b", {}, job.title);
  const open = job.state === "waiting" || job.state === "running";
  const stop = h("button", { class: "button", type: "button", onclick: () => call("DELETE", `/api/prints/${job.id}`) }, w("cancel"));
  if (job.state === "waiting") fill(row, name, h("span", { class: "muted" }, `${w("waiting")} ${job.before}`), stop);
  else if (open) fill(row, name, h("progress", { max: job.total || 1, value: job.done }), h("span", { class: "muted" }, `${job.done}/${job.total}`), stop);
  else if (job.state === "done") fill(row, name, h("span", { class: "muted" }, size(job)), h("a", { class: "button", href: job.url, download: true }, `${w("again")} ${job.result.file}`));
  else fill(row, name, h("span", { class: "muted" }, job.problem || w(job.state === "cancelled" ? "cancelled" : "failed")));
}

/** @param {number} count */
const pagesText = (count) => `${count} ${w(count === 1 ? "page" : "pages")}`;

/** @param {Job} job */
const size = ({ result }) => `${pagesText(result.pages)} · ${number(result.bytes / 1000, 0)} kB`;

async function listJobs() {
  const { jobs } = await call("GET", "/api/prints");
  for (const job of jobs) {
    const row = h("li", {});
    $("#print-jobs").append(row);
    follow("prints", job, (now) => showJob(row, now));
  }
}

// ---- saved templates

async function installTemplates() {
  const list = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ ($("#template")));
  const name = /** @type {HTMLInputElement | null} */ (document.querySelector("#template-name"));
  /** @type {Record<string, any>} */
  let known = {};
  const refresh = (/** @type {{templates: Record<string, any>}} */ told) => {
    const chosen = name?.value.trim() || list.value;
    known = told.templates;
    fill(list, h("option", { value: "" }), Object.keys(known).map((each) => h("option", {}, each)));
    list.value = known[chosen] ? chosen : "";
  };
  refresh(await call("GET", "/api/sheet-templates"));
  list.addEventListener("change", () => {
    if (known[list.value]) apply(known[list.value]);
    if (name && list.value) name.value = list.value;
    redraw();
  });
  if (!name) return;
  const path = (/** @type {string} */ text) => `/api/sheet-templates/${encodeURIComponent(text)}`;
  const tell = (/** @type {string} */ words) => ($("#template-state").textContent = words);
  const keep = (/** @type {Promise<any>} */ answer, /** @type {string} */ words) => answer.then(refresh).then(() => tell(words)).catch((error) => tell(error.message));
  $("#template-save").addEventListener("click", () => {
    const called = name.value.trim();
    if (called) keep(call("PUT", path(called), template()), `${w("saved")}${called}`);
    else name.focus();
  });
  $("#template-drop").addEventListener("click", () => {
    const { value } = list;
    if (value) keep(call("DELETE", path(value)), `${w("dropped")}${value}`);
  });
}

readMapLink();
arrange();
form.addEventListener("change", (event) => {
  if (!(/** @type {HTMLElement} */ (event.target).closest("#templates"))) redraw();
});
form.addEventListener("submit", makeIt);
$("#sheet-nearer").addEventListener("click", () => rescale(-1));
$("#sheet-farther").addEventListener("click", () => rescale(1));
$("#sheet-whole").addEventListener("click", () => {
  place.centre = null;
  chooseScale("");
  redraw();
});
installDragging();
void installTemplates();
void listJobs();
void preview();
