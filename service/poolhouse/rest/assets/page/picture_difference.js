// The difference of two tensors of one shape: its numbers, and its pixels in colours that all eyes tell apart.

/** Blue below zero, nearly white at zero, vermilion above: from Okabe and Ito's colours. */
const SIGNED = [
  [-1, [0, 68, 136]],
  [-0.5, [86, 160, 211]],
  [0, [246, 246, 244]],
  [0.5, [238, 138, 70]],
  [1, [166, 60, 0]],
];
/** From black over blue and grey to yellow, as in the map cividis. */
const ABSOLUTE = [
  [0, [0, 20, 50]],
  [0.33, [58, 78, 108]],
  [0.66, [148, 142, 118]],
  [1, [255, 233, 69]],
];

/** Whether two tensors can be compared. */
export function isComparable(one, other) {
  return one.shape.length === other.shape.length && one.shape.every((size, axis) => size === other.shape[axis]);
}

/** The difference one - other: {shape, data, largest: {value, channel, row, column}, meanAbsolute, mean, equal}.
 *
 * Elements that are NaN on either side are left out of the numbers; equal is the share of elements without a difference.
 */
export function difference(one, other) {
  const data = new Float64Array(one.data.length);
  let [sum, absolute, equal, counted, place] = [0, 0, 0, 0, 0];
  for (let element = 0; element < data.length; element += 1) {
    // Equal infinities differ by nothing.
    const value = one.data[element] === other.data[element] ? 0 : Number(one.data[element]) - Number(other.data[element]);
    data[element] = value;
    if (Number.isNaN(value)) continue;
    counted += 1;
    sum += value;
    absolute += Math.abs(value);
    if (value === 0) equal += 1;
    if (!(Math.abs(value) <= Math.abs(data[place]))) place = element;
  }
  const [height, width] = one.shape.slice(-2);
  const area = height * width;
  return {
    shape: one.shape,
    data,
    largest: {
      value: data[place],
      channel: Math.floor(place / area),
      row: Math.floor((place % area) / width),
      column: place % width,
    },
    mean: sum / counted,
    meanAbsolute: absolute / counted,
    equal: equal / counted,
  };
}

/** The pixels of a difference; each has the channel with the largest one. */
export function differenceImage({ shape, data, largest }, isSigned) {
  const [channels, height, width] = shape.slice(-3);
  const area = height * width;
  const most = Math.abs(largest.value) || 1;
  const rgba = new Uint8ClampedArray(area * 4);
  for (let pixel = 0; pixel < area; pixel += 1) {
    let value = data[pixel];
    for (let channel = 1; channel < channels; channel += 1) {
      const candidate = data[channel * area + pixel];
      if (Math.abs(candidate) > Math.abs(value)) value = candidate;
    }
    rgba.set(colour(isSigned, value / most), pixel * 4);
    rgba[pixel * 4 + 3] = 255;
  }
  return new ImageData(rgba, width, height);
}

/** The colours of a scale from its start to its end, as pixels of one row. */
export function scaleImage(isSigned, width = 256) {
  const rgba = new Uint8ClampedArray(width * 4);
  for (let pixel = 0; pixel < width; pixel += 1) {
    const at = pixel / (width - 1);
    rgba.set(colour(isSigned, isSigned ? 2 * at - 1 : at), pixel * 4);
    rgba[pixel * 4 + 3] = 255;
  }
  return new ImageData(rgba, width, 1);
}

/** The colour of a difference as a part of the largest, from -1 to 1. */
function colour(isSigned, part) {
  const stops = isSigned ? SIGNED : ABSOLUTE;
  const value = isSigned ? part : Math.abs(part);
  if (Number.isNaN(value)) return [128, 128, 128];
  const next = stops.findIndex(([at]) => at >= value);
  if (next <= 0) return stops.at(next)[1];
  const [from, start] = stops[next - 1];
  const [to, end] = stops[next];
  const weight = (value - from) / (to - from);
  return start.map((channel, place) => channel + (end[place] - channel) * weight);
}
