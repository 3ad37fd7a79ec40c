// The measures of the last minutes, and the increases that the latest values cover.

import { compareProcesses, increasesBetween, joinIncreases } from "./increases.js";
import { COUNTERS, takeMeasures } from "./measures.js";

/** How far back the charts go. */
export const HISTORY_MS = 300000;
/** The time that a rate or a quantile covers: few requests in two seconds would make it jump. */
export const WINDOW_MS = 10000;
/** The time that the tables cover. */
export const TABLE_WINDOW_MS = 60000;

export class History {
  constructor() {
    /** @type {{atMs: number, wallMs: number, values: Map<string, number | null>}[]} oldest first. */
    this.points = [];
    /** The latest reading, or null. */
    this.reading = null;
    /** Whether readings came from more than one instance. */
    this.isMixed = false;
    this._increases = [];
  }

  /**
   * Add a reading.
   *
   * @param {object} reading as increases.js describes it, and wallMs, its time of day.
   */
  add(reading) {
    if (this.reading !== null) {
      const increases = increasesBetween(this.reading, reading, COUNTERS);
      if (increases === null) {
        this.isMixed = true;
        this._increases = [];
      } else {
        // The window of a restarted process begins with it: before it nothing was counted.
        if (compareProcesses(this.reading, reading) === "restarted") this._increases = [];
        this._increases.push(increases);
      }
    }
    this.reading = reading;
    this._increases = lastCovering(this._increases, TABLE_WINDOW_MS);
    const { atMs, wallMs } = reading;
    this.points.push({ atMs, wallMs, values: takeMeasures(this.increasesOver(WINDOW_MS), reading) });
    while (this.points[0].atMs < atMs - HISTORY_MS) this.points.shift();
  }

  /** The increases of the last readings that together cover this time, or all there are; null if there are none. */
  increasesOver(spanMs) {
    const parts = lastCovering(this._increases, spanMs);
    return parts.length === 0 ? null : joinIncreases(parts);
  }

  /** The point nearest to a time; null without points. */
  nearest(atMs) {
    let found = null;
    for (const point of this.points) {
      if (found === null || Math.abs(point.atMs - atMs) <= Math.abs(found.atMs - atMs)) found = point;
    }
    return found;
  }
}

function lastCovering(increases, spanMs) {
  let [first, covered] = [increases.length, 0];
  // Timers are late by a few milliseconds, and five waits of two seconds should be ten.
  while (first > 0 && covered < spanMs - 500) {
    // While the page was hidden it read nothing; that time would flatten the seconds after it.
    if (covered > 0 && increases[first - 1].spanMs > spanMs) break;
    first -= 1;
    covered += increases[first].spanMs;
  }
  return increases.slice(first);
}
