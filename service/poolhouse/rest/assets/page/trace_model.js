// Reads a trace: which axes are drawn, where each window lies, which windows cover an element.
// All functions are pure, and indices are full indices of a tensor, as in the trace.

import { textsOf } from "./request.js";

/** The largest plane that is drawn, per side, and with its padding. */
const MAX_SIDE = 32;
const MAX_SIDE_WITH_PADDING = 48;

/** The outputs whose elements the trace has, in its order. */
export function tracedOutputs(trace) {
  const names = [...new Set(trace.elements.map((element) => element.output ?? "output"))];
  return names.length ? names : Object.keys(trace.outputs).slice(0, 1);
}

/** The model of one output of a trace, which the view draws.
 *
 * input: the tensor {dtype, shape, texts, data}, its elements as texts or as a typed array (see tensors.js) or as nested
 * lists; without it, elements that no window covers are unknown.
 */
export function readTrace(trace, input = null, output = tracedOutputs(trace)[0]) {
  const elements = trace.elements.filter((element) => (element.output ?? "output") === output);
  // Levels of a pyramid may be pooled from the level before.
  const source = elements[0]?.of ?? "input";
  const isOfInput = source === "input";
  const outputShape = (trace.outputs[output] ?? Object.values(trace.outputs)[0]).shape;
  const spatial = trace.spatial_axes?.input ?? [];
  const model = {
    trace,
    output: drawnAxes(outputShape, trace.spatial_axes?.output ?? []),
    outputName: output,
    input: drawnAxes(isOfInput ? trace.inputs.input.shape : trace.outputs[source].shape, spatial),
    source,
    spec: trace.spec ?? {},
    elements,
    spatial,
    outputSpatial: trace.spatial_axes?.output ?? [],
    padding: trace.padding ?? null,
  };
  model.input.sampleName = "sample";
  model.output.sampleName = "boxes" in trace.inputs ? "box" : "sample";
  model.values = inputValues(model, isOfInput ? input : trace.outputs[source]);
  model.covering = covering(elements);
  model.byIndex = new Map(elements.map((element, place) => [key(element.index), place]));
  model.inputPlanes = elements.map((element) => inputPlane(model, element));
  model.hasWindows = elements.some((element) => hasWindow(element));
  return model;
}

/** Whether an element has a window along the axes, and not only a list of positions. */
export function hasWindow(element) {
  return element.window !== null && element.window !== undefined;
}

export function key(index) {
  return index.join(",");
}

/** The axes of a tensor that a grid draws: rows and columns, slices of a volume, and the axes of planes. */
function drawnAxes(shape, spatial) {
  let shown = spatial.length ? [...spatial] : shape.map((_, axis) => axis).slice(-2);
  const slices = shown.slice(0, -2);
  shown = shown.slice(-2);
  const columns = shown.at(-1) ?? null;
  const rows = shown.length === 2 ? shown[0] : null;
  const planes = shape.map((_, axis) => axis).filter((axis) => !shown.includes(axis) && !slices.includes(axis));
  return {
    shape,
    isSpatial: spatial.length > 0,
    rows,
    columns,
    slices,
    planes,
    height: rows === null ? 1 : shape[rows],
    width: columns === null ? 1 : shape[columns],
  };
}

/** The full index of the cell at a row and column, where the other axes are as in an index. */
export function cellIndex(axes, index, row, column) {
  const full = [...index];
  if (axes.rows !== null) full[axes.rows] = row;
  if (axes.columns !== null) full[axes.columns] = column;
  return full;
}

export function rowOf(axes, index) {
  return axes.rows === null ? 0 : index[axes.rows];
}

export function columnOf(axes, index) {
  return axes.columns === null ? 0 : index[axes.columns];
}

/** Whether two indices lie in the same drawn plane and slice. */
export function isSamePlane(axes, one, other) {
  return [...axes.planes, ...axes.slices].every((axis) => one[axis] === other[axis]);
}

