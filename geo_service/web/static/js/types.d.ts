// Shapes of the API's answers and of what modules hand each other. Types only: no browser ever fetches this file.

import type * as Leaflet from "leaflet";

export interface Text {
  zh: string;
  en: string;
}

export type Kind = "point" | "line" | "polygon";
export type Shape = "circle" | "square" | "diamond" | "pentagon";
export type Hatch = "" | "diag" | "diag2" | "cross" | "dots" | "wave" | "grid" | "horizontal" | "vertical" | "brick" | "plus" | "dash";
export type Bbox = [west: number, south: number, east: number, north: number];
/** Longitude and latitude. */
export type Position = [number, number];
export type Condition = Record<string, (string | null)[]>;
export type Value = string | number | boolean | null | undefined;
export type Properties = Record<string, Value>;

export interface SymbolClass {
  key: string;
  title: Text;
  when: Condition;
  color: string;
  dark: string;
  fill: number | "full" | "half" | "open";
  dash: string;
  hatch: Hatch;
  glyph: string;
}

export interface LayerSymbol {
  name: string;
  kind: Kind;
  color: string;
  dark: string;
  shape: Shape;
  glyph: string;
  size: number;
  classes: SymbolClass[];
  illustrative: { title: Text; when: Condition; dash: string };
}

export interface Code {
  value: string;
  title: Text;
}

export interface Field {
  key: string;
  type: "text" | "integer" | "number" | "boolean" | "date" | "datetime" | "code";
  title: Text;
  unit: string;
  codes: Code[];
  words?: Record<string, string>;
}

export interface Layer {
  id: string;
  title: Text;
  theme: string;
  kind: Kind;
  source: string;
  secrecy: "public" | "internal";
  rev: number;
  updated: string;
  count: number;
  located: number;
  illustrative: number;
  precisions: Record<string, number>;
  classes: Record<string, number>;
  shown: boolean;
  drawn: "geojson" | "mvt";
  /** What it is served from is being built; only the count is known. */
  preparing?: true;
  data_url: string;
  tile_url: string;
  min_zoom: number;
  label_zoom: number;
  order: number;
  bbox: Bbox | null;
  symbol: LayerSymbol;
  fields: Field[];
  commitments: string[];
}

export interface Catalogue {
  key: string;
  district: { bbox: Bbox };
  groups: { id: string; title: Text }[];
  layers: Layer[];
  /** Of a past day or an edition: what was asked for, and the revision each layer has now. */
  as_of?: string;
  heads?: Record<string, number>;
  basemaps: BureauBasemap[];
}

/** A basemap the bureau has configured; its tiles come through this server, a path for each layer of it. */
export interface BureauBasemap {
  id: string;
  title: Text;
  attribution: string;
  review_number: string;
  tiles: string[];
  min_zoom: number;
  max_zoom: number;
  default: boolean;
}

export interface Feature {
  type: "Feature";
  id: string;
  geometry: GeoJSON.Geometry | null;
  properties: Properties;
}

export interface Commitment {
  id: string;
  name: Text;
  section: string;
  clause: string;
  verb: string;
  promise: string;
  due: string;
  due_means: "" | "start";
  quantity: { kind: string; target: number | null; unit: string };
}

export interface FeatureDetail extends Feature {
  layer: string;
  rev: number;
  commitment: Commitment | null;
  measures: { area_m2?: number; perimeter_m?: number; length_m?: number };
  history: { rev: number; at: string; author: string; kind: string; note: string }[];
}

export interface FeaturePage {
  features: Feature[];
  numberMatched: number;
  numberReturned: number;
  rev: number;
}

export interface SearchHit {
  kind: "feature" | "layer" | "coordinate" | "commitment";
  layer: string;
  id: string;
  title: Text;
  subtitle: Text;
  lon: number | null;
  lat: number | null;
  bbox: Bbox | null;
  matched: [number, number] | null;
}

/** What the shell's script says of a layer. */
export interface ShellLayer {
  kind: "geojson" | "mvt";
  url: string;
  shown: boolean;
}

/** A place on the map that a person points at or has selected. */
export interface Place {
  layer: import("./layer.js").MapLayer;
  fid: string;
  properties: Properties;
  at: Leaflet.LatLng;
}

/** What the address restores; everything optional. */
export interface Link {
  view?: { zoom: number; lat: number; lon: number };
  on?: string[];
  hidden?: Record<string, string[]>;
  illustrative?: boolean;
  labels?: boolean;
  basemap?: string;
  /** A day (YYYY-MM-DD) or `edition:name`; missing for the present. */
  asOf?: string;
  revisions?: Record<string, number>;
  selected?: { layer: string; fid: string };
  table?: { layer: string; filter: string };
}

/** A style of one drawn feature, read by the canvas. */
export interface Look {
  color: string;
  fill: number | "full" | "half" | "open";
  dash: string;
  hatch: Hatch;
  glyph: string;
  illustrative: boolean;
}

declare global {
  /** protomaps-leaflet, used behind tile_layer.js and basemap.js only. */
  const protomapsL: any;
  /** ECharts, used behind analysis_chart.js only. */
  const echarts: any;
  interface Window {
    /** What Folium's script calls; see map.js. */
    geoService: object;
  }
}
