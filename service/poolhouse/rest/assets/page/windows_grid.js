// Draws one plane as a grid of cells in SVG, which is an ARIA grid: the arrow keys go from cell to cell.
// The grid decides nothing: it draws the cells and marks that it is given, and reports cells under pointer and focus.

import { element as html } from "./dom.js";
import { svg } from "./svg.js";

const CELL = 40;
const HEADING = 22;
const FONT = 14;
const MIN_CELL_FOR_NUMBERS_PX = 25;

/** A grid.
 *
 * label: its name for assistive technology.
 * on: {point(cell | null), focus(cell), choose(cell)}, where a cell is the object that draw() was given.
 *
 * Returns {element, draw, mark, cellAt, destroy}.
 */
export function makeGrid({ label, on }) {
  const cellsLayer = svg("g", { class: "cells", role: "presentation" });
  const outline = svg("path", { class: "outline" });
  const linked = svg("path", { class: "linked" });
  const holes = svg("path", { class: "holes" });
  const frame = svg("g", { class: "frame" }, holes, outline);
  const rings = svg("g", { class: "rings" });
  const cursor = svg("rect", { class: "cursor", x: 1.5, y: 1.5, width: CELL - 3, height: CELL - 3, rx: 4 });
  cursor.style.display = "none";
  const headings = svg("g", { class: "headings", "aria-hidden": "true" });
  const marks = svg("g", { class: "marks", "aria-hidden": "true" }, linked, frame, rings, cursor);
  const element = svg("svg", { role: "grid", class: "grid" }, cellsLayer, headings, marks);
  const figure = html(
    "div",
    { class: "grid-box" },
    element,
    html("p", { class: "no-numbers" }, "There is no room for numbers: point at a cell for its value."),
  );
  element.setAttribute("aria-label", label);

  let drawn = new Map();
  let order = [];
  let active = null;
  let isRedrawing = false;
  let columns = 1;
  let origin = { row: 0, column: 0 };

  const name = (row, column) => `${row},${column}`;
  const cellOf = (target) => {
    const group = target instanceof Element ? target.closest("[data-cell]") : null;
    return group ? (drawn.get(group.dataset.cell) ?? null) : null;
  };

  /** Draw cells: {row, column, kind, text, title, note, shade, index}. An earlier focus stays where it was. */
  function draw(cells, { rows, columns: across }) {
    const hadFocus = element.contains(document.activeElement);
    isRedrawing = true;
    columns = across.end - across.first;
    origin = { row: rows.first, column: across.first };
    const height = rows.end - rows.first;
    const x = (column) => HEADING + (column - across.first) * CELL;
    const y = (row) => HEADING + (row - rows.first) * CELL;
    element.setAttribute("viewBox", `0 0 ${HEADING + columns * CELL + 2} ${HEADING + height * CELL + 2}`);
    element.setAttribute("aria-rowcount", height);
    element.setAttribute("aria-colcount", columns);
    figure.style.setProperty("--columns", String(columns));

    drawn = new Map();
    order = [];
    const lines = new Map();
    for (const cell of cells) {
      const group = drawCell(cell, x(cell.column), y(cell.row), cell.column - across.first + 1);
      group.dataset.cell = name(cell.row, cell.column);
      drawn.set(group.dataset.cell, { ...cell, group, x: x(cell.column), y: y(cell.row) });
      order.push(group.dataset.cell);
      if (!lines.has(cell.row)) {
        lines.set(cell.row, svg("g", { role: "row", "aria-rowindex": cell.row - rows.first + 1 }));
      }
      lines.get(cell.row).append(group);
    }
    cellsLayer.replaceChildren(...lines.values());
    drawHeadings(rows, across, x, y);
    setActive(active !== null && drawn.has(active) ? active : (order[0] ?? null));
    if (hadFocus && active !== null) drawn.get(active).group.focus({ preventScroll: true });
    isRedrawing = false;
    fit();
  }

  function drawHeadings(rows, across, x, y) {
    const heading = (at, center, middle) =>
      svg("text", { x: center, y: middle, class: "heading" }, String(at).replace("-", "−"));
    const made = [];
    for (let column = across.first; column < across.end; column += 1) {
      made.push(heading(column, x(column) + CELL / 2, HEADING / 2));
    }
    if (rows.end - rows.first > 1) {
      for (let row = rows.first; row < rows.end; row += 1) made.push(heading(row, HEADING / 2, y(row) + CELL / 2));
    }
    headings.replaceChildren(...made);
  }

  /** Show which cells are in the window, linked, chosen.
   *
   * window: [[row, column], ...]; linked: the same, of the cells that belong to a cell of the other grid;
   * ring: {row, column, label} or null; struck: the cells that were passed over; ahead: those that are still to come;
   * weights: {"row,column": text}; samples: points between the cells, [row, column].
   */
  function mark({ window = [], linked: links = [], ring = null, struck = [], ahead = [], weights = {}, samples = [] }) {
    const inWindow = new Set(window.map(([row, column]) => name(row, column)));
    const isLinked = new Set(links.map(([row, column]) => name(row, column)));
    const isStruck = new Set(struck.map(([row, column]) => name(row, column)));
    const isAhead = new Set(ahead.map(([row, column]) => name(row, column)));
    for (const [place, cell] of drawn) {
      const { classList } = cell.group;
      classList.toggle("in-window", inWindow.has(place));
      classList.toggle("is-linked", isLinked.has(place));
      classList.toggle("passed-over", isStruck.has(place));
      classList.toggle("ahead", isAhead.has(place));
      cell.group.setAttribute("aria-selected", String(inWindow.has(place)));
      classList.toggle("has-weight", place in weights);
    }
    drawOutline(inWindow, window.filter(([row, column]) => drawn.has(name(row, column))));
    linked.setAttribute("d", boundary(isLinked, 0, 0));
    rings.replaceChildren(
      ...[...isStruck].map(drawStrike),
      ...Object.entries(weights).map(drawWeight),
      ...samples.map(drawSample),
      ...(ring === null ? [] : drawRing(ring)),
    );
  }

  function drawOutline(inWindow, present) {
    if (present.length === 0) {
      outline.setAttribute("d", "");
      holes.setAttribute("d", "");
      return;
    }
    const boxes = present.map(([row, column]) => drawn.get(name(row, column)));
    const left = Math.min(...boxes.map((box) => box.x));
    const top = Math.min(...boxes.map((box) => box.y));
    const right = Math.max(...boxes.map((box) => box.x)) + CELL;
    const bottom = Math.max(...boxes.map((box) => box.y)) + CELL;
    // The path is drawn at the origin and moved, so that the same window slides to its next place.
    outline.setAttribute("d", boundary(inWindow, left, top));
    holes.setAttribute("d", `M0 0H${right - left}V${bottom - top}H0Z`);
    frame.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** The boundary of a set of cells, relative to a point. */
  function boundary(places, left, top) {
    const edges = [];
    for (const place of places) {
      const cell = drawn.get(place);
      if (!cell) continue;
      const { row, column } = cell;
      const [x0, y0] = [cell.x - left, cell.y - top];
      if (!places.has(name(row - 1, column))) edges.push(`M${x0} ${y0}h${CELL}`);
      if (!places.has(name(row + 1, column))) edges.push(`M${x0} ${y0 + CELL}h${CELL}`);
      if (!places.has(name(row, column - 1))) edges.push(`M${x0} ${y0}v${CELL}`);
      if (!places.has(name(row, column + 1))) edges.push(`M${x0 + CELL} ${y0}v${CELL}`);
    }
    return edges.join("");
  }

  function drawStrike(place) {
    const cell = drawn.get(place);
    return svg("path", { class: "strike", d: `M${cell.x + 7} ${cell.y + CELL - 9}L${cell.x + CELL - 7} ${cell.y + 9}` });
  }

  function drawWeight([place, text]) {
    const cell = drawn.get(place);
    return svg("text", { class: "weight", x: cell.x + CELL / 2, y: cell.y + CELL - 6 }, text);
  }

  /** A dot; the center of a cell is at whole numbers. */
  function drawSample([row, column]) {
    const cx = HEADING + (column - origin.column + 0.5) * CELL;
    const cy = HEADING + (row - origin.row + 0.5) * CELL;
    return svg("circle", { class: "sample", cx, cy, r: 3 });
  }

  function drawRing({ row, column, label }) {
    const cell = drawn.get(name(row, column));
    if (!cell) return [];
    const center = { cx: cell.x + CELL / 2, cy: cell.y + CELL / 2 };
    const made = [svg("circle", { class: "ring", ...center, r: CELL / 2 - 3 })];
    if (label !== null && label !== undefined) {
      const text = `#${label}`;
      const width = 7 + text.length * 6.2;
      const at = { x: cell.x + CELL - width / 2 - 1, y: cell.y + CELL - 3 };
      made.push(svg("rect", { class: "label-box", x: at.x - width / 2, y: at.y - 7, width, height: 13, rx: 3 }));
      made.push(svg("text", { class: "label", x: at.x, y: at.y }, text));
    }
    return made;
  }

  function setActive(place) {
    if (active !== null) drawn.get(active)?.group.setAttribute("tabindex", "-1");
    active = place;
    if (active !== null) drawn.get(active).group.setAttribute("tabindex", "0");
  }

  function showCursor(cell) {
    cursor.style.display = cell ? "" : "none";
    if (cell) cursor.setAttribute("transform", `translate(${cell.x} ${cell.y})`);
  }

  const next = (cell, event) => {
    const { row, column } = cell;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key in steps) {
      const [down, right] = steps[event.key];
      return drawn.get(name(row + down, column + right)) ?? null;
    }
    const places = [...drawn.values()];
    const line = event.ctrlKey ? places : places.filter((other) => other.row === row);
    if (event.key === "Home") return line[0];
    if (event.key === "End") return line.at(-1);
    return null;
  };

  element.addEventListener("pointerover", (event) => on.point(cellOf(event.target)));
  element.addEventListener("pointerleave", () => on.point(null));
  element.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (cell === null) return;
    cell.group.focus({ preventScroll: true });
    on.choose(cell);
  });
  element.addEventListener("focusin", (event) => {
    const cell = cellOf(event.target);
    if (cell === null) return;
    setActive(event.target.closest("[data-cell]").dataset.cell);
    if (cell.group.matches(":focus-visible")) showCursor(cell);
    // A focus that only stays where it was is no choice of the reader's.
    if (!isRedrawing) on.focus(cell);
  });
  element.addEventListener("focusout", () => showCursor(null));
  element.addEventListener("keydown", (event) => {
    const cell = cellOf(event.target);
    if (cell === null) return;
    const to = next(cell, event);
    if (to !== null) {
      event.preventDefault();
      to.group.focus();
    } else if (event.key === "Enter") on.choose(cell);
    else if (event.key.startsWith("Arrow")) event.preventDefault();
  });

  function fit() {
    const width = element.getBoundingClientRect().width;
    const cell = (width * CELL) / (HEADING + columns * CELL + 2);
    element.classList.toggle("dense", width > 0 && cell < MIN_CELL_FOR_NUMBERS_PX);
  }
  const observer = new ResizeObserver(fit);
  observer.observe(element);

  return {
    element: figure,
    draw,
    mark,
    /** The cell at a row and column. */
    cellAt: (row, column) => drawn.get(name(row, column)) ?? null,
    /** Let the tab key reach this cell. */
    activate: (row, column) => {
      if (drawn.has(name(row, column)) && !element.contains(document.activeElement)) setActive(name(row, column));
    },
    setLabel: (text) => element.setAttribute("aria-label", text),
    destroy: () => observer.disconnect(),
  };

  function drawCell(cell, x, y, columnIndex) {
    const size = Math.min(FONT, (CELL - 6) / (Math.max(cell.text.length, 1) * 0.58));
    const value = svg("text", { class: "value", x: CELL / 2, y: CELL / 2, "font-size": size.toFixed(1) }, cell.text);
    const faces = [svg("rect", { class: "face", width: CELL, height: CELL })];
    if (cell.shade) {
      const shade = svg("rect", { class: "shade", width: CELL, height: CELL });
      shade.style.setProperty("--shade", cell.shade.toFixed(3));
      faces.push(shade);
    }
    if (cell.isUncovered) faces.push(svg("rect", { class: "frame-of-uncovered", x: 4, y: 4, width: CELL - 8, height: CELL - 8 }));

    if (cell.kind === "padding") faces.push(svg("path", { class: "hatch", d: hatch() }));
    const note = cell.note ? svg("text", { class: "note", x: CELL - 3, y: CELL - 4 }, cell.note) : null;
    return svg(
      "g",
      {
        role: "gridcell",
        class: `cell ${cell.kind}${cell.isUncovered ? " uncovered" : ""}`,
        tabindex: -1,
        transform: `translate(${x} ${y})`,
        "aria-colindex": columnIndex,
      },
      svg("title", {}, cell.title),
      // The title is the name for assistive technology, and says all of this.
      svg("g", { "aria-hidden": "true" }, ...faces, value, note),
    );
  }
}

function hatch() {
  const lines = [];
  for (let at = 10; at < 2 * CELL; at += 10) {
    const [from, to] = at <= CELL ? [0, at] : [at - CELL, CELL];
    lines.push(`M${from} ${to}L${to} ${from}`);
  }
  return lines.join("");
}
