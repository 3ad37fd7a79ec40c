// Draws the windows of one axis below its positions, one line each: what size formulas count.

import { wholeNumber } from "./cell_numbers.js";
import { droppedWindow } from "./size_formula.js";
import { svg } from "./svg.js";
import { axisPositions } from "./trace_model.js";

const CELL = 20;
const LABEL = 26;
const LINE = 15;
/** Of more windows the first and the last are drawn, and the current one between them. */
const MOST_LINES = 9;
const FIRST_LINES = 4;
/** Of more positions every fifth has its number. */
const MOST_NUMBERS = 20;

/** A picture of an axis of size_formula.js: {element, show(number)}, where show marks the window of that number. */
export function drawAxis(axis) {
  const dropped = droppedWindow(axis);
  const lines = dropped === null ? axis.windows : [...axis.windows, dropped];
  const positions = lines.filter(({ count }) => count > 0).flatMap((window) => [window.start, lastOf(window)]);
  const first = Math.min(-axis.before, ...positions);
  const end = Math.max(axis.length + axis.after, ...positions.map((position) => position + 1));
  const x = (position) => LABEL + (position - first) * CELL;
  const isAbridged = lines.length > MOST_LINES;
  const shown = Math.min(lines.length, MOST_LINES);
  const width = LABEL + (end - first) * CELL + 4;
  const height = CELL + 8 + shown * LINE;
  const rows = svg("g", {});
  const picture = svg(
    "svg",
    { class: "axis-diagram", role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": description(axis, dropped) },
    svg("g", { "aria-hidden": "true" }, ...ruler(), rows),
  );
  picture.classList.toggle("long", end - first > MOST_NUMBERS);
  picture.style.maxWidth = `${width * 1.15}px`;

  function ruler() {
    const every = end - first > MOST_NUMBERS ? 5 : 1;
    const parts = [];
    for (let position = first; position < end; position += 1) {
      const kind = kindOf(axis, position);
      parts.push(svg("rect", { class: `tick ${kind}`, x: x(position), y: 1, width: CELL, height: CELL - 2 }));
      if (position % every === 0) {
        parts.push(svg("text", { class: "number", x: x(position) + CELL / 2, y: CELL / 2 }, wholeNumber(position)));
      }
    }
    return parts;
  }

  function line(number, row, current) {
    const y = CELL + 8 + row * LINE + LINE / 2;
    if (number === null) return svg("text", { class: "number", x: LABEL / 2, y }, "⋮");
    const window = lines[number];
    const isDropped = dropped !== null && number === lines.length - 1;
    const parts = [svg("text", { class: "number", x: LABEL / 2, y }, isDropped ? "✕" : String(number))];
    if (window.count > 0) {
      const from = x(window.start);
      const bar = { class: "bar", x: from + 1, y: y - LINE / 2 + 1.5, height: LINE - 3, rx: 3 };
      parts.push(svg("rect", { ...bar, width: x(lastOf(window)) + CELL - from - 2 }));
      for (const position of axisPositions(window)) {
        parts.push(svg("circle", { class: `dot ${kindOf(axis, position)}`, cx: x(position) + CELL / 2, cy: y, r: 3 }));
      }
    }
    const state = isDropped ? " dropped" : number === current ? " current" : "";
    return svg("g", { class: `line${state}` }, ...parts);
  }

  /** The windows that are drawn, from top to bottom; null stands for those between. */
  function drawnLines(current) {
    const all = lines.map((_, number) => number);
    if (!isAbridged) return all;
    const top = all.slice(0, FIRST_LINES);
    const bottom = all.slice(1 - (MOST_LINES - FIRST_LINES));
    return [...top, top.includes(current) || bottom.includes(current) ? null : current, ...bottom];
  }

  return {
    element: picture,
    show(current) {
      rows.replaceChildren(...drawnLines(current).map((number, row) => line(number, row, current)));
    },
  };
}

function lastOf({ start, step, count }) {
  return start + step * (count - 1);
}

function kindOf(axis, position) {
  if (position >= 0 && position < axis.length) return "input";
  return position >= -axis.before && position < axis.length + axis.after ? "padding" : "hanging";
}

function description(axis, dropped) {
  const each = axis.windows
    .map((window, number) => `window ${number} from ${wholeNumber(window.start)} to ${wholeNumber(lastOf(window))}`)
    .join(", ");
  const last = dropped === null ? "" : `; dropped: from ${wholeNumber(dropped.start)} to ${wholeNumber(lastOf(dropped))}`;
  return `Windows along the ${axis.names.join("s and ")}s: ${each}${last}.`;
}
