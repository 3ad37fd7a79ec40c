// What people type or paste as a matrix: rows by lines, elements separated by spaces, commas, semicolons between rows,
// or tabs; blank lines between the slices of a volume; or nested lists in brackets, as JSON, numpy and torch print them.
// The elements stay the texts that were typed, so that the service reads them and nobody rounds them before.

import { nest } from "./tensors.js";

/** The most elements that are read from a text; larger inputs are files. */
export const MOST_TYPED = 65536;
const MOST_CHARS = 2_000_000;
const MOST_DEPTH = 8;
const NUMBER = /^([+-]?)(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS = new Map([
  ["nan", "NaN"], ["inf", "Infinity"], ["+inf", "Infinity"], ["infinity", "Infinity"], ["∞", "Infinity"],
  ["-inf", "-Infinity"], ["-infinity", "-Infinity"], ["−∞", "-Infinity"], ["-∞", "-Infinity"],
  ["true", "true"], ["false", "false"],
]);

/** Read a text: `{shape, texts, isNested}`, the texts in C order; `isNested` if brackets gave the shape. */
export function parseMatrix(text) {
  if (text.length > MOST_CHARS) throw new Error(`The text has more than ${MOST_CHARS} characters; use an npy file.`);
  // What numpy and torch print around a list.
  const bare = text.trim().replace(/^(array|tensor|np\.array|torch\.tensor)\s*\(([\s\S]*)\)$/, "$2").replace(/,?\s*dtype\s*=\s*[\w.]+\s*$/, "");
  if (bare === "") throw new Error("There is no number yet: type rows of numbers.");
  const found = bare.startsWith("[") ? parseNested(bare) : parseRows(bare);
  if (found.texts.length > MOST_TYPED) {
    throw new Error(`There are ${found.texts.length} numbers; up to ${MOST_TYPED} can be typed. Use an npy file.`);
  }
  return found;
}

function parseRows(text) {
  const slices = text.split(/\n[ \t\r]*\n\s*/).map((slice) =>
    slice.split(/[\n;]/).map((row) => row.split(/[\s,]+/).filter((word) => word !== "")).filter((row) => row.length),
  );
  const [rows, columns] = [slices[0].length, slices[0][0]?.length ?? 0];
  slices.forEach((slice, at) => {
    const where = slices.length > 1 ? ` of slice ${at + 1}` : "";
    if (slice.length !== rows) throw new Error(`Slice ${at + 1} has ${slice.length} rows, and the first has ${rows}.`);
    slice.forEach((row, index) => {
      if (row.length !== columns) {
        throw new Error(`Row ${index + 1}${where} has ${row.length} numbers, and the first row has ${columns}.`);
      }
    });
  });
  const texts = slices.flat(2).map(canonical);
  const shape = slices.length > 1 ? [slices.length, rows, columns] : rows > 1 ? [rows, columns] : [columns];
  return { shape, texts, isNested: false };
}

function parseNested(text) {
  const parts = text.match(/[[\]]|[^[\],\s]+/g) ?? [];
  const texts = [];
  let place = 0;
  const readList = (depth) => {
    if (depth > MOST_DEPTH) throw new Error(`The lists are nested more than ${MOST_DEPTH} deep.`);
    let count = 0;
    let inner = null;
    place += 1;
    while (parts[place] !== "]") {
      if (place >= parts.length) throw new Error("A closing bracket ] is missing.");
      let shape = [];
      if (parts[place] === "[") shape = readList(depth + 1);
      else {
        texts.push(canonical(parts[place].replace(/^(["'])(.*)\1$/, "$2")));
        place += 1;
      }
      if (inner !== null && inner.join() !== shape.join()) {
        throw new Error(`The lists differ in length: entry ${count + 1} has the shape (${shape.join(", ")}), and the ones before it (${inner.join(", ")}).`);
      }
      inner = shape;
      count += 1;
    }
    place += 1;
    return [count, ...(inner ?? [])];
  };
  const shape = readList(1);
  if (place !== parts.length) throw new Error("There is more text after the last closing bracket ].");
  return { shape, texts, isNested: true };
}

/** A number as JSON writes it; NaN, Infinity, -Infinity; true, false. */
function canonical(word) {
  const known = WORDS.get(word.toLowerCase());
  if (known !== undefined) return known;
  const parts = NUMBER.exec(word);
  if (!parts) throw new Error(`${clip(word)} is no number. Write NaN, inf and -inf for what is none.`);
  const [, sign, digits, exponent = ""] = parts;
  const [whole, fraction] = digits.split(".");
  const bare = whole.replace(/^0+(?=\d)/, "") || "0";
  return `${sign === "-" ? "-" : ""}${bare}${fraction === undefined ? "" : `.${fraction || "0"}`}${exponent}`;
}

function clip(word) {
  return word.length > 24 ? `${word.slice(0, 24)}…` : word;
}

/** The text that shows elements, such that `parseMatrix` and `withAxes` give them their shape again. */
export function matrixText(texts, shape, axes) {
  const plain = plainText(texts, shape);
  if (plain !== null) {
    const read = parseMatrix(plain);
    if (placeAxes(read.shape, axes).join() === shape.join()) return plain;
  }
  return nest(texts, shape);
}

function plainText(texts, shape) {
  const sizes = [...shape];
  while (sizes.length > 1 && sizes[0] === 1) sizes.shift();
  while (sizes.length > 1 && sizes.at(-1) === 1) sizes.pop();
  if (sizes.length > 3 || texts.length === 0) return null;
  const columns = sizes.at(-1);
  const width = Math.max(...texts.map((each) => each.length));
  const rows = [];
  for (let start = 0; start < texts.length; start += columns) {
    rows.push(texts.slice(start, start + columns).map((each) => each.padStart(width)).join(" "));
  }
  const perSlice = sizes.length === 3 ? sizes[1] : rows.length;
  const slices = [];
  for (let start = 0; start < rows.length; start += perSlice) slices.push(rows.slice(start, start + perSlice).join("\n"));
  return slices.join("\n\n");
}

/**
 * The shape of a matrix as the operator takes it: axes of size 1 before it, N and C; or N before and C after it.
 * `axes`: `{count, spatial, isChannelsLast}`, the number of axes of the operator's input, and of spatial ones.
 */
export function placeAxes(shape, { count, spatial, isChannelsLast }) {
  if (shape.length >= count) return shape;
  if (!isChannelsLast) return [...Array(count - shape.length).fill(1), ...shape];
  const own = shape.length >= spatial ? shape : [...Array(spatial - shape.length).fill(1), ...shape];
  const withChannels = own.length === spatial ? [...own, 1] : own;
  return [...Array(Math.max(0, count - withChannels.length)).fill(1), ...withChannels];
}
