// The call of the state shown, to take away: for curl, Python, torch, Node and the command line. Small inputs are
// written out; larger ones are in a file, which the page offers beside the code. An API key is named, never shown.

import { writeNpy } from "./npy.js";
import { operatorPath, poolBody, queryOf } from "./request.js";
import { writeSafetensors } from "./safetensors.js";
import { ELEMENT_TYPES, nest, tensorFromNumbers } from "./tensors.js";
import { toPython, toText } from "./values.js";

/** The most elements that code has written out. */
const MOST_INLINE = 512;

/**
 * The code.
 *
 * state: {base: the service's URL without a slash at its end, card, request, outputs: the names of the outputs, hasKey}.
 * Gives [{id, title, text, note, files: [names]}]; `text` is null where there is no such call, and `note` says why.
 */
export function makeCode(state) {
  return [curl(state), python(state), torch(state), node(state), commandLine(state)];
}

/** The bytes of a file that code names. */
export function makeFile(name, request) {
  const entries = request.tensors.map((tensor) => [tensor.name, dataOf(tensor)]);
  return name.endsWith(".npy") ? writeNpy(entries[0][1]) : writeSafetensors(entries);
}

function isInline({ tensors }) {
  return tensors.every(({ texts }) => texts && texts.length <= MOST_INLINE);
}

/** One array fits in npy, which has no bfloat16. */
function fileOf({ tensors }) {
  return tensors.length === 1 && tensors[0].dtype !== "bfloat16" ? "input.npy" : "input.safetensors";
}

function typeOf(file) {
  return file.endsWith(".npy") ? "application/x-npy" : "application/vnd.safetensors";
}

/** The file of the answer to a file, in the format that the service answers with. */
function answerOf(file, { outputs, request }) {
  if (!file.endsWith(".npy") || request.tensors[0].dtype === "bfloat16") return "output.safetensors";
  return outputs.length === 1 && outputs[0] === "output" ? "output.npy" : "output.npz";
}

function dataOf({ dtype, shape, texts, data }) {
  if (data) return { dtype, shape, data };
  const isWide = dtype === "int64" || dtype === "uint64";
  const read = (text) => (text === "true" ? true : text === "false" ? false : isWide && /^-?\d+$/.test(text) ? BigInt(text) : Number(text));
  return tensorFromNumbers(dtype, shape, texts.map(read));
}

function curl({ base, request, hasKey, outputs }) {
  const key = hasKey ? ' \\\n  -H "Authorization: Bearer $POOLHOUSE_API_KEY"' : "";
  const url = `${base}/${operatorPath("v1/pool", request.operator)}`;
  if (isInline(request)) {
    return { id: "curl", title: "curl", text: `curl ${quote(url)}${key} --json ${quote(poolBody(request))}`, files: [] };
  }
  const file = fileOf(request);
  const answer = answerOf(file, { outputs, request });
  const text = `curl ${quote(url + queryOf(request.fields))}${key} \\\n  -H 'Content-Type: ${typeOf(file)}' --data-binary @${file} -o ${answer}`;
  return { id: "curl", title: "curl", text, files: [file] };
}

/** The client reads an API key from the variable POOLHOUSE_API_KEY itself. */
function python({ base, request }) {
  const lines = arrayLines(request);
  const text = [
    ...[...lines.imports, "import poolhouse"].toSorted(),
    "",
    ...lines.arrays,
    `with poolhouse.Client(${JSON.stringify(base)}) as client:`,
    `    pooled = ${callText(`client.${request.operator}`, request, toPython)}`,
    "for name, output in pooled.outputs.items():",
    "    print(name, output)",
  ].join("\n");
  return { id: "python", title: "Python", text, files: lines.files };
}

/** The tensors as numpy arrays, or those of bfloat16, which numpy lacks, as tensors of torch. */
function arrayLines(request, isTorch = false) {
  const imports = new Set();
  const files = [];
  const arrays = request.tensors.map((tensor) => {
    const library = isTorch || tensor.dtype === "bfloat16" ? "torch" : "numpy";
    if (tensor.texts && tensor.texts.length <= MOST_INLINE) {
      imports.add(`import ${library}`);
      const words = { true: "True", false: "False", NaN: `${library}.nan`, Infinity: `${library}.inf`, "-Infinity": `-${library}.inf` };
      const numbers = nest(tensor.texts.map((text) => words[text] ?? text), tensor.shape);
      const made = library === "torch" ? `torch.tensor(${numbers}, dtype=torch.${tensor.dtype})` : `numpy.array(${numbers}, dtype="${tensor.dtype}")`;
      // The sizes below an empty axis are not in a nested list.
      return `${tensor.name} = ${made}${tensor.shape.includes(0) ? `.reshape(${toPython(tensor.shape)})` : ""}`;
    }
    const file = tensor.dtype === "bfloat16" ? "input.safetensors" : "input.npy";
    files.push(file);
    if (file === "input.safetensors") {
      imports.add("from safetensors.torch import load_file");
      return `${tensor.name} = load_file("${file}")["${tensor.name}"]`;
    }
    imports.add("import numpy");
    if (isTorch) imports.add("import torch");
    return `${tensor.name} = ${isTorch ? "torch.from_numpy(" : ""}numpy.load("${file}")${isTorch ? ")" : ""}`;
  });
  return { imports: [...imports], arrays, files };
}

