// The panel of the input: a typed matrix, random or rising numbers, the photograph, or a file; and its element type.

import { byId, byteText, element, setProblem, shapeText } from "./dom.js";
import { matrixText, parseMatrix, placeAxes } from "./matrix.js";
import { ROOT } from "./api.js";
import { MOST_WRITTEN, textsOf } from "./request.js";
import { makeRamp, makeRandom, parseShape, readFile, readPicture, tensorOfPicture } from "./sources.js";
import { convert, nest } from "./tensors.js";

const DEFAULT_TYPE = "float32";

/**
 * The panel. `onChange` is called when the reader changes the input.
 * Gives {useCard, read, picture, state, setState, showProblem}.
 */
export function makeInput(onChange) {
  const nodes = {
    kinds: [...document.querySelectorAll('input[name="kind"]')],
    text: byId("input-text"), shape: byId("input-shape"), seed: byId("input-seed"), reseed: byId("input-reseed"),
    file: byId("input-file"), drop: byId("input"), dtype: byId("input-dtype"), meaning: byId("input-dtype-meaning"),
    note: byId("input-note"), problem: byId("input-problem"), named: byId("input-file-name"),
  };
  const parts = [...document.querySelectorAll("[data-kinds]")];
  let card = null;
  let given = null; // {tensor} or {picture} of a file or the photograph
  let photo = null;

  const kind = () => nodes.kinds.find((each) => each.checked)?.value ?? "matrix";
  function setKind(name) {
    for (const each of nodes.kinds) each.checked = each.value === name;
    for (const part of parts) part.hidden = !part.dataset.kinds.split(" ").includes(name);
  }

  function setTypes(chosen) {
    const names = Object.keys(card.element_types);
    nodes.dtype.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    nodes.dtype.value = names.includes(chosen) ? chosen : names.includes(DEFAULT_TYPE) ? DEFAULT_TYPE : names[0];
    showMeaning();
  }

  function showMeaning() {
    nodes.meaning.textContent = card.element_types[nodes.dtype.value] ?? "";
  }

  async function loadPhoto() {
    photo ??= fetch(new URL("page/photo.png", ROOT), { credentials: "omit" }).then((response) => response.blob()).then((blob) => readPicture(blob, "photo.png"));
    given = { picture: await photo };
    setTypes(Object.hasOwn(card.element_types, "uint8") ? "uint8" : nodes.dtype.value);
  }

  async function takeFile(file) {
    setKind("file");
    try {
      given = await readFile(file);
      const own = given.tensor?.dtype ?? "uint8";
      setTypes(Object.hasOwn(card.element_types, own) ? own : nodes.dtype.value);
      const size = given.tensor
        ? `${given.tensor.dtype} ${shapeText(given.tensor.shape)}`
        : `${given.picture.width}×${given.picture.height} pixels, ${given.picture.channels} ${given.picture.channels === 1 ? "channel" : "channels"}`;
      nodes.named.textContent = `${file.name}: ${size}, ${byteText(file.size)}`;
      showProblem("");
    } catch (error) {
      given = null;
      nodes.named.textContent = file.name;
      showProblem(error.message);
    }
    onChange();
  }

  function showProblem(message) {
    setProblem(nodes.problem, nodes.text, message);
  }

  for (const each of nodes.kinds) {
    each.addEventListener("change", async () => {
      setKind(each.value);
      given = null;
      showProblem("");
      if (each.value === "file") {
        nodes.named.textContent = "";
        return;
      }
      if (each.value === "photo") await loadPhoto();
      onChange();
    });
  }
  nodes.dtype.addEventListener("change", () => {
    showMeaning();
    onChange();
  });
  for (const each of [nodes.text, nodes.shape, nodes.seed]) each.addEventListener("input", onChange);
  nodes.reseed.addEventListener("click", () => {
    nodes.seed.value = String((Number(nodes.seed.value) || 0) + 1);
    onChange();
  });
  nodes.file.addEventListener("change", () => {
    if (nodes.file.files[0]) takeFile(nodes.file.files[0]);
    nodes.file.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    nodes.drop.addEventListener(name, (event) => {
      event.preventDefault();
      nodes.drop.classList.toggle("is-over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]);
    });
  }

  /** Where the axes of a matrix go; with channels last if a field of the operator says so by its value. */
  function axes(isChannelsLast) {
    const example = exampleOf(card, "input");
    const spatial = card.rank || Math.max(0, example.shape.length - 2);
    return { count: card.rank ? card.rank + 2 : example.shape.length, spatial, isChannelsLast };
  }

  return {
    /** Take an operator's card: its element types, and its example as the input unless the input is kept. */
    useCard(next, { keep }) {
      card = next;
      const example = exampleOf(card, "input");
      setTypes(keep ? nodes.dtype.value : example.dtype);
      nodes.shape.value = example.shape.join(", ");
      if (keep) return;
      setKind("matrix");
      given = null;
      // By the layout of the example itself: its text has another shape in another layout.
      const isChannelsLast = card.fields.some(({ name, default: value }) => (card.example.request[name] ?? value) === "channels_last");
      nodes.text.value = matrixText(example.texts, example.shape, axes(isChannelsLast));
    },
    /** The input as a tensor of a request (see request.js). Throws an error for the reader if there is none. */
    read(isChannelsLast) {
      const dtype = nodes.dtype.value;
      const tensor = { name: "input", dtype, isDefaultType: dtype === DEFAULT_TYPE, texts: null, data: null };
      if (kind() === "matrix") {
        const { shape, texts, isNested } = parseMatrix(nodes.text.value);
        return { ...tensor, shape: isNested ? shape : placeAxes(shape, axes(isChannelsLast)), texts };
      }
      const found = convert(make(dtype, isChannelsLast), dtype);
      const texts = found.data.length <= MOST_WRITTEN ? textsOf(found) : null;
      return { ...tensor, shape: found.shape, data: found.data, texts };
    },
    /** The picture that is the input, or null. */
    picture: () => (kind() === "photo" || kind() === "file" ? (given?.picture ?? null) : null),
    state: () => ({
      kind: kind(), dtype: nodes.dtype.value, text: nodes.text.value, shape: nodes.shape.value.trim(), seed: nodes.seed.value,
    }),
    /** Set the panel from a permalink; what it does not name stays as the card has set it. */
    async setState({ kind: name, dtype, text, shape, seed }) {
      if (name) setKind(name);
      if (text !== null) nodes.text.value = text;
      if (shape !== null) nodes.shape.value = shape;
      if (seed !== null) nodes.seed.value = seed;
      if (name === "photo") await loadPhoto();
      if (dtype) setTypes(dtype);
    },
    showProblem,
    note(text) {
      nodes.note.textContent = text;
    },
  };

  /** The shape as typed; with N and C of size 1 if it has spatial axes alone, which no operator takes. */
  function typedShape(isChannelsLast) {
    const shape = parseShape(nodes.shape.value);
    return card.rank && shape.length <= card.rank ? placeAxes(shape, axes(isChannelsLast)) : shape;
  }

  function make(dtype, isChannelsLast) {
    if (kind() === "random") return makeRandom(dtype, typedShape(isChannelsLast), Number(nodes.seed.value) || 0);
    if (kind() === "ramp") return makeRamp(dtype, typedShape(isChannelsLast));
    if (given?.tensor) return given.tensor;
    if (given?.picture) return tensorOfPicture(given.picture, isChannelsLast);
    throw new Error("There is no file yet: choose one, or drop it here. PNG, JPEG and npy files are read.");
  }
}

/** A tensor of the card's example: {dtype, shape, texts}. */
export function exampleOf(card, name) {
  const entry = card.example.request[name];
  const list = Array.isArray(entry) ? entry : entry.data;
  const shape = [];
  for (let level = list; Array.isArray(level); level = level[0]) shape.push(level.length);
  const texts = list.flat(Infinity).map(String);
  return { dtype: Array.isArray(entry) ? null : entry.dtype, shape, texts };
}

/**
 * The tensors beside the input: a text for each, as the card's example has it.
 * Gives {nodes, read(), texts(), setTexts(), showProblem(), clearProblems()}.
 */
export function makeCompanions(card, onChange) {
  const controls = new Map(card.companions.map((companion) => [companion.name, makeCompanion(card, companion, onChange)]));
  return {
    nodes: [...controls.values()].map((control) => control.node),
    /** The tensors that are given. */
    read: () => [...controls.values()].flatMap((control) => control.read()),
    texts: () => Object.fromEntries([...controls].map(([name, { text }]) => [name, text.value])),
    setTexts(texts) {
      for (const [name, { text }] of controls) if (Object.hasOwn(texts, name)) text.value = texts[name];
    },
    showProblem(name, message) {
      controls.get(name)?.showProblem(message);
      return controls.has(name);
    },
    clearProblems() {
      for (const control of controls.values()) control.showProblem("");
    },
  };
}

function makeCompanion(card, companion, onChange) {
  const id = `tensor-${companion.name}`;
  const hasExample = Object.hasOwn(card.example.request, companion.name);
  const example = hasExample ? exampleOf(card, companion.name) : null;
  const text = element("textarea", { id, rows: "3", spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-problem ${id}-help` });
  text.value = example ? nest(example.texts, example.shape) : "";
  const types = companion.dtypes.map((name) => element("option", { value: name }, name));
  const dtype = element("select", { id: `${id}-dtype`, "aria-label": `element type of ${companion.name}` }, ...types);
  if (example?.dtype) dtype.value = example.dtype;
  const problem = element("p", { class: "problem", id: `${id}-problem`, hidden: true });
  text.addEventListener("input", onChange);
  text.addEventListener("focus", () => node.classList.add("is-open"));
  dtype.addEventListener("change", onChange);
  const marker = companion.required ? element("span", { class: "required" }, "required") : null;
  const node = element(
    "div",
    { class: "field tensor", "data-field": companion.name },
    element("label", { for: id }, companion.name, marker),
    types.length > 1 ? dtype : null,
    text,
    problem,
    element("p", { class: "help", id: `${id}-help` }, companion.meaning),
  );
  return {
    node,
    text,
    read() {
      if (text.value.trim() === "") return [];
      try {
        const { shape, texts } = parseMatrix(text.value);
        return [{ name: companion.name, dtype: dtype.value, shape, texts, data: null, isDefaultType: dtype.value === companion.dtypes[0] }];
      } catch (error) {
        error.tensor = companion.name;
        throw error;
      }
    },
    showProblem: (message) => setProblem(problem, text, message),
  };
}
