// The cards of the page: which measures each shows, and how one is made and updated.

import { formatByteRate, formatBytes, formatCores, formatNumber, formatRate, formatSeconds, formatShare } from "./format.js";
import { HISTORY_MS } from "./history.js";
import { INTERVAL_MS } from "./poll_schedule.js";
import { drawLines, makeChart, niceTop, timeAt } from "./sparkline.js";

const GAP_MS = 3 * INTERVAL_MS;
// A chart of the first seconds would stretch noise over its whole width.
const SHORTEST_MS = 60000;

const quantileCard = (prefix, title, about) => ({
  title,
  about,
  isEstimate: true,
  headlineName: "median",
  format: formatSeconds,
  lines: [
    { measure: `${prefix}.p50`, name: "median" },
    { measure: `${prefix}.p95`, name: "p95" },
    { measure: `${prefix}.p99`, name: "p99" },
  ],
});

/** The cards by the id of their section. The first line's value is the headline, unless there is another. */
export const CARDS = {
  traffic: [
    {
      title: "Requests",
      about: "By outcome; without probes, /metrics and this page.",
      headline: "requests",
      format: formatRate,
      lines: [
        { measure: "requests.ok", name: "answered", about: "2xx, 3xx" },
        { measure: "requests.client", name: "refused", about: "4xx" },
        { measure: "requests.server", name: "failed", about: "5xx" },
        { measure: "requests.gone", name: "client gone" },
      ],
    },
    quantileCard("latency", "Latency", "From the complete body to the encoded response of a pooling."),
    {
      title: "Refusals",
      about: "All codes; the table below tells them apart.",
      format: formatRate,
      lines: [
        { measure: "refusals", name: "all" },
        { measure: "refusals.overloaded", name: "overloaded" },
      ],
    },
    {
      title: "Bodies",
      about: "Of requests and responses, compressed as they were sent.",
      headlineName: "received",
      base: 1024,
      format: formatByteRate,
      lines: [
        { measure: "received", name: "received" },
        { measure: "sent", name: "sent" },
      ],
    },
  ],
  stages: [
    quantileCard("decode", "Decode", "The body becomes tensors."),
    quantileCard("queue", "Queue", "The wait for a device."),
    quantileCard("compute", "Compute", "The pooling itself."),
    quantileCard("encode", "Encode", "The result becomes a body."),
  ],
  batching: [
    {
      title: "Batches",
      about: "Runs of a device; inline ones ran on the event loop.",
      format: formatRate,
      lines: [
        { measure: "batches", name: "all" },
        { measure: "batches.inline", name: "inline" },
      ],
    },
    {
      title: "Mean batch",
      about: "Requests that share a run, and their planes.",
      headlineName: "requests",
      format: formatNumber,
      lines: [{ measure: "batch.requests", name: "requests" }],
      facts: [{ measure: "batch.planes", name: "planes", format: formatNumber }],
    },
    {
      title: "Busy",
      about: "Share of the time in which a device pooled.",
      format: formatShare,
      lines: [{ measure: "busy", name: "busy" }],
    },
    {
      title: "Jobs",
      about: "Waiting for a device, or running on one.",
      format: formatNumber,
      lines: [{ measure: "jobs", name: "jobs" }],
    },
  ],
  resources: [
    {
      title: "Memory of requests",
      about: "Reserved of the budget; requests beyond it are refused.",
      base: 1024,
      format: formatBytes,
      lines: [{ measure: "held", name: "reserved" }],
      limit: "capacity",
      facts: [{ measure: "held.requests", name: "requests hold it", format: formatNumber }],
    },
    {
      title: "Memory of the process",
      about: "Resident, torch's own included.",
      base: 1024,
      format: formatBytes,
      lines: [{ measure: "resident", name: "resident" }],
    },
    {
      title: "CPU",
      about: "In use by the process.",
      format: formatCores,
      lines: [{ measure: "cpu", name: "cores" }],
    },
    {
      title: "Connections",
      about: "Open over HTTP. Each takes a file descriptor.",
      format: formatNumber,
      lines: [{ measure: "connections", name: "open" }],
      facts: [
        { measure: "descriptors", limit: "descriptors.limit", name: "descriptors", format: formatNumber },
        { measure: "disconnects", name: "disconnects", format: formatRate },
      ],
    },
  ],
};

