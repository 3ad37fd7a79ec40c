// Draws the windows of one axis below its positions, one line each: what size formulas count.

import { wholeNumber } from "./cell_numbers.js";
import { svg } from "./elements.js";
import { axisPositions } from "./trace_model.js";
import { droppedWindow } from "./size_formula.js";

const CELL = 20;
const LABEL = 26;
const ROOMY_ROWS = 12;

/** A picture of an axis of size_formula.js: {element, show(window)}, where show marks the number of the current one. */
export function drawAxis(axis) {
  const dropped = droppedWindow(axis);
  const lines = dropped === null ? axis.windows : [...axis.windows, dropped];
  const positions = lines.filter(({ count }) => count > 0).flatMap((window) => [window.start, lastOf(window)]);
  const first = Math.min(-axis.before, ...positions);
  const end = Math.max(axis.length + axis.after, ...positions.map((position) => position + 1));
  const step = lines.length > ROOMY_ROWS ? 9 : 15;
  const x = (position) => LABEL + (position - first) * CELL;
  const width = LABEL + (end - first) * CELL + 4;
  const height = CELL + 8 + lines.length * step;

  const ruler = [];
  for (let position = first; position < end; position += 1) {
    const kind = kindOf(axis, position);
    ruler.push(svg("rect", { class: `tick ${kind}`, x: x(position), y: 1, width: CELL, height: CELL - 2 }));
    ruler.push(svg("text", { class: "number", x: x(position) + CELL / 2, y: CELL / 2 }, wholeNumber(position)));
  }
  const rows = lines.map((window, number) => {
    const y = CELL + 8 + number * step + step / 2;
    const isDropped = dropped !== null && number === lines.length - 1;
    const parts = [svg("text", { class: "number", x: LABEL / 2, y }, isDropped ? "✕" : String(number))];
    if (window.count > 0) {
      const from = x(window.start);
      const bar = { class: "bar", x: from + 1, y: y - step / 2 + 1.5, height: step - 3, rx: 3 };
      parts.push(svg("rect", { ...bar, width: x(lastOf(window)) + CELL - from - 2 }));
      for (const position of axisPositions(window)) {
        const dot = { cx: x(position) + CELL / 2, cy: y, r: step > 9 ? 3 : 2 };
        parts.push(svg("circle", { class: `dot ${kindOf(axis, position)}`, ...dot }));
      }
    }
    return svg("g", { class: isDropped ? "line dropped" : "line" }, ...parts);
  });
  const picture = svg(
    "svg",
    { class: "axis-diagram", role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": description(axis, dropped) },
    svg("g", { "aria-hidden": "true" }, ...ruler, ...rows),
  );
  picture.style.maxWidth = `${width * 1.15}px`;
  return {
    element: picture,
    show: (number) => rows.forEach((row, place) => row.classList.toggle("current", place === number)),
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
