// Requests of the print room; a refusal becomes an Error with the server's words.

import { $ } from "./dom.js";

/** @typedef {{id: string, title: string, state: string, at: string, done: number, total: number, before: number, result: any, findings: {code: string, text: string}[], problem: string, url: string}} Job */

const LOOK_MS = 250;

/**
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  const headers = { "X-CSRF-Token": $("#print-room").dataset.csrf ?? "", "Content-Type": "application/json", Accept: "application/json" };
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = await response.json();
  if (!response.ok) throw new Error(String(told.detail || told.title || response.status));
  return told;
}

/**
 * Look at a job until it has ended.
 * @param {string} room
 * @param {Job} job
 * @param {(job: Job) => void} show
 * @returns {Promise<Job>}
 */
export async function follow(room, job, show) {
  let now = job;
  while (now.state === "waiting" || now.state === "running") {
    show(now);
    await new Promise((done) => setTimeout(done, LOOK_MS));
    now = await call("GET", `/api/${room}/${now.id}`);
  }
  show(now);
  return now;
}
