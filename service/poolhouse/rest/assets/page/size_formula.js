// Derives the size of an output along each axis in numbers, and says why the last window exists or is dropped.

import { wholeNumber } from "./cell_numbers.js";
import { axisNames, hasWindow } from "./trace_model.js";
import { join, plural } from "./windows_explanation.js";

const KERNEL_FIELDS = ["kernel_size", "pool_size", "kernel_shape", "filter_size"];
const STRIDE_FIELDS = ["stride", "strides"];
const LISTED_STARTS = 5;

/** For each axis that windows move along: its windows, if they are the same in each plane, and the formulas. */
export function sizeAxes(model) {
  const names = axisNames(model.input);
  const formulas = (model.trace.formula ?? []).filter((each) => (each.output ?? model.outputName) === model.outputName);
  const axes = model.spatial.map((axis, place) => {
    const windows = windowsAlong(model, place);
    const ofAxis = formulas.filter((each) => each.axis === axis);
    const described = {
      name: names.get(axis),
      places: [place],
      length: model.input.shape[axis],
      outputs: ofAxis.length ? ofAxis.map((each) => each.outputs) : [windows.length],
      before: model.padding?.before?.[place] ?? 0,
      after: model.padding?.after?.[place] ?? 0,
      texts: ofAxis.map((each) => each.text),
      windows,
    };
    return { ...described, ...sliding(model, described, place) };
  });
  return merged(axes.filter((axis) => axis.windows.length > 0 || axis.texts.length > 0));
}

/** The window of each output position along one axis; none if they differ from plane to plane. */
function windowsAlong(model, place) {
  const outputAxis = model.outputSpatial[place];
  const windows = [];
  for (const element of model.elements) {
    if (!hasWindow(element)) continue;
    const at = outputAxis === undefined ? 0 : element.index[outputAxis];
    windows[at] ??= element.window[place];
    if (!isSameWindow(windows[at], element.window[place])) return [];
  }
  return windows.includes(undefined) ? [] : windows;
}

function isSameWindow(one, other) {
  return one.start === other.start && one.step === other.step && one.count === other.count;
}

/** Axes that agree in all are described once. */
function merged(axes) {
  const groups = new Map();
  for (const axis of axes) {
    const { name, places, ...facts } = axis;
    const agreed = JSON.stringify(facts);
    const group = groups.get(agreed);
    if (group) {
      group.places.push(...places);
      group.names.push(name);
    } else groups.set(agreed, { ...axis, names: [name] });
  }
  return [...groups.values()].map((group) => ({ ...group, name: group.names.length > 1 ? "position" : group.name }));
}

/** The numbers of sliding windows; empty for windows of another kind. */
function sliding(model, axis, place) {
  const { spec } = model;
  const field = KERNEL_FIELDS.find((name) => spec[name] !== undefined && spec[name] !== null);
  const windows = axis.windows;
  const isRegular = windows.every(({ step, count }) => step === windows[0].step && count === windows[0].count);
  if (field === undefined || windows.length === 0 || !isRegular) return { isSliding: false };
  const strides = windows.slice(1).map(({ start }, number) => start - windows[number].start);
  if (strides.some((stride) => stride !== strides[0])) return { isSliding: false };
  const kernel = windows[0].count;
  const given = STRIDE_FIELDS.map((name) => spec[name]).find((value) => value !== undefined && value !== null);
  const stride = strides[0] ?? (Array.isArray(given) ? given[place] : given) ?? kernel;
  const dilation = kernel > 1 ? windows[0].step : 1;
  const span = dilation * (kernel - 1) + 1;
  const slack = axis.length + axis.before + axis.after - span;
  if (slack < 0 || windows[0].start !== -axis.before) return { isSliding: false };
  const whole = Math.floor(slack / stride) + 1;
  if (windows.length !== whole && windows.length !== whole + 1) return { isSliding: false };
  const last = windows.at(-1).start + span - 1;
  return {
    isSliding: true,
    kernel,
    stride,
    dilation,
    span,
    slack,
    whole,
    rest: slack % stride,
    nextStart: whole * stride - axis.before,
    hangs: Math.max(last - (axis.length + axis.after - 1), 0),
    hasCeilMode: spec.ceil_mode !== undefined,
    isCeil: Boolean(spec.ceil_mode ?? windows.length > whole),
  };
}

