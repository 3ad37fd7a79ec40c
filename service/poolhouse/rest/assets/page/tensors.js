// Tensors as the page holds them: an element type, a shape, and elements in C order in a typed array. Types without a
// typed array of their own are kept as they are stored: float16 and bfloat16 as their bits in a Uint16Array, bool as
// bytes 0 and 1. So elements are never rounded on their way to the service and back.

/** The element types: the kind, bytes of an element, the typed array, and the letters of npy. */
export const ELEMENT_TYPES = {
  float16: { kind: "float", bytes: 2, array: Uint16Array, npy: "f2", bits: [5, 10] },
  bfloat16: { kind: "float", bytes: 2, array: Uint16Array, npy: null, bits: [8, 7] },
  float32: { kind: "float", bytes: 4, array: Float32Array, npy: "f4" },
  float64: { kind: "float", bytes: 8, array: Float64Array, npy: "f8" },
  int8: { kind: "integer", bytes: 1, array: Int8Array, npy: "i1", range: [-128, 127] },
  int16: { kind: "integer", bytes: 2, array: Int16Array, npy: "i2", range: [-32768, 32767] },
  int32: { kind: "integer", bytes: 4, array: Int32Array, npy: "i4", range: [-(2 ** 31), 2 ** 31 - 1] },
  int64: { kind: "integer", bytes: 8, array: BigInt64Array, npy: "i8", range: [-(2n ** 63n), 2n ** 63n - 1n] },
  uint8: { kind: "integer", bytes: 1, array: Uint8Array, npy: "u1", range: [0, 255] },
  uint16: { kind: "integer", bytes: 2, array: Uint16Array, npy: "u2", range: [0, 65535] },
  uint32: { kind: "integer", bytes: 4, array: Uint32Array, npy: "u4", range: [0, 2 ** 32 - 1] },
  uint64: { kind: "integer", bytes: 8, array: BigUint64Array, npy: "u8", range: [0n, 2n ** 64n - 1n] },
  bool: { kind: "bool", bytes: 1, array: Uint8Array, npy: "b1" },
};

/** The number of elements of a shape. */
export function elementCount(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor from the bytes of its elements, little-endian; they are copied. */
export function tensorFromBytes(dtype, shape, bytes) {
  const type = ELEMENT_TYPES[dtype];
  if (!type) throw new Error(`${dtype} is no element type`);
  const length = elementCount(shape);
  if (bytes.byteLength !== length * type.bytes) {
    throw new Error(`${bytes.byteLength} bytes are not ${length} elements of ${dtype}`);
  }
  const own = new Uint8Array(bytes.byteLength);
  own.set(bytes);
  return { dtype, shape: [...shape], data: new type.array(own.buffer) };
}

/** The bytes of a tensor's elements. Every platform with a browser of today is little-endian. */
export function bytesOf(tensor) {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/** An element as a number, a bigint (int64 and uint64) or a boolean. */
export function elementAt(tensor, index) {
  const { kind, bits } = ELEMENT_TYPES[tensor.dtype];
  const stored = tensor.data[index];
  if (bits) return decodeBits(stored, bits);
  return kind === "bool" ? stored !== 0 : stored;
}

/** All elements as numbers, for pictures and charts: 64-bit integers are rounded, booleans are 0 and 1. */
export function numbersOf(tensor) {
  const { bits } = ELEMENT_TYPES[tensor.dtype];
  if (bits) return Float32Array.from(tensor.data, (stored) => decodeBits(stored, bits));
  if (tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array) {
    return Float64Array.from(tensor.data, Number);
  }
  return tensor.data;
}

/** A tensor from numbers, bigints or booleans; integers are rounded and limited to the type's range. */
export function tensorFromNumbers(dtype, shape, numbers) {
  const type = ELEMENT_TYPES[dtype];
  const data = new type.array(elementCount(shape));
  for (let index = 0; index < data.length; index += 1) data[index] = stored(numbers[index], type);
  return { dtype, shape: [...shape], data };
}

/** The same elements in another type; a tensor of this type already is returned as it is. */
export function convert(tensor, dtype) {
  if (tensor.dtype === dtype) return tensor;
  const wide = tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array;
  return tensorFromNumbers(dtype, tensor.shape, wide ? tensor.data : numbersOf(tensor));
}

function stored(value, { kind, bits, range, array }) {
  if (bits) return encodeBits(Number(value), bits);
  if (kind === "float") return Number(value);
  if (kind === "bool") return Number(value) === 0 ? 0 : 1;
  const isWide = array === BigInt64Array || array === BigUint64Array;
  const [least, most] = range;
  if (typeof value === "bigint") {
    const limited = value < least ? BigInt(least) : value > most ? BigInt(most) : value;
    return isWide ? limited : Number(limited);
  }
  const whole = Number.isNaN(value) ? 0 : Math.round(Number(value));
  if (whole <= least) return least;
  if (whole >= most) return most;
  return isWide ? BigInt(whole) : whole;
}

/** The shortest text that reads back as this element: 0.1 and not 0.10000000149011612. */
export function elementText(tensor, index) {
  const value = elementAt(tensor, index);
  if (typeof value !== "number") return String(value);
  return numberText(value, tensor.dtype);
}

/** The shortest text that reads back as this number in an element type. */
export function numberText(value, dtype) {
  if (Object.is(value, -0)) return "-0";
  if (!Number.isFinite(value)) return String(value);
  const { bits } = ELEMENT_TYPES[dtype];
  const round = bits ? (number) => encodeBits(number, bits) : dtype === "float32" ? Math.fround : null;
  if (round === null || Number.isInteger(value)) return String(value);
  for (let digits = 1; digits < 10; digits += 1) {
    const shorter = Number(value.toPrecision(digits));
    if (round(shorter) === round(value)) return String(shorter);
  }
  return String(value);
}

/** A float of few bits as a number. */
function decodeBits(stored, [exponentBits, fractionBits]) {
  const sign = stored >> (exponentBits + fractionBits) ? -1 : 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (stored >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (stored & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** The bits of the nearest float of few bits, ties to even. */
function encodeBits(value, [exponentBits, fractionBits]) {
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + fractionBits) : 0;
  const size = Math.abs(value);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (size === 0) return sign;
  if (size === Infinity) return sign | infinity;
  let exponent = Math.max(Math.floor(Math.log2(size)), 1 - bias);
  // The logarithm is rounded: it may be one too high or too low next to a power of two.
  if (size < 2 ** exponent && exponent > 1 - bias) exponent -= 1;
  if (size >= 2 ** (exponent + 1)) exponent += 1;
  const fraction = roundToEven((size / 2 ** exponent) * 2 ** fractionBits);
  // A subnormal number has no leading 1; where rounding makes one, the sum is the next exponent.
  const rounded = ((exponent + bias - 1) << fractionBits) + fraction;
  return sign | Math.min(rounded, infinity);
}

function roundToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** A tensor's texts as nested lists: [[1, 2], [3, 4]]. */
export function nest(texts, shape) {
  if (shape.length === 0) return texts[0];
  let level = texts;
  for (const size of shape.toReversed()) {
    const lists = [];
    // An empty axis below leaves no entries to join; the number of lists follows from the sizes before it.
    if (size === 0 || level.length === 0) return nestEmpty(shape);
    for (let start = 0; start < level.length; start += size) lists.push(`[${level.slice(start, start + size).join(", ")}]`);
    level = lists;
  }
  return level[0];
}

function nestEmpty([size, ...rest]) {
  return `[${Array.from({ length: size }, () => (rest.length ? nestEmpty(rest) : "")).join(", ")}]`;
}
