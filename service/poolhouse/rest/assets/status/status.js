// The status page: joins the reader of /metrics, the history, the cards and the tables.

import { makeCards } from "./cards.js";
import { formatTime, formatUptime } from "./format.js";
import { History, HISTORY_MS, TABLE_WINDOW_MS, WINDOW_MS } from "./history.js";
import { gauge } from "./increases.js";
import { MetricsReader } from "./reader.js";
import { counterRows, deviceRows, fillTable, operatorRows } from "./tables.js";

const STATES = {
  ready: "Ready",
  starting: "Starting",
  draining: "Draining",
  device_lost: "Device lost",
  unknown: "State unknown",
};

const byId = (id) => document.getElementById(id);
const history = new History();
// The times that the reader of the page looks at: by the pointer, and by the control.
const look = { hoveredMs: null, backS: 0 };
let isDrawing = false;

const cards = makeCards(byId, {
  onHover(atMs) {
    look.hoveredMs = atMs;
    drawSoon();
  },
});

const reader = new MetricsReader({
  onReading(reading) {
    history.add(reading);
    byId("trouble").hidden = true;
    byId("key-form").hidden = true;
    document.body.classList.remove("stale", "unread");
    showProcess(reading);
    showNotice(reading);
    showTables(reading);
    draw();
  },
  onTrouble({ text, retryMs }) {
    const since = history.reading === null ? "" : ` The numbers are those of ${formatTime(history.reading.wallMs)}.`;
    byId("trouble-text").textContent = `${text}; the next try is in ${Math.round(retryMs / 1000)} s.${since}`;
    byId("trouble").hidden = false;
    document.body.classList.add("stale");
    showState("unknown");
  },
  onKeyNeeded(hadKey) {
    byId("key-reason").textContent = hadKey
      ? "The service does not know this key. It may have been mistyped or revoked."
      : "This service has API keys, and its metrics need one.";
    byId("trouble").hidden = true;
    byId("key-form").hidden = false;
    document.body.classList.add("stale");
    showState("unknown");
    if (document.activeElement === document.body) byId("key").focus();
  },
  onAttempt(count) {
    // Tests and other scripts can wait for it.
    document.body.dataset.attempts = String(count);
  },
});

function showState(state) {
  const pill = byId("state");
  const text = STATES[state] ?? state;
  // Said aloud only when it changes.
  if (pill.textContent !== text) pill.textContent = text;
  pill.dataset.state = state in STATES ? state : "unknown";
  document.title = `${text} – poolhouse status`;
}

function showProcess(reading) {
  const states = reading.samples.get("poolhouse_state") ?? [];
  showState(states.find(({ value }) => value === 1)?.labels.get("state") ?? "unknown");
  const build = reading.samples.get("poolhouse_build_info")?.[0].labels;
  for (const name of ["version", "torch", "python"]) byId(name).textContent = build?.get(name) ?? "–";
  const startS = gauge(reading, "process_start_time_seconds");
  const nowMs = reading.serverMs ?? reading.wallMs;
  byId("uptime").textContent = formatUptime(startS === null ? null : Math.max(0, nowMs / 1000 - startS));
}

function showNotice({ unreadLines, samples }) {
  const notices = [];
  if (history.isMixed) {
    notices.push("Several instances answer at this address, so counts jump; open the page at the address of one.");
  }
  if (unreadLines > 0) notices.push(`${unreadLines} lines of /metrics could not be read.`);
  if (!samples.has("poolhouse_requests_total") && !samples.has("poolhouse_state")) {
    notices.push("/metrics has no metrics of poolhouse.");
  }
  byId("notice").textContent = notices.join(" ");
  byId("notice").hidden = notices.length === 0;
}

function showTables(reading) {
  const minute = history.increasesOver(TABLE_WINDOW_MS);
  fillTable(byId("devices"), deviceRows(reading, history.increasesOver(WINDOW_MS)));
  fillTable(byId("operators"), operatorRows(minute));
  fillTable(byId("refusals"), counterRows(reading, minute, "poolhouse_refusals_total", "code"));
  fillTable(byId("events"), counterRows(reading, minute, "poolhouse_engine_events_total", "event"));
  fillTable(byId("disconnects"), counterRows(reading, minute, "poolhouse_callers_gone_total", "stage"));
}

function drawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
  });
}

function draw() {
  const { points } = history;
  if (points.length === 0) return;
  const latest = points[points.length - 1];
  const soughtMs = look.hoveredMs ?? (look.backS > 0 ? latest.atMs - 1000 * look.backS : null);
  const shown = soughtMs === null ? latest : history.nearest(soughtMs);
  const isNow = shown === latest;
  const agoS = Math.round((latest.atMs - shown.atMs) / 1000);
  byId("shown").textContent = isNow ? `Now, ${formatTime(latest.wallMs)}` : `${formatTime(shown.wallMs)}, ${agoS} s before`;
  byId("shown").classList.toggle("past", !isNow);
  byId("now").disabled = look.backS === 0;
  for (const card of cards) card.update({ points, shown, momentMs: isNow ? null : shown.atMs });
}

byId("pause").addEventListener("click", (event) => {
  const isPaused = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(isPaused));
  event.currentTarget.textContent = isPaused ? "Resume" : "Pause";
  document.body.classList.toggle("paused", isPaused);
  reader.setPaused(isPaused);
});

byId("moment").min = String(-HISTORY_MS / 1000);
byId("moment").addEventListener("input", (event) => {
  look.backS = -Number(event.currentTarget.value);
  event.currentTarget.setAttribute("aria-valuetext", look.backS === 0 ? "now" : `${look.backS} seconds ago`);
  drawSoon();
});

byId("now").addEventListener("click", () => {
  look.backS = 0;
  byId("moment").value = "0";
  byId("moment").setAttribute("aria-valuetext", "now");
  // The button is about to be disabled.
  byId("moment").focus();
  drawSoon();
});

byId("retry").addEventListener("click", () => reader.start());

byId("host").textContent = location.host;

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("key");
  reader.setKey(field.value.trim());
  field.value = "";
});

reader.start();