/** The formula in words, for sliding windows. */
export function symbols(axis) {
  if (!axis.isSliding) return null;
  const rounding = axis.isCeil ? "ceil" : "floor";
  return `${rounding}((length + before + after − dilation · (kernel − 1) − 1) / stride) + 1`;
}

/** What each number of the formula is, as [name, value]. */
export function formulaNumbers(axis) {
  if (!axis.isSliding) return [["length", axis.length]];
  return [
    ["length", axis.length],
    ["padding before", axis.before],
    ["padding after", axis.after],
    ["kernel", axis.kernel],
    ["dilation", axis.dilation],
    ["stride", axis.stride],
  ];
}

/** Where the windows begin, and why the last of them exists or the next is dropped. */
export function lastWindowSentences(axis) {
  const { windows, length } = axis;
  if (windows.length === 0) return [];
  if (!axis.isSliding) return otherSentences(axis);
  const starts = windows.map(({ start }) => wholeNumber(start));
  const isLong = starts.length > LISTED_STARTS;
  const listed = isLong ? [...starts.slice(0, 3), `… ${starts.at(-1)}`].join(", ") : join(starts);
  const place = axis.name;
  const end = windows.at(-1).start + axis.span - 1;
  const begin =
    windows.length === 1
      ? `The only window begins at ${place} ${listed} and ends at ${wholeNumber(end)}.`
      : `Windows begin at ${place}s ${listed}; the last ends at ${wholeNumber(end)}.`;
  return [begin, why(axis, place, length + axis.after - 1)];
}

function why(axis, place, lastPosition) {
  const isPadded = axis.after > 0;
  const lastName = isPadded ? `the end of the padding, ${place} ${lastPosition}` : `the last ${place}, ${lastPosition}`;
  const { rest, isCeil, nextStart, length, hangs } = axis;
  const nextEnd = nextStart + axis.span - 1;
  if (rest === 0) {
    const same = axis.hasCeilMode ? ", so the number is the same with and without ceil mode" : "";
    return `That is ${lastName}: nothing is left over${same}.`;
  }
  const over = plural(rest, place);
  const first = lastPosition - rest + 1;
  const which = rest === 1 ? String(first) : `${first} to ${lastPosition}`;
  const beyond = nextEnd - lastPosition;
  const isAllowed = nextStart < length;
  if (axis.windows.length > axis.whole) {
    return (
      `Without ceil mode ${over} would be left over (${which}). Ceil mode rounds up to one more window. It begins at ` +
      `${place} ${nextStart}, within the input, so it is kept. It hangs ${plural(hangs, place)} over the edge; what hangs over ` +
      "counts for nothing."
    );
  }
  const left = rest === 1 ? "is" : "are";
  if (isCeil) {
    return (
      `${capital(over)} ${left} left over (${which}). Ceil mode rounds up, but the window that this adds would begin at ${place} ` +
      `${nextStart}, after the last element of the input (${length - 1}), so it is left out.`
    );
  }
  const dropped =
    `${capital(over)} ${left} left over (${which}). The next window would begin at ${place} ${nextStart} and end at ${nextEnd}, ` +
    `${beyond} beyond ${lastName}: it is dropped.`;
  if (!axis.hasCeilMode) return dropped;
  return isAllowed
    ? `${dropped} Ceil mode would keep it, and give ${axis.windows.length + 1}.`
    : `${dropped} Ceil mode would not keep it either, since it begins after the last element of the input.`;
}

function otherSentences(axis) {
  const sizes = axis.windows.map(({ count }) => count);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const each = least === most ? plural(least, "position") : `${least} to ${most} positions`;
  if (axis.windows.length === 1) {
    return [most === axis.length ? `One window has all ${plural(most, "position")}.` : `One window has ${each} of ${axis.length}.`];
  }
  const ends = axis.windows.map(({ start, step, count }) => start + step * (count - 1));
  const overlaps = axis.windows.slice(1).some(({ start }, number) => start <= ends[number]);
  return [
    `${axis.windows.length} windows share ${axis.length} positions and have ${each} each` +
      `${overlaps ? "; neighbours may have positions in common" : ""}.`,
  ];
}

/** The window that rounding down leaves out, as {start, step, count}; null if there is none. */
export function droppedWindow(axis) {
  if (!axis.isSliding || axis.rest === 0 || axis.windows.length > axis.whole) return null;
  return { start: axis.nextStart, step: axis.dilation, count: axis.kernel };
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
