// What a large layer is served from takes a few seconds to build: until it is there its row says so, and it is asked for again.

import { address, getJson } from "./api.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./panel.js").Panel} Panel */

const LOOK_EVERY_MS = 1000;

/**
 * Bring layers up to date as soon as they are prepared, until all are.
 * @param {App} app
 * @param {Panel} panel
 */
export async function watchPreparing(app, panel) {
  while (app.stack.all().some((layer) => layer.info.preparing)) {
    await after(LOOK_EVERY_MS);
    /** @type {import("./types").Catalogue | null} */
    const now = await getJson(address("/api/layers", { asOf: app.asOf })).catch(() => null);
    const ready = (now?.layers ?? []).filter((info) => !info.preparing && app.stack.layers.get(info.id)?.info.preparing);
    for (const info of ready) await app.stack.layers.get(info.id)?.isPrepared(info);
    if (ready.length) {
      panel.draw();
      app.stack.changed();
    }
  }
}

/**
 * Ask for something until it is no longer being prepared; whether that took more than one question.
 * @param {string} url
 */
export async function wasWaitedFor(url) {
  for (let waited = false; ; waited = true) {
    const response = await fetch(url);
    if (response.status !== 503) return waited && response.ok;
    await after(1000 * Number(response.headers.get("Retry-After") ?? 5));
  }
}

/** @param {number} ms */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
