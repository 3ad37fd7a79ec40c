// Writes numbers: short ones for cells, whole ones for tooltips and sentences.
// A value is a number or a boolean, or a text of one: "NaN", "Infinity" and "-Infinity" are no numbers of JSON.

const WORDS = { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" };

/** The whole value, with a real minus sign. */
export function wholeNumber(value) {
  if (value === null || value === undefined) return "unknown";
  return WORDS[String(value)] ?? String(value).replaceAll("-", "−");
}

/** The value in about five characters. */
export function shortNumber(value) {
  if (value === null || value === undefined) return "?";
  const number = asNumber(value);
  if (!Number.isFinite(number)) return WORDS[String(value)] ?? "?";
  if (number === 0) return "0";
  const size = Math.abs(number);
  const exponent = Math.floor(Math.log10(size));
  let text;
  if (Number.isInteger(number) && size < 1e5) text = String(number);
  else if (size >= 1e5 || size < 1e-3) text = number.toExponential(1).replace("e+", "e").replace(".0e", "e");
  else text = String(Number(number.toFixed(exponent < 0 ? 2 - exponent : Math.max(0, 3 - exponent))));
  return text.replaceAll("-", "−");
}

/** The value as a number for shades; NaN where it has none. */
export function asNumber(value) {
  if (value === null || value === undefined) return NaN;
  return { true: 1, false: 0 }[String(value)] ?? Number(value);
}
