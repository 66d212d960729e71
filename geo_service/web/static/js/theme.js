// Light and dark: the system's wish until a person chooses; the choice is kept in this browser.

import { icon } from "./dom.js";

/** @typedef {"light" | "dark"} Theme */

const changes = new EventTarget();

/** @returns {Theme} */
export function theme() {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** Change to the other theme and keep the choice. */
export function switchTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", next);
  } catch {
    // storage is switched off: the choice holds for this page
  }
  applyTheme(next);
}

/**
 * Call back after each change of theme.
 * @param {() => void} callback
 */
export function onThemeChange(callback) {
  changes.addEventListener("change", callback);
}

/** @type {Map<string, string>} */
const known = new Map();

/**
 * The value of a CSS custom property in the present theme, for drawing on a canvas.
 * @param {string} name
 */
export function cssColor(name) {
  let value = known.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(name, value);
  }
  return value;
}

/**
 * Give a button its icon and let it switch the theme.
 * @param {HTMLElement} button
 */
export function installThemeButton(button) {
  const words = button.textContent?.trim() ?? "";
  const draw = () => {
    const label = document.createElement("span");
    label.className = "words";
    label.textContent = words;
    button.replaceChildren(icon(theme() === "dark" ? "sun" : "moon"), label);
    button.setAttribute("aria-label", words);
    button.title = words;
  };
  button.hidden = false;
  button.addEventListener("click", switchTheme);
  onThemeChange(draw);
  draw();
}

/**
 * Change the theme of this page without keeping the choice.
 * @param {Theme} next
 */
export function applyTheme(next) {
  document.documentElement.dataset.theme = next;
  known.clear();
  changes.dispatchEvent(new Event("change"));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  let saved = null;
  try {
    saved = localStorage.getItem("theme");
  } catch {
    saved = null;
  }
  if (!saved) applyTheme(event.matches ? "dark" : "light");
});
