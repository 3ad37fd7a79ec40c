// The inputs that are not typed: random and rising numbers, the photograph, pictures and npy files of the reader.

import { readNpy } from "./npy.js";
import { ELEMENT_TYPES, elementCount, tensorFromNumbers } from "./tensors.js";

const MOST_PIXELS = 2 ** 24;
const MOST_FILE_BYTES = 2 ** 28;
/** The most elements that the page makes itself. */
const MOST_MADE = 2 ** 22;

/** The shape in a text such as 1, 1, 8, 8. */
export function parseShape(text) {
  const words = text.trim().replace(/^[[(]|[\])]$/g, "").split(/[\s,×x]+/).filter((word) => word !== "");
  if (words.length === 0 || words.some((word) => !/^\d{1,9}$/.test(word))) {
    throw new Error("Write the shape as integers, such as 1, 1, 8, 8.");
  }
  const shape = words.map(Number);
  if (elementCount(shape) > MOST_MADE) throw new Error(`The shape has more than ${MOST_MADE} elements; use an npy file.`);
  return shape;
}

/** Random elements, equal for an equal seed: hundredths from -1 to 1, whole numbers to 99, or true and false. */
export function makeRandom(dtype, shape, seed) {
  const draw = generator(seed);
  const { kind } = ELEMENT_TYPES[dtype];
  const next = {
    float: () => (Math.floor(draw() * 201) - 100) / 100,
    integer: () => Math.floor(draw() * 100),
    bool: () => draw() < 0.5,
  }[kind];
  return tensorFromNumbers(dtype, shape, Array.from({ length: elementCount(shape) }, next));
}

/** The elements 1, 2, 3, …; they start again where the type ends. */
export function makeRamp(dtype, shape) {
  const { kind, range } = ELEMENT_TYPES[dtype];
  const most = kind === "integer" ? Math.min(Number(range[1]), 2 ** 31) : kind === "bool" ? 2 : 2 ** 24;
  const next = (_, index) => (kind === "bool" ? index % 2 : (index % most) + 1);
  return tensorFromNumbers(dtype, shape, Array.from({ length: elementCount(shape) }, next));
}

/** The generator mulberry32: numbers from 0 to 1. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Read a file: an npy file as a tensor, else a picture. Gives {tensor} or {picture}. */
export async function readFile(file) {
  if (file.size > MOST_FILE_BYTES) throw new Error(`The file has ${file.size} bytes; the page reads up to ${MOST_FILE_BYTES}.`);
  const start = new Uint8Array(await file.slice(0, 6).arrayBuffer());
  if (start[0] === 0x93) return { tensor: readNpy(await file.arrayBuffer()) };
  return { picture: await readPicture(file, file.name) };
}

/** Decode a picture in the browser: {name, width, height, channels, pixels}, rows of pixels with interleaved channels. */
export async function readPicture(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  } catch {
    throw new Error("The file is neither an npy file nor a picture that this browser reads, such as PNG and JPEG.");
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error(`The picture has ${width}×${height} pixels, more than ${MOST_PIXELS} in all.`);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const channels = channelsOf(data);
  const pixels = channels === 4 ? data : new Uint8ClampedArray(width * height * channels);
  for (let pixel = 0; channels < 4 && pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) pixels[pixel * channels + channel] = data[pixel * 4 + channel];
  }
  return { name, width, height, channels, pixels };
}

/** 1 for a grey picture, 3 for an opaque one, 4 for others. */
function channelsOf(rgba) {
  let isGrey = true;
  for (let place = 0; place < rgba.length; place += 4) {
    if (rgba[place + 3] !== 255) return 4;
    isGrey &&= rgba[place] === rgba[place + 1] && rgba[place] === rgba[place + 2];
  }
  return isGrey ? 1 : 3;
}

/** The tensor of a picture: uint8, (1, C, H, W), or (1, H, W, C) with channels last. */
export function tensorOfPicture({ width, height, channels, pixels }, isChannelsLast) {
  const area = width * height;
  const data = new Uint8Array(area * channels);
  if (isChannelsLast) data.set(pixels);
  else {
    for (let channel = 0; channel < channels; channel += 1) {
      for (let pixel = 0; pixel < area; pixel += 1) data[channel * area + pixel] = pixels[pixel * channels + channel];
    }
  }
  const shape = isChannelsLast ? [1, height, width, channels] : [1, channels, height, width];
  return { dtype: "uint8", shape, data };
}

/** The pixels of a uint8 tensor that is a picture, as ImageData; null if it is none. */
export function imageOfTensor({ dtype, shape, data }, isChannelsLast = false) {
  const sizes = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  if (dtype !== "uint8" || sizes.length !== 3 || sizes.includes(0)) return null;
  const [channels, height, width] = isChannelsLast ? [sizes[2], sizes[0], sizes[1]] : sizes;
  if (channels > 4) return null;
  const area = width * height;
  const rgba = new Uint8ClampedArray(area * 4);
  const value = (pixel, channel) => data[isChannelsLast ? pixel * channels + channel : channel * area + pixel];
  const hasAlpha = channels % 2 === 0;
  for (let pixel = 0; pixel < area; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) rgba[pixel * 4 + channel] = value(pixel, channels > 2 ? channel : 0);
    rgba[pixel * 4 + 3] = hasAlpha ? value(pixel, channels - 1) : 255;
  }
  return new ImageData(rgba, width, height);
}
