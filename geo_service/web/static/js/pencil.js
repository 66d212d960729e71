// Who may edit here: what the page's head says. Loaded with the map; everything else of editing waits for a click.

/** @typedef {{layers: string[], script: string, style: string}} Pencil */

/** What the server allows this reader; null for those who may edit nothing. @returns {Pencil | null} */
export function pencil() {
  const meta = document.querySelector('meta[name="pencil"]');
  if (!(meta instanceof HTMLMetaElement)) return null;
  return { layers: JSON.parse(meta.content), script: meta.dataset.script ?? "", style: meta.dataset.style ?? "" };
}

/** Whether a layer is this reader's to edit. @param {string} layer */
export function mayEdit(layer) {
  return pencil()?.layers.includes(layer) ?? false;
}

/** The layer an address asks to edit (`edit=schools`), empty for none. @param {string} hash */
export function askedToEdit(hash) {
  return hash.match(/[#&]edit=([a-z0-9_]+)/)?.[1] ?? "";
}

/**
 * Put a style sheet into the page, once.
 * @param {string} url
 */
export function addStyle(url) {
  if (document.querySelector(`link[href="${CSS.escape(url)}"]`)) return Promise.resolve();
  return new Promise((done, failed) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: url, onload: done, onerror: () => failed(new Error(url)) });
    document.head.append(link);
  });
}

/** The address of one of our own style sheets, in the folder of this version. @param {string} name */
export function ownStyle(name) {
  return new URL(`../css/${name}`, import.meta.url).pathname;
}