/** The elements of the tensor that the windows go over, by index: numbers, or texts of numbers. */
function inputValues(model, tensor) {
  const { shape } = model.input;
  const values = new Map();
  const flat = flatElements(tensor);
  for (let place = 0; place < flat.length; place += 1) values.set(key(unravel(place, shape)), flat[place]);
  for (const element of model.elements) {
    element.positions.forEach((position, place) => {
      if (!values.has(key(position))) values.set(key(position), element.values[place]);
    });
  }
  return values;
}

/** The elements of a tensor in C order, from its texts, a typed array, or nested lists. */
function flatElements(tensor) {
  if (tensor?.texts) return tensor.texts;
  if (ArrayBuffer.isView(tensor?.data)) return textsOf(tensor);
  return Array.isArray(tensor?.data) ? tensor.data.flat(Infinity) : [];
}

function unravel(place, shape) {
  const index = new Array(shape.length);
  let rest = place;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    index[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}

/** For each element of the input, the places of the output elements whose windows hold it. */
function covering(elements) {
  const places = new Map();
  elements.forEach((element, place) => {
    for (const position of new Set(element.positions.map(key))) {
      if (!places.has(position)) places.set(position, []);
      places.get(position).push(place);
    }
  });
  return places;
}

/** An index of the input in the plane and slice that an output element is computed from. */
function inputPlane(model, element) {
  const winner = element.winner === null || element.winner === undefined ? null : element.positions[element.winner];
  const position = winner ?? element.positions[0];
  if (position) return position;
  const plane = model.input.shape.map(() => 0);
  // Samples and channels of the output are those of the input, as far as there are as many.
  model.input.planes.forEach((axis, place) => {
    const from = model.output.planes[place];
    if (from !== undefined) plane[axis] = Math.min(element.index[from], model.input.shape[axis] - 1);
  });
  model.spatial.forEach((axis, place) => {
    const start = element.window?.[place]?.start ?? 0;
    plane[axis] = Math.min(Math.max(start, 0), model.input.shape[axis] - 1);
  });
  return plane;
}

/** The positions of a window on an axis, ascending, the ones in the padding and outside of it too. */
export function axisPositions({ start, step, count }) {
  return Array.from({ length: count }, (_, place) => start + place * step);
}

/** Whether a position of an axis is in the input, in the padding, or outside of both. */
function kindOf(model, place, position) {
  const length = model.input.shape[model.spatial[place]];
  if (position >= 0 && position < length) return "input";
  const before = model.padding?.before?.[place] ?? 0;
  const after = model.padding?.after?.[place] ?? 0;
  return position >= -before && position < length + after ? "padding" : "hanging";
}

/** How many positions of an element's window are in the input, in the padding, and hang over the edge. */
export function countKinds(model, element) {
  const counts = { input: 0, padding: 0, hanging: 0 };
  if (!hasWindow(element)) return { ...counts, input: element.positions.length };
  // For each axis: how many positions are in the input, and in the input or padding. The rest follows by products.
  let inside = 1;
  let padded = 1;
  let all = 1;
  element.window.forEach((axis, place) => {
    const kinds = axisPositions(axis).map((position) => kindOf(model, place, position));
    inside *= kinds.filter((kind) => kind === "input").length;
    padded *= kinds.filter((kind) => kind !== "hanging").length;
    all *= kinds.length;
  });
  return { input: inside, padding: padded - inside, hanging: all - padded };
}

/** Which places of `model.spatial` are the slices, rows and columns of the input's grid; -1 where there is none. */
function shownPlaces(model) {
  return {
    rows: model.spatial.indexOf(model.input.rows),
    columns: model.spatial.indexOf(model.input.columns),
    slices: model.input.slices.map((axis) => model.spatial.indexOf(axis)),
  };
}

/** The cells of a window in one plane and slice of the input, padding and hanging ones included, as [row, column]. */
export function windowCells(model, element, plane) {
  if (!hasWindow(element)) {
    return element.positions
      .filter((position) => isSamePlane(model.input, position, plane))
      .map((position) => [rowOf(model.input, position), columnOf(model.input, position)]);
  }
  const places = shownPlaces(model);
  const home = model.inputPlanes[model.byIndex.get(key(element.index))];
  if (model.input.planes.some((axis) => home[axis] !== plane[axis])) return [];
  const inSlice = model.input.slices.every((axis, slice) => {
    const window = element.window[places.slices[slice]];
    return axisPositions(window).includes(plane[axis]);
  });
  if (!inSlice) return [];
  const rows = places.rows < 0 ? [0] : axisPositions(element.window[places.rows]);
  const columns = places.columns < 0 ? [0] : axisPositions(element.window[places.columns]);
  return rows.flatMap((row) => columns.map((column) => [row, column]));
}

/** The rows and columns that the input's grid draws: the input, its padding, and what hangs over the edge. */
export function drawnExtent(model) {
  const places = shownPlaces(model);
  const along = (place, length) => {
    let first = 0;
    let end = length;
    if (place >= 0 && model.hasWindows) {
      first = -(model.padding?.before?.[place] ?? 0);
      end = length + (model.padding?.after?.[place] ?? 0);
      for (const element of model.elements) {
        const window = element.window?.[place];
        if (!window || window.count === 0) continue;
        first = Math.min(first, window.start);
        end = Math.max(end, window.start + (window.count - 1) * window.step + 1);
      }
    }
    return { first, end };
  };
  return { rows: along(places.rows, model.input.height), columns: along(places.columns, model.input.width) };
}

/** What a cell of the extended grid is: "input", "padding", or "hanging". */
export function cellKind(model, row, column) {
  const places = shownPlaces(model);
  const kinds = [];
  if (places.rows >= 0) kinds.push(kindOf(model, places.rows, row));
  if (places.columns >= 0) kinds.push(kindOf(model, places.columns, column));
  if (kinds.includes("hanging")) return "hanging";
  return kinds.includes("padding") ? "padding" : "input";
}

/** What a cell of the padding holds: a number, the element that is reflected there, or null if it does not count. */
export function paddingValue(model, index) {
  const value = model.padding?.value ?? null;
  if (value !== "reflected") return value;
  const inner = [...index];
  for (const axis of model.spatial) {
    const last = model.input.shape[axis] - 1;
    const reflected = inner[axis] < 0 ? -inner[axis] : inner[axis] > last ? 2 * last - inner[axis] : inner[axis];
    inner[axis] = Math.min(Math.max(reflected, 0), last);
  }
  return model.values.get(key(inner)) ?? null;
}

/** Why this trace's planes are too large to draw; null if they are not. */
export function tooLarge(model) {
  const extent = drawnExtent(model);
  const sides = [model.input.height, model.input.width, model.output.height, model.output.width];
  const padded = [extent.rows.end - extent.rows.first, extent.columns.end - extent.columns.first];
  if (Math.max(...sides) <= MAX_SIDE && Math.max(...padded) <= MAX_SIDE_WITH_PADDING) return null;
  const size = `${model.input.height} × ${model.input.width} to ${model.output.height} × ${model.output.width}`;
  return `These planes are ${size}; windows are drawn up to ${MAX_SIDE} × ${MAX_SIDE}.`;
}

/** The names of a tensor's axes. Where windows do not move along axes, these have numbers only. */
export function axisNames(axes) {
  const names = new Map(axes.shape.map((_, axis) => [axis, `axis ${axis}`]));
  if (!axes.isSpatial) return names;
  const ofPlanes = axes.planes.length <= 2 ? axes.planes.toReversed() : [];
  ofPlanes.forEach((axis, place) => names.set(axis, ["channel", axes.sampleName][place]));
  axes.slices.forEach((axis) => names.set(axis, "slice"));
  if (axes.rows !== null) names.set(axes.rows, "row");
  names.set(axes.columns, axes.rows === null ? "position" : "column");
  return names;
}
