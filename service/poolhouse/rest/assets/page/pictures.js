// The view of pictures: a picture beside the outputs of several operators, and the difference of two of them.

import { shortNumber, wholeNumber } from "./cell_numbers.js";
import { element as html } from "./dom.js";
import { makeDifference } from "./difference_panel.js";
import { canPool, fieldsFor, firstChoices, isAlike, ownFields, pictureOperators } from "./picture_operators.js";
import { elementsAt, imageOf, MOST_SIDE, paint, rangeOf, scaleOf, tensorOf } from "./picture_pixels.js";
import { toText } from "./values.js";

const MOST_SHOWN = 8;
const MOST_FIRST = 4;

/** Show a picture and what operators make of it.
 *
 * api: {get(path, signal), pool(operator, fields, tensor, signal)} of api.js; operators: the list of the service;
 * picture: {name, width, height, channels, pixels}; current: {operator, fields by name}.
 *
 * Returns {update(options), destroy()}.
 */
export function mountPictures(container, options) {
  const view = new PicturesView();
  container.replaceChildren(view.root);
  view.update(options);
  return {
    update: (newOptions) => view.update(newOptions),
    destroy() {
      view.destroy();
      view.root.remove();
    },
  };
}

class PicturesView {
  #options = null;
  #tensor = null;
  #cards = new Map();
  /** The names of the operators beside the current one; null before the first are chosen. */
  #chosen = null;
  #running = new AbortController();
  /** The outputs by title, for the difference and for the elements under the pointer. */
  #shown = [];

  constructor() {
    this.note = html("p", { class: "muted note", role: "status" });
    this.list = html("div", { class: "operators-shown" });
    this.choices = html("div", { class: "choices" });
    this.chooser = html(
      "details",
      { class: "chooser" },
      html("summary", {}, "Operators to compare"),
      html("fieldset", {}, html("legend", { class: "visually-hidden" }, "Operators to compare"), this.choices),
    );
    this.difference = makeDifference();
    this.root = html("div", { class: "pictures-view" }, this.note, this.chooser, this.list, this.difference.element);
  }

  async update(options) {
    const isSamePicture = this.#options?.picture === options.picture;
    this.#options = options;
    if (!isSamePicture) this.#tensor = tensorOf(options.picture);
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.root.setAttribute("aria-busy", "true");
    try {
      const candidates = await this.#candidates(signal);
      if (signal.aborted) return;
      this.#drawChoices(candidates);
      await this.#pool(candidates, signal);
    } catch (error) {
      if (!signal.aborted) this.note.textContent = error.message;
    } finally {
      if (!signal.aborted) this.root.setAttribute("aria-busy", "false");
    }
  }

  destroy() {
    this.#running.abort();
  }

