// Requests to our own server. A refusal (application/problem+json) becomes an Error with the server's words.

import { english, t } from "./words.js";

/**
 * @param {string} url
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function getJson(url, { signal } = {}) {
  const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  throw new Error(await reasonOf(response));
}

/** @param {Response} response */
async function reasonOf(response) {
  try {
    const problem = await response.json();
    return String(problem.detail || problem.title || response.status);
  } catch {
    return `${t("failed")} (${response.status})`;
  }
}

/**
 * Path and query of a request; empty values are left out.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} parameters
 */
export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(key, String(value));
  }
  if (english) query.set("lang", "en");
  return `${path}?${query}`;
}

/**
 * The API path of a layer, or of one of its features.
 * @param {string} layer
 * @param {...string} rest
 */
export function layerPath(layer, ...rest) {
  return ["/api/layers", encodeURIComponent(layer), ...rest.map(encodeURIComponent)].join("/");
}
