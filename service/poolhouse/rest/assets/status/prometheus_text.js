// Parse Prometheus's text format, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\.)*)"[ \t]*/y;
const VALUE = /[ \t]*(\S+)(?:[ \t]+-?[0-9]+)?[ \t]*$/y;
const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const ESCAPED = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/**
 * The samples of a page by name.
 *
 * A label may be called __proto__, so labels are a Map. Lines that are not of the format are left out and counted: the
 * other numbers are still right.
 *
 * @param {string} text the page.
 * @returns {{samples: Map<string, {key: string, labels: Map<string, string>, value: number}[]>, unreadLines: number}}
 *   key: the labels as the page writes them, which tells the series of one name apart.
 */
export function parsePrometheusText(text) {
  const samples = new Map();
  let unreadLines = 0;
  // Only \n ends a line: a label value may hold any other character, \r and U+2028 included.
  for (const line of text.split("\n")) {
    const trimmed = line.replace(/^[ \t]+/, "");
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const sample = parseSample(trimmed);
    if (sample === null) {
      unreadLines += 1;
      continue;
    }
    const known = samples.get(sample.name);
    if (known === undefined) samples.set(sample.name, [sample]);
    else known.push(sample);
  }
  return { samples, unreadLines };
}

function parseSample(line) {
  const name = matchAt(NAME, line, 0);
  if (name === null) return null;
  let position = name[0].length;
  while (line[position] === " " || line[position] === "\t") position += 1;
  const labels = new Map();
  const start = position;
  if (line[position] === "{") {
    position = parseLabels(line, position + 1, labels);
    if (position < 0) return null;
  }
  const key = line.slice(start, position);
  const value = matchAt(VALUE, line, position);
  const number = value === null ? null : parseNumber(value[1]);
  return number === null ? null : { name: name[0], key, labels, value: number };
}

// The position after the closing brace, or -1.
function parseLabels(line, position, labels) {
  while (true) {
    const label = matchAt(LABEL, line, position);
    if (label !== null) {
      labels.set(label[1], label[2].replace(/\\./g, (pair) => ESCAPED[pair] ?? pair));
      position += label[0].length;
    } else {
      while (line[position] === " " || line[position] === "\t") position += 1;
    }
    if (line[position] === "}") return position + 1;
    if (label === null || line[position] !== ",") return -1;
    position += 1;
  }
}

function parseNumber(text) {
  if (NUMBER.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case "nan":
      return NaN;
    case "inf":
    case "+inf":
      return Infinity;
    case "-inf":
      return -Infinity;
    default:
      return null;
  }
}

function matchAt(pattern, text, position) {
  pattern.lastIndex = position;
  return pattern.exec(text);
}
