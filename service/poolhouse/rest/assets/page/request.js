// A request for a pooling, and its bodies. `request`: {operator, fields: [[name, value]], tensors: [input]}, where each
// tensor is {name, dtype, shape, isDefaultType} with its elements as `texts` (small ones, as they were typed) or as
// `data` (a typed array, see tensors.js), or both.

import { bytesOf, elementText, nest } from "./tensors.js";
import { toJson, toText } from "./values.js";

/** Up to this many elements an input is sent, and shown in code, as numbers. */
export const MOST_WRITTEN = 4096;

/** Whether all tensors of the request are written as numbers; else they are bytes. */
export function isWritten(request) {
  return request.tensors.every(({ texts }) => texts && texts.length <= MOST_WRITTEN);
}

/** The texts of the elements of a tensor. */
export function textsOf(tensor) {
  return Array.from({ length: tensor.data.length }, (_, index) => elementText(tensor, index));
}

/** The body of `POST /v1/plan/{operator}`: shapes in place of elements. */
export function planBody({ tensors, fields }) {
  return object([
    ...tensors.map(({ name, dtype, shape }) => [name, toJsonObject({ dtype, shape })]),
    ...fields.map(([name, value]) => [name, toJson(value)]),
  ]);
}

/** The body of `POST /v1/pool/{operator}` and `/v1/trace/{operator}`. */
export function poolBody({ tensors, fields }, encoding = null) {
  return object([
    ...tensors.map((tensor) => [tensor.name, tensorJson(tensor)]),
    ...fields.map(([name, value]) => [name, toJson(value)]),
    ...(encoding ? [["encoding", JSON.stringify(encoding)]] : []),
  ]);
}

/** A tensor in JSON: a nested list if the type is the one of such a list, else an object; many elements are base64. */
export function tensorJson({ dtype, shape, texts, data, isDefaultType }) {
  if (!texts || texts.length > MOST_WRITTEN) return toJsonObject({ dtype, shape, base64: toBase64(bytesOf({ data })) });
  const numbers = nest(texts.map((each) => (/^-?(NaN|Infinity)$/.test(each) ? `"${each}"` : each)), shape);
  // Nested lists cannot tell the sizes below an empty axis.
  if (shape.includes(0)) return toJsonObject({ dtype, shape, data: [] });
  return isDefaultType ? numbers : `{"dtype": "${dtype}", "data": ${numbers}}`;
}

/** The query of a request whose body holds tensors alone. */
export function queryOf(fields, more = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of [...fields, ...Object.entries(more)]) query.append(name, toText(value));
  // Commas and colons need no escape, and are easier to read without.
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text ? `?${text}` : "";
}

/** The path of an operator below this prefix, such as v1/pool. */
export function operatorPath(prefix, operator) {
  return `${prefix}/${encodeURIComponent(operator)}`;
}

function object(members) {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(", ")}}`;
}

function toJsonObject(members) {
  return object(Object.entries(members).map(([name, value]) => [name, toJson(value)]));
}

/** Base64 of bytes. */
export function toBase64(bytes) {
  let text = "";
  // In parts, since a call takes a limited number of arguments.
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

/** The bytes of base64. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
