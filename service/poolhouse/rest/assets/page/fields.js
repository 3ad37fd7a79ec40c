// The controls of an operator's fields, made from the JSON Schema of each in the operator's card. No operator and no
// field is known by name here.

import { element, setProblem } from "./dom.js";
import { alternatives, parseValue, shownText } from "./values.js";

/**
 * The controls of the fields of a card.
 *
 * onChange: called when the reader changes a field.
 * Gives {nodes, values(), texts(), setTexts(texts), effective(), showProblem(name, message), clearProblems()}.
 */
export function makeFields(card, onChange) {
  const controls = new Map(card.fields.map((field) => [field.name, makeControl(field, onChange)]));
  return {
    nodes: [...controls.values()].map((control) => control.node),
    /** The fields that are set, as [name, value]. */
    values() {
      return [...controls].flatMap(([name, control]) => {
        const value = control.value();
        return value === undefined ? [] : [[name, value]];
      });
    },
    /** What the reader typed or chose, by name, where it is anything. */
    texts() {
      return Object.fromEntries([...controls].map(([name, control]) => [name, control.text()]).filter(([, text]) => text !== ""));
    },
    /** Set all fields from texts by name; those without a text are unset. */
    setTexts(texts) {
      for (const [name, control] of controls) control.setText(Object.hasOwn(texts, name) ? texts[name] : "");
    },
    /** The values in use, defaults included. */
    effective() {
      return card.fields.map((field) => controls.get(field.name).value() ?? field.default);
    },
    /** Show a refusal beside the field; false if there is no field of this name. */
    showProblem(name, message) {
      controls.get(name)?.showProblem(message);
      return controls.has(name);
    },
    clearProblems() {
      for (const control of controls.values()) control.showProblem("");
    },
  };
}

/** The texts of the fields of an example request. */
export function textsOfExample(card) {
  const { request } = card.example;
  const names = card.fields.map((field) => field.name).filter((name) => Object.hasOwn(request, name));
  return Object.fromEntries(names.map((name) => [name, shownText(request[name])]));
}

function makeControl(field, onChange) {
  const id = `field-${field.name}`;
  const entry = entryOf(field, id);
  const problem = element("p", { class: "problem", id: `${id}-problem`, hidden: true });
  const help = element("p", { class: "help", id: `${id}-help` }, field.meaning);
  const label = element("label", { for: id }, field.name, field.required ? element("span", { class: "required" }, "required") : null);
  const accepts = entry.needsWords ? element("p", { class: "accepts", id: `${id}-accepts` }, `Takes ${field.accepts}.`) : null;
  const described = [accepts ? `${id}-accepts` : "", `${id}-help`].filter(Boolean).join(" ");
  entry.input.setAttribute("aria-describedby", described);
  const node = element("div", { class: `field ${entry.kind}`, "data-field": field.name }, label, entry.node, problem, help, accepts);
  const changed = () => {
    node.classList.toggle("is-set", entry.value() !== undefined);
    onChange();
  };
  entry.input.addEventListener("input", changed);
  // The whole help, from now on: if it went away with the focus, a click below would miss what moves up.
  node.addEventListener("focusin", () => node.classList.add("is-open"));
  entry.onStep = changed;
  return {
    node,
    value: entry.value,
    text: entry.text,
    setText(text) {
      entry.setText(text);
      node.classList.toggle("is-set", entry.value() !== undefined);
    },
    showProblem(message) {
      setProblem(problem, entry.input, message);
      entry.input.setAttribute("aria-describedby", message ? `${id}-problem ${described}` : described);
    },
  };
}

/** The control for a schema: a checkbox for a flag, a list for words, else a text. */
function entryOf(field, id) {
  const options = alternatives(field.schema).filter((each) => each.type !== "null");
  if (options.length === 1 && options[0].type === "boolean") return makeCheckbox(field, id);
  if (options.length === 1 && options[0].enum) return makeSelect(field, id, options[0].enum);
  return makeText(field, id, options);
}

function makeCheckbox(field, id) {
  const input = element("input", { type: "checkbox", id, name: field.name });
  const reset = () => {
    input.checked = field.default === true;
  };
  reset();
  const value = () => (input.checked === (field.default === true) && !field.required ? undefined : input.checked);
  return {
    kind: "flag",
    node: input,
    input,
    value,
    text: () => (value() === undefined ? "" : String(input.checked)),
    setText(text) {
      if (text === "true" || text === "false") input.checked = text === "true";
      else reset();
    },
  };
}

