// Shapes of what the drafts' API answers. Types only: no browser ever fetches this file.

import type { Code, Feature, Field, Kind, Text, Value } from "./types";

export type Operation = "add" | "modify" | "delete";
export type Decision = "" | "accept" | "reject";
export type Side = "theirs" | "mine";

export interface Clash {
  field: string;
  base: any;
  theirs: any;
  mine: any;
}

export interface Change {
  fid: string;
  name: string;
  operation: Operation;
  decision: Decision;
  base_rev: number;
  fields: string[];
  before: Feature | null;
  now: Feature | null;
  after: Feature | null;
  settled: boolean;
  clashes: Clash[];
}

export interface Finding {
  code: string;
  level: "block" | "acknowledge" | "warn" | "fixed";
  row?: number | null;
  fid: string | null;
  field: string | null;
  point: [number, number] | null;
  zh: string;
  en: string;
}

export interface Parent {
  fid: string;
  name: string;
  area_m2: number;
  fate: "changed" | "deleted" | "stays";
}

export interface Child {
  row: number;
  fid: string;
  name: string;
  area_m2: number;
}

export interface Lineage {
  kind: "split" | "merge";
  parents: Parent[];
  children: Child[];
}

export interface Tally {
  total: number;
  operations: Partial<Record<Operation, number>>;
  decisions: Partial<Record<"undecided" | "accept" | "reject", number>>;
}

export interface Comment {
  at: string;
  author: string;
  /** What the author is called. */
  name: string;
  fid: string;
  text: string;
}

export interface DraftSummary {
  id: string;
  layer: string;
  base_rev: number;
  owner: string;
  state: string;
  mode: string;
  note: string;
  created: string;
  updated: string;
}

export interface Draft extends DraftSummary {
  report: {
    findings?: Finding[];
    lineage?: Lineage[];
  };
  head: number;
  tally: Tally;
  clashing: string[];
  changes: Change[];
  comments: Comment[];
  may: { edit: boolean; review: boolean; steps: string[] };
}

export interface SchemaField extends Field {
  codes: Code[];
  required: boolean;
  minimum: number | null;
  maximum: number | null;
  derived: boolean;
  automatic: boolean;
}

export interface May {
  edit: boolean;
  review: boolean;
  areas: string[];
}

export interface Schema {
  id: string;
  title: Text;
  kind: Kind;
  geometry_types: string[];
  four_eyes: boolean;
  fields: SchemaField[];
  may: May;
}

export interface Me {
  name: string;
  display: string;
  layers: Record<string, May>;
}

export type Values = Record<string, Value>;
