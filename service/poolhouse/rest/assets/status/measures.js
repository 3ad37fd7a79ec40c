// The measures that the page draws, each from the increases of the last seconds and the latest reading.
//
// docs/metrics.md describes the metrics. A measure is null where its metric is missing or nothing was counted.

import { gauge, sumOfIncreases } from "./increases.js";
import { bucketsOf, estimateQuantile } from "./quantiles.js";

// Requests of orchestrators, of Prometheus and of this page are no traffic.
const OWN_ROUTES = new Set(["/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics", "/status"]);

/** Whether a series of poolhouse_requests_total counts requests of clients. */
export function isTraffic(labels) {
  const route = labels.get("route") ?? "";
  return !OWN_ROUTES.has(route) && !route.startsWith("/status/");
}

export const STAGES = ["decode", "queue", "compute", "encode"];
export const QUANTILES = [0.5, 0.95, 0.99];

/** The counters whose increases the measures and the tables need. */
export const COUNTERS = [
  "poolhouse_requests_total",
  "poolhouse_refusals_total",
  "poolhouse_callers_gone_total",
  "poolhouse_received_bytes_total",
  "poolhouse_sent_bytes_total",
  "poolhouse_request_seconds_bucket",
  "poolhouse_stage_seconds_bucket",
  "poolhouse_batch_requests_sum",
  "poolhouse_batch_requests_count",
  "poolhouse_batch_planes_sum",
  "poolhouse_batch_planes_count",
  "poolhouse_compute_seconds_sum",
  "process_cpu_seconds_total",
];

const isStatus = (first) => (labels) => isTraffic(labels) && (labels.get("status") ?? "").startsWith(first);
const isInline = (labels) => labels.get("reason") === "inline";

const rate = (name, isCounted) => (increases) => {
  const sum = sumOfIncreases(increases, name, isCounted);
  return sum === null || !(increases.spanMs > 0) ? null : (1000 * sum) / increases.spanMs;
};

const mean = (histogram) => (increases) => {
  const count = sumOfIncreases(increases, `${histogram}_count`);
  return count ? sumOfIncreases(increases, `${histogram}_sum`) / count : null;
};

const quantile = (q, histogram, isCounted) => (increases) => {
  const buckets = bucketsOf(increases, histogram, isCounted);
  return buckets === null ? null : estimateQuantile(q, buckets);
};

function perDevice(sum, reading) {
  const devices = new Set(reading.samples.get("poolhouse_device_state")?.map(({ labels }) => labels.get("device")));
  return sum === null || devices.size === 0 ? null : sum / devices.size;
}

const latest = (name) => (_, reading) => gauge(reading, name);

const quantilesOf = (prefix, histogram, isCounted) =>
  QUANTILES.map((q) => [`${prefix}.p${100 * q}`, { needsIncreases: true, of: quantile(q, histogram, isCounted) }]);

const counted = (of) => ({ needsIncreases: true, of });
const read = (of) => ({ needsIncreases: false, of });

export const MEASURES = new Map([
  ["requests", counted(rate("poolhouse_requests_total", isTraffic))],
  ["requests.ok", counted(rate("poolhouse_requests_total", (labels) => isStatus("2")(labels) || isStatus("3")(labels)))],
  ["requests.client", counted(rate("poolhouse_requests_total", isStatus("4")))],
  ["requests.server", counted(rate("poolhouse_requests_total", isStatus("5")))],
  ["requests.gone", counted(rate("poolhouse_requests_total", isStatus("gone")))],
  ["refusals", counted(rate("poolhouse_refusals_total"))],
  ["refusals.overloaded", counted(rate("poolhouse_refusals_total", (labels) => labels.get("code") === "overloaded"))],
  ["received", counted(rate("poolhouse_received_bytes_total"))],
  ["sent", counted(rate("poolhouse_sent_bytes_total"))],
  ...quantilesOf("latency", "poolhouse_request_seconds", (labels) => labels.get("call") === "pool"),
  ...STAGES.flatMap((stage) =>
    quantilesOf(
      stage,
      "poolhouse_stage_seconds",
      (labels) => labels.get("call") === "pool" && labels.get("stage") === stage,
    ),
  ),
  ["batches", counted(rate("poolhouse_batch_requests_count"))],
  ["batches.inline", counted(rate("poolhouse_batch_requests_count", isInline))],
  ["batch.requests", counted(mean("poolhouse_batch_requests"))],
  ["batch.planes", counted(mean("poolhouse_batch_planes"))],
  ["busy", counted((increases, reading) => perDevice(rate("poolhouse_compute_seconds_sum")(increases), reading))],
  ["jobs", read(latest("poolhouse_jobs"))],
  ["held", read(latest("poolhouse_held_bytes"))],
  ["capacity", read(latest("poolhouse_capacity_bytes"))],
  ["held.requests", read(latest("poolhouse_held_requests"))],
  ["resident", read(latest("process_resident_memory_bytes"))],
  ["cpu", counted(rate("process_cpu_seconds_total"))],
  ["connections", read(latest("poolhouse_connections"))],
  ["descriptors", read(latest("process_open_fds"))],
  ["descriptors.limit", read(latest("process_max_fds"))],
  ["disconnects", counted(rate("poolhouse_callers_gone_total"))],
]);

/**
 * All measures of one moment, by their ids.
 *
 * @param {object | null} increases of the last seconds; null at the first reading.
 * @param {object} reading the latest.
 * @returns {Map<string, number | null>}
 */
export function takeMeasures(increases, reading) {
  const values = new Map();
  for (const [id, { needsIncreases, of }] of MEASURES) {
    values.set(id, needsIncreases && increases === null ? null : of(increases, reading));
  }
  return values;
}
