// Numbers as text, with units.

const NONE = "–";
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Three digits, or all of a number's whole part. */
export function formatNumber(value) {
  if (!isNumber(value)) return NONE;
  return Math.abs(value) >= 1000 ? whole.format(value) : significant.format(value);
}

/** A number per second. */
export const formatRate = (value) => withUnit(value, formatNumber, "/s");

/** A duration in the unit that fits it. */
export function formatSeconds(seconds) {
  if (!isNumber(seconds)) return NONE;
  if (seconds === 0) return "0 s";
  if (seconds < 1e-3) return `${formatNumber(1e6 * seconds)} µs`;
  return seconds < 1 ? `${formatNumber(1e3 * seconds)} ms` : `${formatNumber(seconds)} s`;
}

/** Bytes in powers of 1024. */
export function formatBytes(bytes) {
  if (!isNumber(bytes)) return NONE;
  let [value, unit] = [bytes, 0];
  // 1023.9 would be written as 1,024.
  while (Math.abs(value) >= 999.5 && unit + 1 < BYTE_UNITS.length) [value, unit] = [value / 1024, unit + 1];
  return `${formatNumber(value)} ${BYTE_UNITS[unit]}`;
}

/** A number of cores. */
export const formatCores = (value) => withUnit(value, formatNumber, value === 1 ? " core" : " cores");

/** Bytes per second. */
export const formatByteRate = (bytes) => withUnit(bytes, formatBytes, "/s");

/** A share from 0 to 1 as a percentage. */
export const formatShare = (share) => (isNumber(share) ? `${formatNumber(100 * share)} %` : NONE);

/** The two largest units of a time that a service has run. */
export function formatUptime(seconds) {
  if (!isNumber(seconds)) return NONE;
  const units = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = units.findIndex(([amount]) => amount > 0);
  const shown = first < 0 ? units.slice(3) : units.slice(first, first + 2);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

/** The time of day. */
export const formatTime = (wallMs) => new Date(wallMs).toLocaleTimeString("en-GB");

function withUnit(value, format, unit) {
  return isNumber(value) ? `${format(value)}${unit}` : NONE;
}

function isNumber(value) {
  return value !== null && value !== undefined && !Number.isNaN(value);
}
