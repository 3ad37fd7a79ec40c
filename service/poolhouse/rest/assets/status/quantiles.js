// Estimate quantiles from the buckets of a histogram, as Prometheus's histogram_quantile does.

/**
 * A quantile, estimated as if the values lay evenly in their bucket; null without values.
 *
 * A value above the last finite bound counts as that bound.
 *
 * @param {number} q from 0 to 1.
 * @param {Map<number, number>} buckets the number of values up to each bound; the bound Infinity counts all.
 */
export function estimateQuantile(q, buckets) {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const total = buckets.get(Infinity);
  if (total === undefined || !(total > 0) || bounds.length < 2) return null;
  const rank = q * total;
  let [lower, below] = [0, 0];
  for (const bound of bounds) {
    const count = buckets.get(bound);
    if (count >= rank && count > below) {
      if (bound === Infinity) return bounds[bounds.length - 2];
      return lower + ((bound - lower) * Math.max(0, rank - below)) / (count - below);
    }
    [lower, below] = [bound, Math.max(below, count)];
  }
  return null;
}

/**
 * The buckets of a histogram over all series that count, from the increases of its name_bucket; null without it.
 *
 * @returns {Map<number, number> | null}
 */
export function bucketsOf(increases, histogram, isCounted = () => true) {
  const series = increases.byName.get(`${histogram}_bucket`);
  if (series === undefined) return null;
  const buckets = new Map();
  for (const { labels, increase } of series.values()) {
    if (!isCounted(labels)) continue;
    const le = labels.get("le");
    const bound = le === "+Inf" ? Infinity : Number(le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + increase);
  }
  return buckets;
}
