// Elements made of text nodes only: nothing a person typed is ever parsed as markup.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[] | Child[][]} Children */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The first element of the page that fits a selector; throws where there is none.
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function $(selector, root = document) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`no element ${selector}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * A new element. `class`, `data` (dataset), `style` (properties set through CSSOM) and `on…` (listeners) are special;
 * everything else becomes an attribute: true an empty one, null, undefined and false none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  fill(element, ...children);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {any} value
 */
function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, String(text));
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Put children into an element in place of what it holds.
 * @param {Element} element
 * @param {...Children} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * @param {Children[]} children
 * @returns {Node[]}
 */
function nodes(children) {
  const flat = /** @type {Child[]} */ (children.flat(4));
  return flat
    .filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : document.createTextNode(String(c))));
}

const ICONS = {
  about: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 11v5M12 8v.01",
  area: "M5 7l7-3 7 5-2 9H7zM5 7v.01M19 9v.01M17 18v.01M7 18v.01",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  chevron: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6 6 18",
  corners: "M7 6.5h10M6.5 7v10M17.5 7v10M7 17.5h10M4.5 4.5h4v4h-4zM15.5 4.5h4v4h-4zM4.5 15.5h4v4h-4zM15.5 15.5h4v4h-4z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  csv: "M12 4v11M7.5 11l4.5 4.5L16.5 11M5 20h14",
  dots: "M6 12h.01M12 12h.01M18 12h.01",
  chart: "M5 4v16h15M9 16v-5M13 16V7M17 16v-7",
  down: "M6 9l6 6 6-6",
  eye: "M3 12c2.5-4.5 5.5-6.5 9-6.5s6.5 2 9 6.5c-2.5 4.5-5.5 6.5-9 6.5S5.5 16.5 3 12zM12 9.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
  extent: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  help: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM9.7 10a2.3 2.3 0 1 1 3.3 2.1c-.7.3-1 .8-1 1.6M12 16.5v.01",
  hole: "M4 5h16v14H4zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  layers: "M12 4 3 9l9 5 9-5-9-5zM3 14l9 5 9-5",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  list: "M8 6h12M8 12h12M8 18h12M4 6v.01M4 12v.01M4 18v.01",
  minus: "M5 12h14",
  moon: "M20 14a8 8 0 1 1-9-10 6.5 6.5 0 0 0 9 10z",
  move: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  page: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  pencil: "M4 20l1-4.5L16.5 4l3.5 3.5L8.5 19zM14 6.5l3.5 3.5",
  pin: "M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0c0 5 6.5 11 6.5 11zM12 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  plan: "M5 4h14v16H5zM9 4v16M12 8.5h4M12 12h4M12 15.5h4",
  plus: "M12 5v14M5 12h14",
  print: "M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z",
  redo: "M19 9H9a5 5 0 0 0 0 10h4M15 5l4 4-4 4",
  ruler: "M3 15 15 3l6 6L9 21zM7 11l2 2M10 8l3 3M13 5l2 2",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20",
  split: "M4 20 20 4M5 11V5h6M19 13v6h-6",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
  undo: "M5 9h10a5 5 0 0 1 0 10h-4M9 5 5 9l4 4",
};

/** @typedef {keyof typeof ICONS} IconName */

/**
 * A line icon, hidden from assistive technology: the control around it carries the words.
 * @param {IconName} name
 * @param {number} [size]
 */
export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  const settings = { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" };
  for (const [key, value] of Object.entries(settings)) svg.setAttribute(key, String(value));
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Tell assistive technology, through the page's live region.
 * @param {string} text
 */
export function say(text) {
  const region = document.querySelector("#live");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 30);
}

/**
 * A short message at the foot of the page that goes by itself; also said aloud.
 * @param {string} text
 * @param {{bad?: boolean}} [options]
 */
export function toast(text, { bad = false } = {}) {
  for (const old of document.querySelectorAll(".toast")) old.remove();
  const box = h("div", { class: bad ? "toast bad" : "toast" }, text);
  document.body.append(box);
  setTimeout(() => box.remove(), bad ? 6000 : 2400);
  say(text);
}
