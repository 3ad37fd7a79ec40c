// The tables below the charts: devices, operators, refusals and events.

import { formatNumber, formatRate, formatShare } from "./format.js";
import { increasesBy, sumOfIncreases } from "./increases.js";
import { isTraffic } from "./measures.js";

const MOST_OPERATORS = 10;
const DEVICE_STATES = { ready: "Ready", lost: "Lost" };

/**
 * The rows of the devices: name, state, share of the time in which it worked, batches per second, requests in one.
 *
 * @param {object} reading the latest.
 * @param {object | null} increases of the last seconds.
 * @returns {{cells: string[], state: string}[]}
 */
export function deviceRows(reading, increases) {
  const states = new Map();
  for (const { labels, value } of reading.samples.get("poolhouse_device_state") ?? []) {
    const device = labels.get("device") ?? "";
    if (value === 1) states.set(device, labels.get("state") ?? "");
    else if (!states.has(device)) states.set(device, "unknown");
  }
  return [...states].map(([device, state]) => {
    const isOfDevice = (labels) => labels.get("device") === device;
    const over = (name) => (increases === null ? null : sumOfIncreases(increases, name, isOfDevice));
    const perSecond = (sum) => (sum === null || !(increases.spanMs > 0) ? null : (1000 * sum) / increases.spanMs);
    const batches = over("poolhouse_batch_requests_count");
    const requests = batches ? over("poolhouse_batch_requests_sum") / batches : null;
    return {
      state,
      cells: [
        device,
        DEVICE_STATES[state] ?? state,
        formatShare(perSecond(over("poolhouse_compute_seconds_sum"))),
        formatRate(perSecond(batches)),
        formatNumber(requests),
      ],
    };
  });
}

/**
 * The rows of the operators with most requests: name, requests per second, those not answered, share of compute time.
 *
 * @param {object | null} increases of the last minute.
 * @returns {{cells: string[]}[]}
 */
export function operatorRows(increases) {
  if (increases === null || !(increases.spanMs > 0)) return [];
  const isOperator = (labels) => isTraffic(labels) && labels.get("operator") !== "";
  const isRefused = (labels) => isOperator(labels) && !/^[23]/.test(labels.get("status") ?? "");
  const requests = increasesBy(increases, "poolhouse_requests_total", "operator", isOperator);
  const refused = increasesBy(increases, "poolhouse_requests_total", "operator", isRefused);
  const compute = increasesBy(increases, "poolhouse_compute_seconds_sum", "operator");
  const computeSum = [...compute.values()].reduce((sum, each) => sum + each, 0);
  const perSecond = (sum) => formatRate((1000 * sum) / increases.spanMs);
  return [...requests]
    .sort(byCountThenName)
    .slice(0, MOST_OPERATORS)
    .map(([operator, count]) => ({
      cells: [
        operator,
        perSecond(count),
        perSecond(refused.get(operator) ?? 0),
        computeSum > 0 ? formatShare((compute.get(operator) ?? 0) / computeSum) : "–",
      ],
    }));
}

/**
 * The rows of a counter: the value of its label, the increase in the last minute, and the sum since the start.
 *
 * @param {object} reading the latest.
 * @param {object | null} increases of the last minute.
 * @returns {{cells: string[]}[]} those that are not 0, the most frequent first.
 */
export function counterRows(reading, increases, name, label) {
  const grown = increases === null ? null : increasesBy(increases, name, label);
  return (reading.samples.get(name) ?? [])
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => [labels.get(label) ?? "", value])
    .sort(byCountThenName)
    .map(([code, total]) => ({
      cells: [code, grown === null ? "–" : formatNumber(grown.get(code) ?? 0), formatNumber(total)],
    }));
}

/** Replace the rows of a table; without rows its sentence is shown in place of it. */
export function fillTable(table, rows) {
  const body = table.tBodies[0];
  // Rows are used again, so that a selection of text survives.
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ cells, state }, index) => {
    const row = body.rows[index] ?? makeRow(body, cells.length);
    cells.forEach((text, column) => {
      // A long name may be broken after an underscore, by an element that adds no text.
      if (row.cells[column].textContent !== text) row.cells[column].replaceChildren(...breakable(text));
    });
    if (state !== undefined) row.dataset.state = state;
  });
  table.hidden = rows.length === 0;
  table.closest(".table").querySelector(".none").hidden = rows.length > 0;
}

function breakable(text) {
  return text.split(/(?<=_)/).flatMap((part, index) => (index === 0 ? [part] : [document.createElement("wbr"), part]));
}

function makeRow(body, columns) {
  const row = body.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  row.append(head);
  for (let column = 1; column < columns; column += 1) row.insertCell();
  return row;
}

function byCountThenName([firstName, first], [secondName, second]) {
  return second - first || (firstName < secondName ? -1 : 1);
}
