// What a reviewer has begun and not yet sent: kept while the list is drawn again under it.

/** @typedef {import("./review_types").Change} Change */
/** @typedef {import("./review_types").Clash} Clash */
/** @typedef {import("./review_types").Side} Side */

export class Kept {
  /** @type {Map<string, Side>} */
  #sides = new Map();
  /** @type {Map<string, string>} */
  #comments = new Map();

  /**
   * The side chosen of a conflict, empty where none is: a choice between other values is none.
   * @param {Change} change
   * @param {Clash} clash
   * @returns {Side | ""}
   */
  side(change, clash) {
    return this.#sides.get(keyOf(change, clash)) ?? "";
  }

  /**
   * @param {Change} change
   * @param {Clash} clash
   * @param {Side} side
   */
  choose(change, clash, side) {
    this.#sides.set(keyOf(change, clash), side);
  }

  /** What is typed and not sent about a feature. @param {string} fid */
  comment(fid) {
    return this.#comments.get(fid) ?? "";
  }

  /**
   * @param {string} fid
   * @param {string} text empty when it was sent
   */
  type(fid, text) {
    if (text) this.#comments.set(fid, text);
    else this.#comments.delete(fid);
  }
}

/**
 * @param {Change} change
 * @param {Clash} clash
 */
function keyOf({ fid }, { field, theirs, mine }) {
  return JSON.stringify([fid, field, theirs, mine]);
}