  async #card(name, signal) {
    if (!this.#cards.has(name)) {
      this.#cards.set(name, await this.#options.api.get(`v1/operators/${encodeURIComponent(name)}`, signal));
    }
    return this.#cards.get(name);
  }

  /** The cards of the operators whose windows are sized like those of the current one, which is first if it can pool. */
  async #candidates(signal) {
    const { operators, current } = this.#options;
    const own = await this.#card(current.operator, signal);
    const isUsable = canPool(own);
    const others = pictureOperators(operators).filter(({ name }) => name !== own.name);
    const [known] = firstChoices(others.map(({ name }) => name), 1);
    // Where the current operator has no size, as a global one, the others are those of windows.
    const hasAlike = isUsable && others.some((other) => isAlike(own, other));
    const model = hasAlike ? own : others.find(({ name }) => name === known);
    const alike = others.filter((other) => isAlike(model, other));
    const cards = await Promise.all(alike.map(({ name }) => this.#card(name, signal)));
    return { own: isUsable ? own : null, others: cards.filter(canPool) };
  }

  #drawChoices({ own, others }) {
    const names = others.map(({ name }) => name);
    if (this.#chosen === null || !this.#chosen.some((name) => names.includes(name))) {
      this.#chosen = firstChoices(names, MOST_FIRST);
    }
    const focused = document.activeElement?.value;
    const isInside = this.choices.contains(document.activeElement);
    this.choices.replaceChildren(
      ...others.map(({ name, summary }) => {
        const box = html("input", { type: "checkbox", value: name });
        box.checked = this.#chosen.includes(name);
        box.disabled = !box.checked && this.#chosen.length >= MOST_SHOWN;
        box.addEventListener("change", () => this.#choose(name, box.checked));
        return html("label", { title: summary }, box, html("span", {}, name));
      }),
    );
    if (isInside) [...this.choices.querySelectorAll("input")].find(({ value }) => value === focused)?.focus();
    const step = Math.ceil(Math.max(this.#options.picture.width, this.#options.picture.height) / MOST_SIDE);
    const notes = [];
    if (own === null) notes.push(`${this.#options.current.operator} pools no picture; these operators do.`);
    if (step > 1) notes.push(`The picture is shown and pooled from every ${step}th pixel.`);
    this.note.textContent = notes.join(" ");
    this.note.hidden = notes.length === 0;
  }

  #choose(name, isChosen) {
    this.#chosen = isChosen ? [...this.#chosen, name] : this.#chosen.filter((other) => other !== name);
    this.update(this.#options);
  }

  async #pool({ own, others }, signal) {
    const { api, current } = this.#options;
    const fields = own === null ? {} : ownFields(current.fields);
    const asked = this.#chosen
      .map((name) => others.find((card) => card.name === name))
      .filter((card) => card !== undefined)
      .map((card) => ({ operator: card.name, fields: fieldsFor(card, fields) }));
    if (own !== null) asked.unshift({ operator: own.name, fields });
    const outputs = await Promise.all(
      asked.map(async ({ operator, fields: given }) => {
        try {
          return { operator, fields: given, tensor: await api.pool(operator, given, this.#tensor, signal) };
        } catch (error) {
          return { operator, fields: given, refusal: error.message };
        }
      }),
    );
    if (signal.aborted) return;
    const input = { operator: this.#options.picture.name, fields: {}, tensor: this.#tensor, isInput: true };
    this.#shown = [input, ...outputs].map((output) => this.#figure(output));
    this.list.replaceChildren(...this.#shown.map(({ figure }) => figure));
    this.difference.show(this.#shown.filter(({ tensor }) => tensor).map(({ title, tensor }) => ({ title, tensor })));
  }

  #figure({ operator, fields, tensor = null, refusal = null, isInput = false }) {
    const title = isInput ? "Input" : operator;
    const readout = html("p", { class: "readout" });
    const given = Object.entries(fields).map(([name, value]) => `${name} ${toText(value)}`);
    const facts = [isInput ? operator : given.join(", ")];
    const shown = { title, tensor, readout };
    const parts = [];
    if (tensor === null) parts.push(html("p", { class: "problem" }, refusal));
    else {
      const scale = scaleOf(tensor);
      const range = rangeOf(tensor);
      const canvas = html("canvas", { role: "img", tabindex: 0, "aria-label": `${title}, ${tensor.shape.join(" × ")}` });
      canvas.style.aspectRatio = this.#tensor.shape.slice(-2).toReversed().join(" / ");
      paint(canvas, imageOf(tensor, scale));
      this.#readAt(canvas, tensor);
      parts.push(canvas);
      facts.push(`(${tensor.shape.join(", ")})`);
      const how = scale.isOwn ? ", drawn in this range" : "";
      if (range !== null) facts.push(`values ${shortNumber(range.least)} to ${shortNumber(range.most)}${how}`);
    }
    shown.figure = html(
      "figure",
      {},
      ...parts,
      html("figcaption", {}, html("strong", {}, title), ...facts.map((fact) => html("span", {}, fact)), readout),
    );
    return shown;
  }

  /** Let the pointer, or the arrow keys, choose a place of a picture; all of them say their elements there. */
  #readAt(canvas, tensor) {
    const [height, width] = tensor.shape.slice(-2);
    const at = { row: Math.floor(height / 2), column: Math.floor(width / 2) };
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      this.#read((event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width);
    });
    canvas.addEventListener("pointerleave", () => this.#read(null, null));
    canvas.addEventListener("blur", () => this.#read(null, null));
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [down, right] = steps[event.key];
      at.row = Math.min(Math.max(at.row + down, 0), height - 1);
      at.column = Math.min(Math.max(at.column + right, 0), width - 1);
      this.#read((at.row + 0.5) / height, (at.column + 0.5) / width);
    });
  }

  #read(down, right) {
    for (const { tensor, readout } of this.#shown) {
      if (tensor === null) continue;
      if (down === null) {
        readout.textContent = "";
        continue;
      }
      const [height, width] = tensor.shape.slice(-2);
      const row = Math.min(Math.max(Math.floor(down * height), 0), height - 1);
      const column = Math.min(Math.max(Math.floor(right * width), 0), width - 1);
      const values = elementsAt(tensor, row, column).map((value) => wholeNumber(Math.round(value * 1000) / 1000));
      readout.textContent = `row ${row}, column ${column}: ${values.join(", ")}`;
    }
  }
}
