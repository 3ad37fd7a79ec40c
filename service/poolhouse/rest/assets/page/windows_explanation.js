// Says in sentences what a window holds, which element wins, and which windows hold an element.

import { wholeNumber } from "./cell_numbers.js";
import { axisNames, axisPositions, cellKind, countKinds, hasWindow, key } from "./trace_model.js";

const LISTED = 6;

/** "row 0, column 1" for an index of the output. */
export function outputPlace(model, index) {
  return place(model.output, index);
}

/** "row 0, column 1" for an index of the input. */
export function inputPlace(model, index) {
  return place(model.input, index);
}

function place(axes, index) {
  if (!axes.isSpatial) return `[${index.join(", ")}]`;
  const names = axisNames(axes);
  return [...axes.slices, axes.rows, axes.columns]
    .filter((axis) => axis !== null)
    .map((axis) => `${names.get(axis)} ${wholeNumber(index[axis])}`)
    .join(", ");
}

/** Where the window lies, and how many of its positions count. */
export function windowSentence(model, element) {
  const counts = countKinds(model, element);
  if (!hasWindow(element)) {
    if (counts.input === 0) return "No element of the input belongs to it.";
    return `It is computed from ${plural(counts.input, "element")} of the input.`;
  }
  const names = axisNames(model.input);
  const ranges = element.window.map((axis, place) => range(names.get(model.spatial[place]), axis));
  const total = counts.input + counts.padding + counts.hanging;
  const parts = [counts.input === total ? "all in the input" : `${counts.input} in the input`];
  if (counts.padding) parts.push(`${counts.padding} in the padding (${paddingWords(model)})`);
  if (counts.hanging) parts.push(`${counts.hanging} over the edge (counted for nothing)`);
  const passed = passedOver(element);
  const tail = passed ? ` ${passed === 1 ? "One is" : `${passed} are`} passed over.` : "";
  return `Its window has ${join(ranges)}, ${plural(total, "position")}: ${join(parts)}.${tail}`;
}

function passedOver(element) {
  return element.counted.filter((isCounted) => !isCounted).length;
}

/** What padding holds, in words. */
export function paddingWords(model) {
  const value = model.padding?.value;
  return value === null || value === undefined ? "not counted" : wholeNumber(value);
}

function range(name, { start, step, count }) {
  const positions = axisPositions({ start, step, count }).map(wholeNumber);
  if (count === 0) return `no ${name}`;
  if (count === 1) return `${name} ${positions[0]}`;
  if (step === 1) return `${name}s ${positions[0]} to ${positions.at(-1)}`;
  const listed = count <= LISTED ? join(positions) : `${positions.slice(0, 3).join(", ")}, … ${positions.at(-1)}`;
  return `${name}s ${listed}`;
}

/** Which element wins, and how its flat index is counted; null if the operator chooses none. */
export function winnerSentence(model, element) {
  const winner = winnerOf(element);
  if (winner === null) return null;
  const { index, value } = winner;
  const place = `${wholeNumber(value)} at ${inputPlace(model, index)} is chosen.`;
  const factors = flatTerms(model, index);
  const flat = winner.flat ?? factors?.result ?? null;
  if (flat === null) return place;
  if (factors === null || factors.symbols === null || factors.result !== flat) return `${place} Its flat index is ${flat}.`;
  return `${place} Its flat index is ${factors.text} = ${flat} (${factors.symbols}).`;
}

/** The element that an output element chooses: its index, value, and its flat index if the output has indices. */
export function winnerOf(element) {
  if (element.winner === null || element.winner === undefined) return null;
  const index = element.positions[element.winner];
  return { index, value: element.values[element.winner], flat: element.results?.indices ?? null };
}

/** The number that labels the winner: the index of the output, else its flat index in the plane. */
export function winnerLabel(model, element) {
  const winner = winnerOf(element);
  if (winner === null) return null;
  return winner.flat ?? flatTerms(model, winner.index)?.result ?? null;
}

function flatTerms(model, index) {
  const { spatial } = model;
  if (!spatial.length) return null;
  const at = spatial.map((axis) => index[axis]);
  const lengths = spatial.map((axis) => model.input.shape[axis]);
  const result = at.reduce((flat, position, place) => flat * lengths[place] + position, 0);
  if (spatial.length === 1) return { result, text: String(result), symbols: null };
  if (spatial.length === 2) {
    return { result, text: `${at[0]} · ${lengths[1]} + ${at[1]}`, symbols: "row · width + column" };
  }
  return {
    result,
    text: `(${at[0]} · ${lengths[1]} + ${at[1]}) · ${lengths[2]} + ${at[2]}`,
    symbols: "(slice · height + row) · width + column",
  };
}

/** What a cell of the input's grid is, and in which windows it is. places: those of the output elements. */
export function inputSentence(model, index, row, column, places) {
  const kind = cellKind(model, row, column);
  const value = model.values.get(key(index));
  const at = inputPlace(model, index);
  const what = {
    input: `Input at ${at} = ${wholeNumber(value)}`,
    padding: `Padding at ${at} (${paddingWords(model)})`,
    hanging: `Outside at ${at}, where no padding is,`,
  }[kind];
  if (places.length === 0) return `${what} is in no window.`;
  const outputs = places.slice(0, LISTED).map((place) => outputPlace(model, model.elements[place].index));
  const more = places.length > LISTED ? `; and ${places.length - LISTED} more` : "";
  const chosen = places.filter((place) => {
    const winner = winnerOf(model.elements[place]);
    return winner !== null && key(winner.index) === key(index) && kind === "input";
  });
  const wins = chosen.length ? ` It is chosen in ${chosen.length} of them.` : "";
  return `${what} is in ${plural(places.length, "window")}: ${outputs.join("; ")}${more}.${wins}`;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function join(parts) {
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
