// By how much counters grew between two readings of /metrics, also when the service was restarted between them.
//
// A reading is {samples, atMs, serverMs}: the parsed page; when it arrived, by a clock that is never set; and the
// response's Date, or null.

// Date has whole seconds, and a process takes a moment from its start to its first answer.
const DATE_ERROR_MS = 2000;

/**
 * Whether two readings are of one process.
 *
 * @returns {"same" | "restarted" | "other"} other: of another instance, which was running at the first reading.
 */
export function compareProcesses(before, after) {
  const [first, second] = [gauge(before, "process_start_time_seconds"), gauge(after, "process_start_time_seconds")];
  if (first === null || second === null || first === second) return "same";
  if (second < first) return "other";
  const wasRunning = before.serverMs !== null && 1000 * second < before.serverMs - DATE_ERROR_MS;
  return wasRunning ? "other" : "restarted";
}

/** The value of a metric without labels, or null. */
export function gauge(reading, name) {
  const found = reading.samples.get(name);
  return found === undefined ? null : found[0].value;
}

/**
 * The increases of some counters from one reading to the next.
 *
 * A series that is new has grown from 0, and one that is smaller than before was restarted from 0.
 *
 * @param {string[]} names of samples: of a histogram its parts, name_bucket, name_sum and name_count.
 * @returns {{spanMs: number, byName: Map<string, Map<string, {labels: Map<string, string>, increase: number}>>} | null}
 *   Null if the readings are of different instances. byName has the names that the later reading has.
 */
export function increasesBetween(before, after, names) {
  const relation = compareProcesses(before, after);
  if (relation === "other") return null;
  const byName = new Map();
  for (const name of names) {
    const current = after.samples.get(name);
    if (current === undefined) continue;
    const earlier = relation === "same" ? (before.samples.get(name) ?? []) : [];
    const known = new Map(earlier.map((sample) => [sample.key, sample.value]));
    const grown = new Map();
    for (const { key, labels, value } of current) {
      const old = known.get(key) ?? 0;
      const increase = value < old ? value : value - old;
      grown.set(key, { labels, increase });
    }
    byName.set(name, grown);
  }
  return { spanMs: after.atMs - before.atMs, byName };
}

/**
 * Several consecutive increases as one.
 *
 * @param {object[]} parts from increasesBetween, oldest first; at least one. The last one says which names there are.
 */
export function joinIncreases(parts) {
  const byName = new Map();
  for (const name of parts[parts.length - 1].byName.keys()) {
    const joined = new Map();
    for (const part of parts) {
      for (const [key, { labels, increase }] of part.byName.get(name) ?? []) {
        joined.set(key, { labels, increase: increase + (joined.get(key)?.increase ?? 0) });
      }
    }
    byName.set(name, joined);
  }
  return { spanMs: parts.reduce((sum, part) => sum + part.spanMs, 0), byName };
}

/**
 * The sum of the increases of a metric's series, or null if there is no such metric.
 *
 * @param {(labels: Map<string, string>) => boolean} isCounted which series; all if it is left out.
 */
export function sumOfIncreases(increases, name, isCounted = () => true) {
  const series = increases.byName.get(name);
  if (series === undefined) return null;
  let sum = 0;
  for (const { labels, increase } of series.values()) if (isCounted(labels)) sum += increase;
  return sum;
}

/** The increases of a metric added up by the values of one label; those that did not grow are left out. */
export function increasesBy(increases, name, label, isCounted = () => true) {
  const sums = new Map();
  for (const { labels, increase } of increases.byName.get(name)?.values() ?? []) {
    if (!isCounted(labels)) continue;
    const value = labels.get(label) ?? "";
    if (increase > 0) sums.set(value, (sums.get(value) ?? 0) + increase);
  }
  return sums;
}
