// Line charts of a few minutes, as SVG.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [300, 60];
// Room for half a stroke at the upper edge and at the lower one.
const EDGE = 2;

/**
 * The parts of a line: where a value is missing, or was not read for long, the line is interrupted.
 *
 * @param {{atMs: number, value: number | null}[]} points oldest first.
 * @param {number} gapMs a longer time without a point interrupts the line.
 * @returns {{atMs: number, value: number}[][]}
 */
export function segmentsOf(points, gapMs) {
  const segments = [];
  let previous = null;
  for (const point of points) {
    if (point.value === null || !Number.isFinite(point.value)) {
      previous = null;
      continue;
    }
    if (previous === null || point.atMs - previous.atMs > gapMs) segments.push([]);
    segments[segments.length - 1].push(point);
    previous = point;
  }
  return segments;
}

/**
 * The path of a line's parts; a point alone is a dot.
 *
 * @param {{atMs: number, value: number}[][]} segments from segmentsOf.
 * @param {{fromMs: number, toMs: number, top: number}} range of the chart; the bottom is 0.
 */
export function linePath(segments, range) {
  const place = ({ atMs, value }) => `${xOf(atMs, range)} ${yOf(value, range)}`;
  return segments.map((segment) => `M${segment.map(place).join("L")}${segment.length === 1 ? "h0" : ""}`).join("");
}

/** The path around the areas under a line's parts. */
export function areaPath(segments, range) {
  const bottom = yOf(0, range);
  return segments
    .filter((segment) => segment.length > 1)
    .map((segment) => {
      const [first, last] = [segment[0].atMs, segment[segment.length - 1].atMs].map((atMs) => xOf(atMs, range));
      return `${linePath([segment], range)}L${last} ${bottom}L${first} ${bottom}Z`;
    })
    .join("");
}

/**
 * The upper end of a scale from 0: 1, 2 or 5 times a power, with a little room above the largest value.
 *
 * @param {(number | null)[]} values that the chart shows.
 * @param {number} base 1024 for bytes, so that the end is a round number of KiB, MiB or GiB.
 */
export function niceTop(values, base = 10) {
  const largest = Math.max(0, ...values.filter((value) => value !== null && Number.isFinite(value)));
  if (largest === 0) return 1;
  const unit = base === 10 ? 1 : base ** Math.max(0, Math.floor(Math.log(1.04 * largest) / Math.log(base)));
  const power = 10 ** Math.floor(Math.log10(largest / unit));
  const factor = [1, 2, 5, 10, 20].find((each) => each * power * unit >= 1.04 * largest);
  return factor * power * unit;
}

/** A chart without lines; drawLines fills it. */
export function makeChart(lineCount) {
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  svg.append(element("path", { class: "area" }));
  svg.append(element("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - EDGE, y2: HEIGHT - EDGE }));
  for (let index = 0; index < lineCount; index += 1) svg.append(element("path", { class: `line line-${index}` }));
  svg.append(element("line", { class: "moment", y1: 0, y2: HEIGHT, hidden: "" }));
  return svg;
}

/**
 * Draw lines into a chart.
 *
 * @param {SVGElement} svg from makeChart.
 * @param {{atMs: number, value: number | null}[][]} lines as many as the chart has.
 * @param {{fromMs: number, toMs: number, top: number}} range of the chart.
 * @param {number} gapMs as for segmentsOf.
 * @param {number | null} momentMs a time to mark.
 */
export function drawLines(svg, lines, range, gapMs, momentMs) {
  const paths = svg.querySelectorAll(".line");
  lines.forEach((points, index) => {
    const segments = segmentsOf(points, gapMs);
    paths[index].setAttribute("d", linePath(segments, range));
    if (index === 0) svg.querySelector(".area").setAttribute("d", areaPath(segments, range));
  });
  const moment = svg.querySelector(".moment");
  moment.toggleAttribute("hidden", momentMs === null);
  if (momentMs !== null) {
    moment.setAttribute("x1", xOf(momentMs, range));
    moment.setAttribute("x2", xOf(momentMs, range));
  }
}

/** The time at a place of a chart. */
export function timeAt(svg, clientX, range) {
  const box = svg.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
  return range.fromMs + share * (range.toMs - range.fromMs);
}

function xOf(atMs, { fromMs, toMs }) {
  return round((WIDTH * (atMs - fromMs)) / (toMs - fromMs));
}

function yOf(value, { top }) {
  return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * Math.min(1, Math.max(0, value / top)));
}

const round = (value) => Math.round(100 * value) / 100;

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