function callText(callee, { tensors, fields }, format) {
  const [input, ...others] = tensors;
  const given = [input.name, ...others.map(({ name }) => `${name}=${name}`), ...fields.map(([name, value]) => `${name}=${format(value)}`)];
  return `${callee}(${given.join(", ")})`;
}

function torch({ card, request }) {
  const title = "torch";
  const none = (note) => ({ id: "torch", title, text: null, note, files: [] });
  if (!card.torch) return none("torch has no function of this name.");
  const unknown = request.fields.map(([name]) => name).filter((name) => !card.torch.arguments.includes(name));
  if (unknown.length) return none(`torch's function does not take ${unknown.join(" and ")}.`);
  for (const [name, value] of request.fields) {
    const entries = Array.isArray(value) ? value : [value];
    if (entries.some((each) => Array.isArray(each) || (typeof each === "string" && !/^-?Infinity$/.test(each)))) {
      return none(`torch's function takes numbers alone as ${name}.`);
    }
  }
  if (request.tensors.some(({ name, dtype }) => name === "input" && ELEMENT_TYPES[dtype].kind !== "float")) {
    return none("torch pools few types but floating point; with such an input there is a call here.");
  }
  const lines = arrayLines(request, true);
  const format = (value) => (value === "Infinity" ? 'float("inf")' : value === "-Infinity" ? '-float("inf")' : toPython(value));
  const fields = request.fields.map(([name, value]) => [name, perAxis(card, name, value)]);
  const text = [
    ...[...new Set([...lines.imports, "import torch"])].toSorted(),
    "",
    ...lines.arrays,
    `print(${callText(card.torch.function, { ...request, fields }, format)})`,
  ].join("\n");
  return { id: "torch", title, text, files: lines.files };
}

/** One number for each axis, where torch wants a list: the sizes that may begin with N and C. */
function perAxis(card, name, value) {
  const { schema } = card.fields.find((field) => field.name === name);
  const lists = (schema.oneOf ?? []).filter((each) => each.type === "array");
  return lists.length > 1 && lists[1].maxItems === card.rank + 2 && typeof value === "number" ? Array(card.rank).fill(value) : value;
}

function node({ base, request, hasKey, outputs }) {
  const url = `${base}/${operatorPath("v1/pool", request.operator)}`;
  const key = hasKey ? ", Authorization: `Bearer ${process.env.POOLHOUSE_API_KEY}`" : "";
  const [isWritten, file] = [isInline(request), fileOf(request)];
  const answer = answerOf(file, { outputs, request });
  const body = poolBody(request);
  // A long integer would lose digits as a number of JavaScript.
  const written = /\d{16}/.test(body) ? JSON.stringify(body) : `JSON.stringify(${body})`;
  const text = [
    ...(isWritten ? [] : ['import { readFile, writeFile } from "node:fs/promises";', ""]),
    `const response = await fetch(${JSON.stringify(isWritten ? url : url + queryOf(request.fields))}, {`,
    '  method: "POST",',
    `  headers: { "Content-Type": "${isWritten ? "application/json" : typeOf(file)}"${key} },`,
    `  body: ${isWritten ? written : `await readFile("${file}")`},`,
    "});",
    "if (!response.ok) throw new Error((await response.json()).detail);",
    isWritten
      ? "console.log(JSON.stringify(await response.json()));"
      : `await writeFile("${answer}", Buffer.from(await response.arrayBuffer()));`,
  ].join("\n");
  return { id: "node", title: "Node", text, files: isWritten ? [] : [file] };
}

function commandLine({ base, request, outputs }) {
  const file = fileOf(request);
  const answer = answerOf(file, { outputs, request });
  const options = request.fields.map(([name, value]) => {
    const option = name.replaceAll("_", "-");
    if (typeof value === "boolean") return value ? `--${option}` : `--no-${option}`;
    return `--${option} ${quote(toText(value))}`;
  });
  const text = ["poolhouse pool", quote(request.operator), file, "-o", answer, ...options, "--url", quote(base)].join(" ");
  return { id: "cli", title: "Command line", text, files: [file] };
}

/** A word of a POSIX shell. */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