/**
 * Make the cards of all sections.
 *
 * @param {(sectionId: string) => HTMLElement} gridOf where the cards of a section go.
 * @param {{onHover: (atMs: number | null) => void}} options onHover: called with the time that the pointer is at.
 * @returns {{update: (view: object) => void}[]}
 */
export function makeCards(gridOf, { onHover }) {
  return Object.entries(CARDS).flatMap(([section, cards]) =>
    cards.map((card) => {
      const made = makeCard(card, onHover);
      gridOf(section).append(made.root);
      return made;
    }),
  );
}

function makeCard(card, onHover) {
  const template = document.querySelector("#card").content.cloneNode(true);
  const root = template.querySelector("article");
  const part = (name) => root.querySelector(`.${name}`);
  part("title").textContent = card.title;
  part("about").textContent = card.about;
  part("estimate").hidden = !card.isEstimate;
  const chart = makeChart(card.lines.length);
  part("plot").append(chart);
  const entries = [...card.lines, ...(card.facts ?? [])].map((each, index) => {
    const isLine = index < card.lines.length;
    const entry = makeEntry(each, isLine && card.lines.length > 1 ? index : null);
    // The headline says it already.
    entry.root.hidden = isLine && card.lines.length === 1;
    part("legend").append(entry.root);
    return { ...each, format: each.format ?? card.format, ...entry };
  });
  if (card.limit === undefined) part("meter").remove();
  let range = null;
  chart.addEventListener("pointermove", (event) => range !== null && onHover(timeAt(chart, event.clientX, range)));
  chart.addEventListener("pointerleave", () => onHover(null));

  function update({ points, shown, momentMs }) {
    const valueOf = (id) => shown.values.get(id) ?? null;
    const headline = valueOf(card.headline ?? card.lines[0].measure);
    part("value").textContent = card.format(headline);
    part("of").textContent = card.limit === undefined ? (card.headlineName ?? "") : shareText(card, headline, valueOf(card.limit));
    for (const entry of entries) {
      const limit = entry.limit === undefined ? "" : ` of ${entry.format(valueOf(entry.limit))}`;
      entry.value.textContent = entry.format(valueOf(entry.measure)) + limit;
    }
    if (card.limit !== undefined) updateMeter(part("meter"), headline, valueOf(card.limit));
    const toMs = points[points.length - 1].atMs;
    const lines = card.lines.map(({ measure }) =>
      points.map(({ atMs, values }) => ({ atMs, value: values.get(measure) ?? null })),
    );
    const top = niceTop(
      lines.flat().map(({ value }) => value),
      card.base,
    );
    range = { fromMs: Math.max(toMs - HISTORY_MS, Math.min(points[0].atMs, toMs - SHORTEST_MS)), toMs, top };
    drawLines(chart, lines, range, GAP_MS, momentMs);
    const isEmpty = lines.every((line) => line.every(({ value }) => value === null));
    part("scale").textContent = isEmpty ? "" : card.format(top);
    part("empty").hidden = !isEmpty;
    chart.setAttribute("aria-label", describe(card, lines));
  }
  return { root, update };
}

// What a reader of the screen hears in place of the chart.
function describe({ title, lines, format }, points) {
  const spoken = lines.map(({ name }, index) => {
    const values = points[index].map(({ value }) => value).filter((value) => value !== null);
    if (values.length === 0) return `${name}: no values`;
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return `${name}: now ${format(points[index].at(-1).value)}, least ${format(least)}, most ${format(most)}`;
  });
  return `${title}, up to five minutes. ${spoken.join("; ")}.`;
}

function makeEntry({ name, about }, lineIndex) {
  const root = document.querySelector("#entry").content.cloneNode(true).querySelector("div");
  root.querySelector("dt span").textContent = about === undefined ? name : `${name} `;
  root.querySelector("dt small").textContent = about ?? "";
  const swatch = root.querySelector("svg");
  if (lineIndex === null) swatch.remove();
  else swatch.querySelector("line").classList.add(`line-${lineIndex}`);
  return { root, value: root.querySelector("dd") };
}

function shareText({ format }, value, limit) {
  const share = value !== null && limit > 0 ? `, ${formatShare(value / limit)}` : "";
  return `of ${format(limit)}${share}`;
}

function updateMeter(meter, value, limit) {
  const isKnown = value !== null && limit > 0;
  meter.value = isKnown ? Math.min(1, value / limit) : 0;
  meter.setAttribute("aria-valuetext", isKnown ? formatShare(value / limit) : "unknown");
}
