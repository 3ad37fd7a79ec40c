// Files of the format safetensors: tensors by name. https://github.com/huggingface/safetensors
// A length of 8 bytes, a header in JSON, and the elements of one tensor after another.

import { bytesOf } from "./tensors.js";

const TYPES = {
  float16: "F16", bfloat16: "BF16", float32: "F32", float64: "F64", int8: "I8", int16: "I16", int32: "I32",
  int64: "I64", uint8: "U8", uint16: "U16", uint32: "U32", uint64: "U64", bool: "BOOL",
};

/** The bytes of a file with these tensors, an array of [name, tensor]. */
export function writeSafetensors(entries) {
  const header = {};
  let end = 0;
  for (const [name, tensor] of entries) {
    const start = end;
    end += tensor.data.byteLength;
    header[name] = { dtype: TYPES[tensor.dtype], shape: tensor.shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text + " ".repeat((8 - (text.length % 8)) % 8));
  const file = new Uint8Array(8 + head.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let place = 8 + head.length;
  for (const [, tensor] of entries) {
    file.set(bytesOf(tensor), place);
    place += tensor.data.byteLength;
  }
  return file;
}