function makeSelect(field, id, words) {
  const name = field.default === null || field.default === undefined ? "not given" : `${shownText(field.default)} (default)`;
  const others = words.filter((word) => word !== field.default);
  const input = element(
    "select",
    { id, name: field.name },
    element("option", { value: "" }, name),
    ...others.map((word) => element("option", { value: String(word) }, String(word))),
  );
  return {
    kind: "choice",
    node: input,
    input,
    value: () => (input.value === "" ? undefined : words.find((word) => String(word) === input.value)),
    text: () => input.value,
    setText(text) {
      input.value = others.some((word) => String(word) === text) ? text : "";
    },
  };
}

function makeText(field, id, options) {
  const input = element("input", {
    type: "text", id, name: field.name, autocomplete: "off", spellcheck: "false", placeholder: placeholderOf(field),
    "aria-required": field.required ? "true" : null,
  });
  const entry = {
    kind: "text",
    input,
    needsWords: true,
    onStep: () => {},
    value: () => (input.value.trim() === "" ? undefined : parseValue(input.value, field.schema)),
    text: () => input.value.trim(),
    setText(text) {
      input.value = text;
    },
  };
  const isNumeric = options.some((each) => each.type === "integer" || (each.type === "array" && each.items?.type === "integer"));
  if (isNumeric) {
    input.inputMode = "text";
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      step(by);
    });
  }
  function step(by) {
    input.value = stepped(input.value.trim() || placeholderNumber(field), by, options);
    entry.onStep();
  }
  const chips = chipsOf(options, field, input, () => entry.onStep());
  const stepper = (by, sign, words) => {
    const button = element("button", { type: "button", class: "step", "aria-label": `${words} ${field.name}`, tabindex: "-1" }, sign);
    button.addEventListener("click", () => step(by));
    return button;
  };
  const row = element("div", { class: "entry" }, input, ...(isNumeric ? [stepper(-1, "−", "decrease"), stepper(1, "+", "increase")] : []));
  entry.node = chips.length ? element("div", { class: "entry-with-chips" }, row, element("div", { class: "chips" }, ...chips)) : row;
  return entry;
}

function placeholderOf(field) {
  if (field.default_from) return `as ${field.default_from}`;
  if (field.required) return field.schema.examples ? `such as ${shownText(field.schema.examples[0])}` : "";
  return field.default === null || field.default === undefined ? "not given" : shownText(field.default);
}

/** Where stepping starts if the field is empty. */
function placeholderNumber(field) {
  const start = field.default ?? field.schema.examples?.[0] ?? 1;
  return typeof start === "number" || Array.isArray(start) ? shownText(start) : "1";
}

/** The text with every integer in it one larger or smaller, within the bounds of the schema. */
function stepped(text, by, options) {
  const integers = options.map((each) => (each.type === "array" ? each.items : each)).filter((each) => each?.type === "integer");
  const least = Math.min(...integers.map((each) => each.minimum ?? -Infinity));
  const most = Math.max(...integers.map((each) => each.maximum ?? Infinity));
  return text.replace(/-?\d+/g, (digits) => String(Math.min(most, Math.max(least, Number(digits) + by))));
}

/** Buttons for the words that the schema takes beside numbers, and one that gives each axis a number of its own. */
function chipsOf(options, field, input, onChange) {
  const chips = [];
  const add = (text, label, isOn, next) => {
    const chip = element("button", { type: "button", class: "chip", "aria-label": label, "aria-pressed": "false" }, text);
    const show = () => chip.setAttribute("aria-pressed", String(isOn(input.value.trim())));
    chip.addEventListener("click", () => {
      input.value = next(input.value.trim());
      show();
      onChange();
    });
    input.addEventListener("input", show);
    input.addEventListener("focus", show);
    chips.push(chip);
  };
  const lists = options.filter((each) => each.type === "array" && each.items?.type && each.minItems === each.maxItems);
  const axes = lists.length === 1 && options.length > 1 ? lists[0].maxItems : 1;
  if (axes > 1) {
    add("per axis", `${field.name} per axis`, (text) => text.includes(","), (text) => {
      const number = (text || placeholderNumber(field)).split(",")[0];
      return text.includes(",") ? number : Array(axes).fill(number).join(",");
    });
  }
  for (const { enum: words, type } of options) {
    const isWord = type === "string" && words;
    if (isWord) {
      const severalOf = options.some((each) => each.type === "array" && each.items?.enum);
      for (const word of words) {
        add(word, `${field.name} ${word}`, (text) => text.split(",").includes(word), (text) => {
          const given = text.split(",").filter((each) => each !== "");
          if (given.includes(word)) return given.filter((each) => each !== word).join(",");
          return severalOf ? [...given, word].join(",") : word;
        });
      }
    }
  }
  return chips;
}

