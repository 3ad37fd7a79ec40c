// Files of numpy's format npy: one array. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// The header is a Python literal; it is read by patterns, never evaluated.

import { ELEMENT_TYPES, bytesOf, elementCount, tensorFromBytes } from "./tensors.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const LONGEST_HEADER_BYTES = 65536;
const MOST_AXES = 32;
const BY_LETTERS = Object.fromEntries(
  Object.entries(ELEMENT_TYPES).flatMap(([name, { npy }]) => (npy ? [[npy, name]] : [])),
);

/** Read the array of an npy file (versions 1 to 3, either byte order, C or Fortran order) as a tensor. */
export function readNpy(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 10 || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new Error("This is no npy file: its first bytes are not \\x93NUMPY.");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) throw new Error(`This npy file has version ${version}; 1, 2 and 3 are read.`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw new Error("The npy file ends in its header.");
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_HEADER_BYTES) throw new Error(`The header of the npy file has ${length} bytes, more than ${LONGEST_HEADER_BYTES}.`);
  if (bytes.length < start + length) throw new Error("The npy file ends in its header.");
  const decoder = new TextDecoder(version === 3 ? "utf-8" : "latin1");
  const { letters, isBig, isFortran, shape } = readHeader(decoder.decode(bytes.subarray(start, start + length)));
  const dtype = BY_LETTERS[letters];
  if (!dtype) {
    throw new Error(`The element type ${letters} of the npy file is not read; those of ${Object.values(BY_LETTERS).join(", ")} are.`);
  }
  const size = elementCount(shape) * ELEMENT_TYPES[dtype].bytes;
  const elements = bytes.subarray(start + length);
  if (elements.length < size) {
    throw new Error(`The npy file ends early: its shape needs ${size} bytes of elements, and it has ${elements.length}.`);
  }
  let own = elements.slice(0, size);
  if (isBig) own = swapBytes(own, ELEMENT_TYPES[dtype].bytes);
  if (!isFortran || shape.length < 2) return tensorFromBytes(dtype, shape, own);
  return toRowMajor(tensorFromBytes(dtype, shape.toReversed(), own));
}

function readHeader(text) {
  const type = /['"]descr['"]\s*:\s*['"]([<>|=]?)([a-zA-Z]\d{1,2}|\?)['"]/.exec(text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text);
  const shape = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (!type) throw new Error("The element type of the npy file is not read: it has fields or is no number.");
  if (!order || !shape) throw new Error("The header of the npy file has no fortran_order or no shape.");
  const sizes = shape[1].split(",").map((size) => size.trim().replace(/L$/, "")).filter((size) => size !== "");
  if (sizes.length > MOST_AXES || sizes.some((size) => !/^\d{1,15}$/.test(size))) {
    throw new Error("The shape of the npy file cannot be read.");
  }
  return {
    letters: type[2] === "?" ? "b1" : type[2],
    isBig: type[1] === ">",
    isFortran: order[1] === "True",
    shape: sizes.map(Number),
  };
}

function swapBytes(bytes, width) {
  const swapped = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index += 1) {
    const place = index % width;
    swapped[index - place + (width - 1 - place)] = bytes[index];
  }
  return swapped;
}

/** Transpose a tensor whose axes are in reversed order: the elements of Fortran order, read in C order. */
function toRowMajor(reversed) {
  const shape = reversed.shape.toReversed();
  const data = new reversed.data.constructor(reversed.data.length);
  const steps = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const position = shape.map(() => 0);
  let source = 0;
  for (let index = 0; index < data.length; index += 1) {
    data[index] = reversed.data[source];
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      position[axis] += 1;
      source += steps[axis];
      if (position[axis] < shape[axis]) break;
      source -= steps[axis] * shape[axis];
      position[axis] = 0;
    }
  }
  return { dtype: reversed.dtype, shape, data };
}

/** The bytes of an npy file, version 1, with a tensor. bfloat16 has no type in numpy. */
export function writeNpy(tensor) {
  const { npy, bytes: width } = ELEMENT_TYPES[tensor.dtype];
  if (!npy) throw new Error(`npy has no ${tensor.dtype}.`);
  const sizes = tensor.shape.join(", ") + (tensor.shape.length === 1 ? "," : "");
  const header = `{'descr': '${width === 1 ? "|" : "<"}${npy}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const file = new Uint8Array(10 + padded.length + tensor.data.byteLength);
  file.set(MAGIC);
  file[6] = 1;
  new DataView(file.buffer).setUint16(8, padded.length, true);
  file.set(new TextEncoder().encode(padded), 10);
  file.set(bytesOf(tensor), 10 + padded.length);
  return file;
}
