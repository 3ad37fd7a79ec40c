// Computes what the two grids draw: the cells of a plane, and the marks of a window on it.

import { asNumber, shortNumber, wholeNumber } from "./cell_numbers.js";
import {
  cellIndex,
  cellKind,
  columnOf,
  drawnExtent,
  hasWindow,
  isSamePlane,
  key,
  paddingValue,
  rowOf,
  windowCells,
} from "./trace_model.js";
import { inputPlace, outputPlace, paddingWords, plural, winnerLabel, winnerOf } from "./windows_explanation.js";

/** The extents and cells of the input's plane that holds an index; with counts in place of values if asked. */
export function inputCells(model, plane, isCounting) {
  const extent = drawnExtent(model);
  const covered = coveredCells(model, plane);
  const inner = [];
  const cells = [];
  for (let row = extent.rows.first; row < extent.rows.end; row += 1) {
    for (let column = extent.columns.first; column < extent.columns.end; column += 1) {
      const kind = cellKind(model, row, column);
      const places = covered.get(`${row},${column}`) ?? [];
      if (kind === "hanging" && places.length === 0) continue;
      const index = cellIndex(model.input, plane, row, column);
      const cell = { row, column, kind, index, places, isUncovered: kind === "input" && places.length === 0 };
      if (kind === "input") inner.push(cell);
      cell.value = kind === "padding" ? paddingValue(model, index) : model.values.get(key(index));
      if (!isCounting) cell.text = cellText(cell);
      else cell.text = kind === "input" ? String(places.length) : "";
      cell.title = cellTitle(model, cell);
      cells.push(cell);
    }
  }
  if (isCounting) {
    const most = Math.max(1, ...inner.map(({ places }) => places.length));
    for (const cell of inner) cell.shade = cell.places.length / most;
  } else addShades(inner);
  return { extent, cells };
}

/** For each cell of a plane of the input, "row,column", the places of the elements whose windows hold it. */
function coveredCells(model, plane) {
  const covered = new Map();
  model.elements.forEach((element, place) => {
    for (const name of new Set(windowCells(model, element, plane).map(([row, column]) => `${row},${column}`))) {
      if (!covered.has(name)) covered.set(name, []);
      covered.get(name).push(place);
    }
  });
  return covered;
}

function cellText({ kind, value }) {
  if (kind === "hanging") return "";
  return value === null ? "" : shortNumber(value);
}

function cellTitle(model, { kind, value, index, places }) {
  const at = inputPlace(model, index).replaceAll("-", "−");
  const what = { input: wholeNumber(value), padding: `padding, ${paddingWords(model)}`, hanging: "over the edge" }[kind];
  return `${at}: ${what}; in ${plural(places.length, "window")}`;
}

/** The extents and cells of the output's plane that holds an index. */
export function outputCells(model, current) {
  const { output } = model;
  const cells = model.elements
    .map((element, place) => ({ element, place }))
    .filter(({ element }) => isSamePlane(output, element.index, current))
    .map(({ element, place }) => {
      const value = element.results?.[model.outputName];
      const flat = element.results?.indices;
      const others = Object.entries(element.results ?? {}).filter(([name]) => name !== model.outputName);
      const more = others.map(([name, result]) => `; ${name} ${wholeNumber(result)}`).join("");
      return {
        row: rowOf(output, element.index),
        column: columnOf(output, element.index),
        kind: "output",
        index: element.index,
        place,
        value,
        text: shortNumber(value),
        note: flat === undefined || flat === null ? null : `#${flat}`,
        title: `${outputPlace(model, element.index)}: ${wholeNumber(value)}${more}`,
      };
    });
  addShades(cells);
  return {
    extent: { rows: { first: 0, end: output.height }, columns: { first: 0, end: output.width } },
    cells,
  };
}

/** Shade cells by their values, from the least of them to the largest. */
function addShades(cells) {
  const numbers = cells.map(({ value }) => asNumber(value)).filter(Number.isFinite);
  const least = Math.min(...numbers);
  const span = Math.max(...numbers) - least;
  for (const cell of cells) {
    const number = asNumber(cell.value);
    cell.shade = span > 0 && Number.isFinite(number) ? (number - least) / span : 0;
  }
}

/** What to mark on the input's grid for an output element: its window, its winner, what is passed over, the weights. */
export function windowMarks(model, element, plane) {
  const isShown = (position) => isSamePlane(model.input, position, plane);
  const at = (position) => [rowOf(model.input, position), columnOf(model.input, position)];
  const winner = winnerOf(element);
  const ring = winner !== null && isShown(winner.index) ? ringAt(at(winner.index), winnerLabel(model, element)) : null;
  const struck = element.positions.filter((position, place) => element.counted[place] === false && isShown(position));
  return {
    window: windowCells(model, element, plane),
    ring,
    struck: struck.map(at),
    samples: element.samples ?? [],
    weights: weightsOf(model, element, isShown, at),
  };
}

function ringAt([row, column], label) {
  return { row, column, label };
}

/** The weight of each cell, as text; an element that is sampled more than once has the sum. */
function weightsOf(model, element, isShown, at) {
  const sums = {};
  if (element.weights && model.input.slices.length === 0 && hasWindow(element)) {
    // Positions that stand for the padding, too, are one for each cell of the window.
    const cells = windowCells(model, element, element.positions[0] ?? []);
    if (cells.length === element.weights.length) {
      return Object.fromEntries(cells.map((cell, place) => [cell.join(), `×${shortNumber(element.weights[place])}`]));
    }
  }
  (element.weights ?? []).forEach((weight, place) => {
    const position = element.positions[place];
    if (!isShown(position)) return;
    const name = at(position).join();
    sums[name] = (sums[name] ?? 0) + Number(weight);
  });
  return Object.fromEntries(Object.entries(sums).map(([name, weight]) => [name, `×${shortNumber(weight)}`]));
}

/** How many positions of an element are not in the plane and slice that is shown. */
export function hiddenPositions(model, element, plane) {
  return element.positions.filter((position) => !isSamePlane(model.input, position, plane)).length;
}

/** Which marks the drawn cells can have, for the legend. */
export function legendOf(model, cells) {
  const has = (kind) => cells.some((cell) => cell.kind === kind);
  const elements = model.elements;
  return {
    window: true,
    winner: elements.some((element) => winnerOf(element) !== null),
    padding: has("padding"),
    hanging: has("hanging"),
    uncovered: cells.some((cell) => cell.isUncovered),
    struck: elements.some((element) => element.counted.includes(false)),
    weights: elements.some((element) => element.weights),
    samples: elements.some((element) => element.samples?.length),
    holes: elements.some((element) => hasWindow(element) && element.window.some(({ step, count }) => step > 1 && count > 1)),
  };
}
