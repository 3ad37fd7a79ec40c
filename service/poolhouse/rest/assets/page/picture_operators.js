// Chooses which operators a picture can be pooled by beside the current one, and with which fields.

/** Fields that say how large a window is. Operators that have one of them give outputs of similar shapes. */
const WINDOW_FIELDS = ["kernel_size", "filter_size"];
const SIZE_FIELDS = ["output_size"];
/** Fields that other operators take over from the current one, where they have them. */
const SHARED_FIELDS = ["kernel_size", "output_size", "stride", "padding", "dilation", "ceil_mode"];
/** Fields of the current operator that the view does not pass on: pictures are channels first, and have one output. */
const DROPPED_FIELDS = ["layout", "return_indices", "return_valid", "keepdims"];
const DEFAULT_WINDOW = 4;
/** The operators that are shown first, of those that there are; adaptive ones have another prefix. */
const FIRST_CHOICES = ["max_pool2d", "avg_pool2d", "median_pool2d", "min_pool2d", "blur_pool2d"];

/** The operators that may pool a picture: of two axes, without other tensors, and named by this service. */
export function pictureOperators(operators) {
  return operators.filter(({ name, rank, fields }) => rank === 2 && !name.includes(".") && hasSize(namesOf(fields)));
}

function namesOf(fields) {
  return fields.map((field) => (typeof field === "string" ? field : field.name));
}

function hasSize(names) {
  return [...WINDOW_FIELDS, ...SIZE_FIELDS].some((field) => names.includes(field));
}

/** Whether two operators' windows are sized alike: by a window's elements, or by the output's size. */
export function isAlike(card, other) {
  const kinds = [WINDOW_FIELDS, SIZE_FIELDS];
  const names = namesOf(card.fields);
  const others = namesOf(other.fields);
  return kinds.some((fields) => fields.some((each) => names.includes(each)) && fields.some((each) => others.includes(each)));
}

/** The names to show first, the best known ones in their order before others. */
export function firstChoices(names, count) {
  const ofPrefix = (prefix) => FIRST_CHOICES.map((name) => prefix + name).filter((name) => names.includes(name));
  const known = ["", "adaptive_"].map(ofPrefix).find((found) => found.length > 0) ?? [];
  return (known.length > 0 ? known : names).slice(0, count);
}

/** Whether an operator can pool a picture: it needs no tensor beside the input, and its fields can be filled in. */
export function canPool(card) {
  return (
    card.rank === 2 &&
    card.inputs.length === 1 &&
    card.fields.every(({ name, required, schema }) => !required || SHARED_FIELDS.includes(name) || schema?.examples?.length)
  );
}

/** The fields for the current operator itself. */
export function ownFields(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !DROPPED_FIELDS.includes(name)));
}

/** The fields for another operator: those of the current one that it has, and examples of those that it requires. */
export function fieldsFor(card, current) {
  const given = { ...current };
  // Without a stride windows lie side by side; an operator whose window has another size needs it written.
  if (given.stride === undefined && given.kernel_size !== undefined) given.stride = given.kernel_size;
  const fields = {};
  for (const { name, required, schema } of card.fields) {
    if (SHARED_FIELDS.includes(name) && given[name] !== undefined) fields[name] = given[name];
    else if (required) fields[name] = name === "kernel_size" ? DEFAULT_WINDOW : schema?.examples?.[0];
  }
  return fields;
}
