// Requests that change something: with the session's form token; a refusal carries the server's words and findings.

import { english } from "./words.js";

/** @typedef {import("./review_types").Finding} Finding */

/** The server said no. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {any} problem
   */
  constructor(status, problem) {
    super(String(problem?.[english ? "en" : "zh"] || problem?.detail || problem?.title || status));
    this.status = status;
    this.code = String(problem?.title ?? "");
    /** @type {Finding[]} */
    this.findings = problem?.findings ?? [];
  }
}

/** The form token of a signed-in session, empty for nobody. */
export function formToken() {
  const meta = document.querySelector('meta[name="csrf-token"]');
  return meta instanceof HTMLMetaElement ? meta.content : "";
}

/**
 * The JSON answer to a request that changes something.
 * @param {"POST" | "PUT" | "DELETE"} method
 * @param {string} url
 * @param {object | Blob} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function send(method, url, body, headers = {}) {
  const raw = body instanceof Blob;
  const response = await fetch(url, {
    method,
    headers: {
      Accept: "application/json",
      "X-CSRF-Token": formToken(),
      ...(body && !raw ? { "Content-Type": "application/json" } : {}),
      ...headers,
    },
    body: raw ? body : body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  throw new Refusal(response.status, answer);
}

/**
 * @param {string} draft
 * @param {...string} rest
 */
export function draftPath(draft, ...rest) {
  return ["/api/drafts", encodeURIComponent(draft), ...rest.map(encodeURIComponent)].join("/");
}
