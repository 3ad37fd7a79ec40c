// Read /metrics again and again: while the page is visible, less often while it fails, with a key where one is needed.

import { waitBeforeNext } from "./poll_schedule.js";
import { parsePrometheusText } from "./prometheus_text.js";

// Longer than the service takes under load, shorter than a reader's patience.
const TIMEOUT_MS = 10000;

/**
 * Reads in the background.
 *
 * @param {object} handlers onReading(reading); onTrouble({text, retryMs}); onKeyNeeded(hadKey); and after each of them
 *   onAttempt(count).
 */
export class MetricsReader {
  constructor(handlers) {
    this._handlers = handlers;
    this._key = "";
    this._timer = null;
    this._isReading = false;
    this._failures = 0;
    this._attempts = 0;
    this._isPaused = false;
    this._needsKey = false;
    document.addEventListener("visibilitychange", () => this._restart());
  }

  /** Read now, and from now on. */
  start() {
    this._restart();
  }

  /** Stop reading, or go on. */
  setPaused(isPaused) {
    this._isPaused = isPaused;
    this._restart();
  }

  /** Send a key with each request from now on. It is in this object alone. */
  setKey(key) {
    try {
      new Headers({ Authorization: `Bearer ${key}` });
    } catch {
      // No header can carry it, so it is no key of the service.
      this._handlers.onKeyNeeded(true);
      return;
    }
    this._key = key;
    this._needsKey = false;
    this._restart();
  }

  _restart() {
    clearTimeout(this._timer);
    if (document.hidden || this._isPaused || this._needsKey || this._isReading) return;
    void this._read();
  }

  async _read() {
    this._isReading = true;
    const { waitMs, report } = await this._attempt();
    this._isReading = false;
    report();
    clearTimeout(this._timer);
    if (!document.hidden && !this._isPaused && !this._needsKey) {
      this._timer = setTimeout(() => this._restart(), waitMs);
    }
    this._attempts += 1;
    this._handlers.onAttempt(this._attempts);
  }

  // One request: how long to wait after it, and what to tell the page.
  async _attempt() {
    let response;
    let text;
    try {
      response = await fetch("metrics", {
        headers: this._key === "" ? {} : { Authorization: `Bearer ${this._key}` },
        cache: "no-store",
        credentials: "same-origin",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      return this._failed(error.name === "TimeoutError" ? "No answer within ten seconds" : "The service cannot be reached");
    }
    if (response.status === 401) {
      this._needsKey = true;
      const hadKey = this._key !== "";
      this._key = "";
      return { waitMs: 0, report: () => this._handlers.onKeyNeeded(hadKey) };
    }
    if (!response.ok) {
      const reason = response.status === 429 ? "The key's quota is used up" : `/metrics was refused with ${response.status}`;
      return this._failed(reason, response.headers.get("Retry-After"));
    }
    this._failures = 0;
    const serverMs = Date.parse(response.headers.get("Date") ?? "");
    const reading = {
      ...parsePrometheusText(text),
      atMs: performance.now(),
      wallMs: Date.now(),
      serverMs: Number.isNaN(serverMs) ? null : serverMs,
    };
    return { waitMs: waitBeforeNext(0), report: () => this._handlers.onReading(reading) };
  }

  _failed(text, retryAfter = null) {
    this._failures += 1;
    const waitMs = waitBeforeNext(this._failures, retryAfter);
    return { waitMs, report: () => this._handlers.onTrouble({ text, retryMs: waitMs }) };
  }
}
