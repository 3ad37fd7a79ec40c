// The value of a field: read from what the reader types, and written as JSON, as a query, as Python and as an option of
// the command line. Whether a value is valid is the service's to say; here only the forms are known.

const INTEGER = /^[+-]?\d{1,40}$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS = new Map([
  ["null", null], ["none", null], ["true", true], ["false", false],
  ["nan", "NaN"], ["inf", "Infinity"], ["+inf", "Infinity"], ["infinity", "Infinity"], ["∞", "Infinity"],
  ["-inf", "-Infinity"], ["-infinity", "-Infinity"], ["−∞", "-Infinity"], ["-∞", "-Infinity"],
]);
const MOST_DEPTH = 8;

/** The alternatives of a JSON Schema of a field. */
export function alternatives(schema) {
  return schema.oneOf ?? [schema];
}

/**
 * The value that a text means: 3; 3,2; 1:0,0:2; [[1, 0], [0, 2]]; same; null. A single entry becomes a list where the
 * schema has nothing but lists.
 */
export function parseValue(text, schema) {
  const trimmed = text.trim();
  const value = /^[[(]/.test(trimmed) ? parseList(trimmed) : parseRow(trimmed);
  const takesLists = alternatives(schema).every((each) => each.type === "array" || each.type === "null");
  return takesLists && !Array.isArray(value) && value !== null ? [value] : value;
}

/** Entries with commas between them; a pair alone is a list of one pair, since there are pairs for axes only. */
function parseRow(text) {
  return /[,:]/.test(text) ? text.split(",").map(parsePair) : parseScalar(text);
}

function parsePair(text) {
  return text.includes(":") ? text.split(":").map(parseScalar) : parseScalar(text);
}

function parseScalar(text) {
  const word = text.trim();
  if (INTEGER.test(word)) {
    const whole = Number(word);
    return Number.isSafeInteger(whole) ? whole : BigInt(word.replace("+", ""));
  }
  if (NUMBER.test(word)) return Number(word);
  const known = WORDS.get(word.toLowerCase());
  return known === undefined ? word.replace(/^(["'])(.*)\1$/, "$2") : known;
}

/** Lists in brackets or parentheses; what is malformed stays a text, which the service refuses in its own words. */
function parseList(text) {
  const parts = text.match(/[[\]()]|,|[^[\](),]+/g) ?? [];
  let place = 0;
  const readEntry = (depth) => {
    const part = parts[place];
    place += 1;
    if (part !== "[" && part !== "(") return parseScalar(part ?? "");
    const entries = [];
    while (place < parts.length && !/^[\])]$/.test(parts[place])) {
      if (depth >= MOST_DEPTH) return entries;
      if (parts[place] === "," || parts[place].trim() === "") place += 1;
      else entries.push(readEntry(depth + 1));
    }
    place += 1;
    return entries;
  };
  const value = readEntry(0);
  return place === parts.length ? value : text;
}

/** JSON of a value, with every digit of large integers. */
export function toJson(value) {
  if (Array.isArray(value)) return `[${value.map(toJson).join(", ")}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && Object.is(value, -0)) return "-0.0";
  return JSON.stringify(value);
}

/** The text of a value in a query string and of an option: 3,2 or 1:0,0:2. */
export function toText(value) {
  if (!Array.isArray(value)) return value === null ? "null" : String(value);
  return value.map((each) => (Array.isArray(each) ? each.map(toText).join(":") : toText(each))).join(",");
}

/** A value as a Python expression. */
export function toPython(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(toPython).join(", ")}]`;
  return toJson(value);
}

/** The text with which a control shows a value. */
export function shownText(value) {
  return value === null ? "null" : Array.isArray(value) && value.some(Array.isArray) ? toJson(value) : toText(value);
}
