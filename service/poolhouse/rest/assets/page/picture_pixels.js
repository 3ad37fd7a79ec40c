// Turns pictures into tensors, and tensors into pixels.

/** Larger pictures are pooled in a smaller copy: this many pixels on the longer side. */
export const MOST_SIDE = 1024;
const WHITE = 255;

/** The tensor (1, C, H, W) of a picture {width, height, channels, pixels}, without alpha, as float32 from 0 to 255. */
export function tensorOf(picture) {
  const step = Math.max(1, Math.ceil(Math.max(picture.width, picture.height) / MOST_SIDE));
  const width = Math.floor(picture.width / step);
  const height = Math.floor(picture.height / step);
  const channels = picture.channels > 2 ? 3 : 1;
  const data = new Float32Array(channels * height * width);
  let place = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        const pixel = row * step * picture.width + column * step;
        data[place] = picture.pixels[pixel * picture.channels + channel];
        place += 1;
      }
    }
  }
  return { dtype: "float32", shape: [1, channels, height, width], data };
}

/** The least and the largest finite element; null without one. */
export function rangeOf({ data }) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? { least, most } : null;
}

/** From which value to which a tensor is drawn: black to white as the picture is, or from its own least to its largest. */
export function scaleOf(tensor) {
  const range = rangeOf(tensor);
  if (range === null || (range.least >= 0 && range.most <= WHITE)) return { least: 0, most: WHITE, isOwn: false };
  return { ...range, isOwn: true };
}

/** The pixels of the first sample of a tensor (1, C, H, W). More than three channels are drawn as their first. */
export function imageOf(tensor, { least, most }) {
  const [channels, height, width] = tensor.shape.slice(-3);
  const area = height * width;
  const rgba = new Uint8ClampedArray(area * 4);
  const factor = most > least ? WHITE / (most - least) : 0;
  for (let channel = 0; channel < 3; channel += 1) {
    const start = channels === 3 ? channel * area : 0;
    for (let pixel = 0; pixel < area; pixel += 1) {
      rgba[pixel * 4 + channel] = (tensor.data[start + pixel] - least) * factor;
    }
  }
  for (let pixel = 0; pixel < area; pixel += 1) rgba[pixel * 4 + 3] = WHITE;
  return new ImageData(rgba, width, height);
}

/** Put pixels on a canvas of their size. */
export function paint(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  // On the processor: these canvases are painted once, and never animated.
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}

/** The elements of a tensor (1, C, H, W) at a row and column, one for each channel. */
export function elementsAt(tensor, row, column) {
  const [channels, height, width] = tensor.shape.slice(-3);
  return Array.from({ length: channels }, (_, channel) => tensor.data[(channel * height + row) * width + column]);
}
