// One layer's open draft while it is edited: every step goes to the server at once and can be taken back.

import { getJson, layerPath } from "./api.js";
import { draftPath, send } from "./review_api.js";

/** @typedef {import("./types").Feature} Feature */
/** @typedef {import("./review_types").Schema} Schema */
/** @typedef {import("./review_types").Draft} Draft */
/** @typedef {import("./review_types").DraftSummary} DraftSummary */
/** @typedef {import("./review_types").Change} Change */

/**
 * What a draft says of a feature: nothing (null), that it goes, or how it should be.
 * @typedef {null | {gone: true} | {geometry: GeoJSON.Geometry | null, properties: import("./types").Properties}} State
 */
/** @typedef {{fid: string, before: State, after: State, rev: number}} Step */

const MOST = 2000;

/** Events: `change` after every step. */
export class DraftSession extends EventTarget {
  /** @param {Schema} schema */
  constructor(schema) {
    super();
    this.schema = schema;
    /** @type {DraftSummary | null} */
    this.draft = null;
    /** @type {Map<string, Change>} */
    this.changes = new Map();
    /** @type {Step[][]} */
    this.done = [];
    /** @type {Step[][]} */
    this.undone = [];
    /** @type {Promise<unknown>} */
    this.queue = Promise.resolve();
  }

  /**
   * The schema of a layer and my open draft of it, if there is one.
   * @param {string} layer
   */
  static async open(layer) {
    const [schema, mine] = await Promise.all([getJson(layerPath(layer, "schema")), getJson(`/api/drafts?layer=${encodeURIComponent(layer)}`)]);
    const session = new DraftSession(schema);
    const open = mine.drafts.find((/** @type {DraftSummary} */ d) => d.mode === "edit");
    if (open) await session.#take(open);
    return session;
  }

  /** @param {DraftSummary} draft */
  async #take(draft) {
    this.draft = draft;
    const body = /** @type {Draft} */ (await getJson(`${draftPath(draft.id)}?limit=${MOST}`));
    this.changes = new Map(body.changes.map((change) => [change.fid, change]));
  }

  /** The draft, made where there is none yet. @returns {Promise<DraftSummary>} */
  async ensure() {
    this.draft ??= /** @type {DraftSummary} */ (await send("POST", "/api/drafts", { layer: this.schema.id }));
    return this.draft;
  }

  /** What the draft says of a feature now. @param {string} fid @returns {State} */
  stateOf(fid) {
    const change = this.changes.get(fid);
    if (!change) return null;
    return change.after ? { geometry: change.after.geometry, properties: change.after.properties } : { gone: true };
  }

  /**
   * Take some steps together: all or none. Gives the ids, in their order.
   * @param {{fid: string, after: State, rev: number}[]} wanted `new` as id for what gets its code from the server
   * @returns {Promise<string[]>}
   */
  run(wanted) {
    return this.#queued(async () => {
      const steps = await this.#all(wanted.map((step) => ({ ...step, before: this.stateOf(step.fid) })));
      this.done.push(steps);
      this.undone = [];
      return steps.map((step) => step.fid);
    });
  }

  /**
   * The same values on many features, as one step: all or none. Gives the changes as the server has them.
   * @param {string[]} fids
   * @param {import("./types").Properties} properties
   * @param {number} rev
   * @returns {Promise<Change[]>}
   */
  runTogether(fids, properties, rev) {
    return this.#queued(async () => {
      const { id } = await this.ensure();
      const before = new Map(fids.map((fid) => [fid, this.stateOf(fid)]));
      const answer = /** @type {{changes: Change[]}} */ (await send("POST", draftPath(id, "changes"), { fids, properties, base_rev: rev }));
      for (const change of answer.changes) this.#note(change);
      this.done.push(answer.changes.map(({ fid }) => ({ fid, before: before.get(fid) ?? null, after: this.stateOf(fid), rev })));
      return answer.changes;
    });
  }

  undo() {
    return this.#turn(this.done, this.undone);
  }

  redo() {
    return this.#turn(this.undone, this.done);
  }

  /**
   * Take the last entry of one list back and put it onto the other; gives the ids it touched.
   * @param {Step[][]} from
   * @param {Step[][]} onto
   * @returns {Promise<string[]>}
   */
  #turn(from, onto) {
    return this.#queued(async () => {
      const steps = from[from.length - 1];
      if (!steps) return [];
      const back = [...steps].reverse().map(({ fid, before, after, rev }) => ({ fid, before: after, after: before, rev }));
      await this.#all(back);
      from.pop();
      onto.push(back);
      return back.map((step) => step.fid);
    });
  }

  /**
   * One after the other; where one is refused, those before it are taken back.
   * @param {Step[]} steps
   */
  async #all(steps) {
    /** @type {Step[]} */
    const taken = [];
    try {
      for (const step of steps) taken.push({ ...step, fid: await this.#put(step.fid, step.after, step.rev) });
    } catch (error) {
      for (const step of taken.reverse()) await this.#put(step.fid, step.before, step.rev);
      throw error;
    } finally {
      this.dispatchEvent(new Event("change"));
    }
    return taken;
  }

  /**
   * @param {string} fid
   * @param {State} state
   * @param {number} rev
   * @returns {Promise<string>} the id, which the server makes for a new feature
   */
  async #put(fid, state, rev) {
    const { id } = await this.ensure();
    const url = draftPath(id, "changes", fid);
    const view = /** @type {Change} */ (await (state === null ? send("DELETE", url) : send("PUT", url, bodyOf(state, rev))));
    this.#note(view);
    return view.fid;
  }

  /** What the draft says of a feature after a step; nothing where it is as published. @param {Change} view */
  #note(view) {
    if (view.operation) this.changes.set(view.fid, view);
    else this.changes.delete(view.fid);
  }

  /** Hand the draft over to a reviewer. @param {string} note */
  submit(note) {
    return this.#queued(async () => {
      const { id } = await this.ensure();
      await send("PUT", draftPath(id, "note"), { note });
      const draft = /** @type {DraftSummary} */ (await send("POST", draftPath(id, "steps"), { step: "submit" }));
      this.draft = null;
      this.changes.clear();
      this.done = [];
      this.undone = [];
      this.dispatchEvent(new Event("change"));
      return draft;
    });
  }

  /**
   * Requests of one draft go out one at a time.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #queued(work) {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

/**
 * @param {Exclude<State, null>} state
 * @param {number} rev
 */
function bodyOf(state, rev) {
  if ("gone" in state) return { operation: "delete", base_rev: rev };
  return { feature: { type: "Feature", geometry: state.geometry, properties: state.properties }, base_rev: rev };
}
