// The state of the page in the fragment of its address: #op=max_pool2d&f.kernel_size=3&in=matrix&x=1 2;3 4. A fragment
// comes from anyone, so it is read strictly: known names, bounded lengths, and texts that the page only ever shows as
// text. It never has an API key.

/** The longest fragment that is written or read. */
export const LONGEST_FRAGMENT = 16384;
const NAME = /^[A-Za-z][A-Za-z0-9_.]{0,63}$/;
const MOST_ENTRIES = 64;
const KINDS = ["matrix", "random", "ramp", "photo"];

/** The state that a fragment describes; null if it describes none. */
export function readFragment(fragment) {
  const text = fragment.replace(/^#/, "");
  if (!text.startsWith("op=") || text.length > LONGEST_FRAGMENT) return null;
  const entries = [...new URLSearchParams(text)];
  if (entries.length > MOST_ENTRIES) return null;
  const state = { operator: "", dtype: null, fields: {}, companions: {}, kind: null, text: null, shape: null, seed: null };
  for (const [key, value] of entries) {
    const [group, name] = [key.slice(0, 2), key.slice(2)];
    if (key === "op" && NAME.test(value)) state.operator = value;
    else if (key === "dtype" && NAME.test(value)) state.dtype = value;
    else if (key === "in" && KINDS.includes(value)) state.kind = value;
    else if (key === "x") state.text = value;
    else if (key === "shape" && /^[\d, ]{1,100}$/.test(value)) state.shape = value;
    else if (key === "seed" && /^\d{1,10}$/.test(value)) state.seed = value;
    else if (group === "f." && NAME.test(name)) state.fields[name] = value;
    else if (group === "c." && NAME.test(name)) state.companions[name] = value;
  }
  return state.operator ? state : null;
}

/** The fragment of a state; without its texts if it would be too long, and null if it is too long even then. */
export function writeFragment(state) {
  const whole = fragmentOf(state);
  if (whole.length <= LONGEST_FRAGMENT) return { fragment: whole, isWhole: state.kind !== "file" };
  const short = fragmentOf({ ...state, kind: null, text: null, companions: {} });
  return { fragment: short.length <= LONGEST_FRAGMENT ? short : "", isWhole: false };
}

function fragmentOf({ operator, dtype, fields, companions, kind, text, shape, seed }) {
  const query = new URLSearchParams({ op: operator });
  for (const [name, value] of Object.entries(fields)) query.append(`f.${name}`, value);
  if (dtype) query.append("dtype", dtype);
  if (KINDS.includes(kind)) query.append("in", kind);
  if (kind === "matrix" && text !== null) query.append("x", text);
  if ((kind === "random" || kind === "ramp") && shape) query.append("shape", shape);
  if (kind === "random" && seed !== null) query.append("seed", seed);
  for (const [name, value] of Object.entries(companions)) query.append(`c.${name}`, value);
  return `#${query.toString().replaceAll("%2C", ",")}`;
}
