// The address restores what is on the map. Everything after # is optional:
//
//   #14/39.09500/117.15800          zoom, latitude, longitude
//   &on=schools,fire_stations       layers that are on ("none" for none); the default layers where it is missing
//   &hide=schools.planned,…         classes that are switched off
//   &illustrative=hidden            illustrative positions are not drawn
//   &labels=hidden                  no names
//   &base=tianditu                  a basemap other than the usual one
//   &asof=2025-06-30                all layers as they were at the end of that day; or asof=edition:2025 二季度版
//   &rev=schools.3,*.1              a past revision of a layer, of all others that are on
//   &sel=schools/NK-XX-001          the selected feature; the map goes to it where no view is given
//   &table=schools&filter=…         the table of a layer, with a CQL2 filter
//
// The theme is not part of it.

/** @typedef {import("./types").Link} Link */

const AS_OF = /^(\d{4}-\d\d-\d\d|edition:.{1,60})$/u;
const ID = /^[a-z][a-z0-9_-]{0,62}$/;

/**
 * @param {string} hash
 * @returns {Link}
 */
export function readLink(hash) {
  const text = hash.replace(/^#/, "");
  const cut = text.indexOf("&");
  const head = text.includes("=") && (cut < 0 || text.slice(0, cut).includes("=")) ? "" : cut < 0 ? text : text.slice(0, cut);
  const parameters = new URLSearchParams(text.slice(head.length).replace(/^&/, ""));
  /** @type {Link} */
  const link = { view: readView(head) };
  const on = parameters.get("on");
  if (on !== null) link.on = on.split(",").filter((id) => ID.test(id) && id !== "none");
  link.hidden = readPairs(parameters.get("hide"));
  link.illustrative = parameters.get("illustrative") !== "hidden";
  link.labels = parameters.get("labels") !== "hidden";
  const base = parameters.get("base") ?? "";
  if (ID.test(base)) link.basemap = base;
  const asOf = parameters.get("asof") ?? "";
  if (AS_OF.test(asOf)) link.asOf = asOf;
  link.revisions = readRevisions(parameters.get("rev"), link.on ?? []);
  const [layer, ...fid] = (parameters.get("sel") ?? "").split("/");
  if (ID.test(layer) && fid.length) link.selected = { layer, fid: fid.join("/") };
  const table = parameters.get("table") ?? "";
  if (ID.test(table)) link.table = { layer: table, filter: parameters.get("filter") ?? "" };
  return link;
}

/** @param {string} head */
function readView(head) {
  const parts = head.split("/").map(Number);
  if (head === "" || parts.length !== 3 || !parts.every(Number.isFinite)) return undefined;
  const [zoom, lat, lon] = parts;
  const fits = zoom >= 0 && zoom <= 22 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return fits ? { zoom: Math.round(zoom), lat, lon } : undefined;
}

/**
 * @param {string | null} text
 * @returns {Record<string, string[]>}
 */
function readPairs(text) {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const [layer, key] of (text ?? "").split(",").map((pair) => pair.split("."))) {
    if (ID.test(layer) && key) (found[layer] ??= []).push(key);
  }
  return found;
}

/**
 * @param {string | null} text
 * @param {string[]} on
 * @returns {Record<string, number>}
 */
function readRevisions(text, on) {
  const [, rest] = /(?:^|,)\*\.(\d+)/.exec(text ?? "") ?? [];
  const all = rest ? on.map((layer) => [layer, Number(rest)]) : [];
  const pairs = [...all, ...Object.entries(readPairs(text)).map(([layer, [rev]]) => [layer, Number(rev)])];
  return Object.fromEntries(pairs.filter(([, rev]) => Number.isInteger(rev) && Number(rev) > 0));
}

/**
 * The part of an address after # for a state of the map.
 * @param {Link} link
 */
export function writeLink(link) {
  const { view } = link;
  const hidden = Object.entries(link.hidden ?? {}).flatMap(([layer, keys]) => keys.map((key) => `${layer}.${key}`));
  const revisions = Object.entries(link.revisions ?? {}).map(([layer, rev]) => `${layer}.${rev}`);
  const parts = [
    view ? `${view.zoom}/${view.lat.toFixed(5)}/${view.lon.toFixed(5)}` : "",
    link.on ? `on=${link.on.join(",") || "none"}` : "",
    hidden.length ? `hide=${hidden.join(",")}` : "",
    link.illustrative === false ? "illustrative=hidden" : "",
    link.labels === false ? "labels=hidden" : "",
    link.basemap ? `base=${link.basemap}` : "",
    link.asOf ? `asof=${encodeURIComponent(link.asOf).replaceAll("%3A", ":")}` : "",
    revisions.length ? `rev=${revisions.join(",")}` : "",
    link.selected ? `sel=${link.selected.layer}/${encodeURIComponent(link.selected.fid)}` : "",
    link.table ? `table=${link.table.layer}` : "",
    link.table?.filter ? `filter=${encodeURIComponent(link.table.filter)}` : "",
  ];
  return `#${parts.filter(Boolean).join("&")}`;
}
