// The view of windows: the input and the output of a trace as grids, and the window that goes over them.
// It holds what is shown, and connects the grids, the player and the panels; each of them has a file of its own.

import { element as html } from "./dom.js";
import { makeChoosers } from "./plane_choosers.js";
import { columnOf, isSamePlane, key, readTrace, rowOf, tooLarge, tracedOutputs } from "./trace_model.js";
import { hiddenPositions, inputCells, legendOf, outputCells, windowMarks } from "./windows_cells.js";
import { inputSentence } from "./windows_explanation.js";
import { makeGrid } from "./windows_grid.js";
import { makeExplanation, makeLegend, makePositions, makeSizes } from "./windows_panels.js";
import { makePlayer } from "./windows_player.js";

const HINT = "Point at an element of the input to see its windows, and click to go to the next of them.";
/** The widest cell, and the width of the row numbers, in pixels. */
const CELL_PX = 52;
const HEADING_PX = 28;

/** Show a trace in a container.
 *
 * trace: the response of /v1/trace, or null; input: the tensor that was sent, for elements in no window (see trace_model.js);
 * reducedMotion: whether the window appears at its next place instead of moving there.
 *
 * Returns {update(trace, input), destroy()}.
 */
export function mountWindows(container, { trace, input = null, reducedMotion = false }) {
  const view = new WindowsView(reducedMotion);
  container.replaceChildren(view.root);
  view.update(trace, input);
  return {
    update: (newTrace, newInput = null) => view.update(newTrace, newInput),
    destroy() {
      view.destroy();
      view.root.remove();
    },
  };
}

class WindowsView {
  #model = null;
  /** The number of the current element, and that of the one under the pointer. */
  #place = 0;
  #previewed = null;
  /** The numbers of the elements in the current plane of the output, which the player goes through. */
  #ofPlane = [];
  /** An index of the input in the plane that is drawn. */
  #plane = null;
  #drawnOutput = null;
  #isCounting = false;

  constructor(reducedMotion) {
    this.player = makePlayer({
      onPlace: (number) => this.#go(this.#ofPlane[number]),
      onPlaying: (isPlaying) => {
        this.explanation.setLive(!isPlaying);
        this.#mark();
      },
    });
    this.inputGrid = makeGrid({
      label: "Input",
      on: {
        point: (cell) => this.#pointAtInput(cell),
        focus: (cell) => this.#pointAtInput(cell),
        choose: (cell) => this.#goToNextWindowOf(cell),
      },
    });
    this.outputGrid = makeGrid({
      label: "Output",
      on: {
        point: (cell) => this.#preview(cell),
        focus: (cell) => this.#choose(cell.place),
        choose: (cell) => this.#choose(cell.place),
      },
    });
    this.inputChoosers = makeChoosers({ label: "Input", onChoose: (axis, at) => this.#showSlice(axis, at) });
    this.outputChoosers = makeChoosers({ label: "Output", onChoose: (axis, at) => this.#goToPlane(axis, at) });
    this.outputNames = html("select", { "aria-label": "The output" });
    this.outputNames.addEventListener("change", () => this.#read(this.outputNames.value));
    this.explanation = makeExplanation();
    this.positions = makePositions();
    this.sizes = makeSizes();
    this.legend = makeLegend();
    this.inputTitle = html("h3", {});
    this.outputTitle = html("h3", {});
    this.pointed = html("p", { class: "pointed", "aria-live": "polite" });
    this.notice = html("p", { class: "notice", role: "status", hidden: true });
    const counts = html("input", { type: "checkbox" });
    counts.addEventListener("change", () => {
      this.#isCounting = counts.checked;
      this.#drawInput();
      this.#mark();
    });
    const inputHeader = html("header", {}, this.inputTitle, this.inputChoosers.element);
    const outputHeader = html("header", {}, this.outputTitle, this.outputNames, this.outputChoosers.element);
    this.grids = html(
      "div",
      { class: "grids" },
      html("section", { class: "side of-input", "aria-label": "The input and its window" }, inputHeader, this.inputGrid.element),
      html("section", { class: "side of-output", "aria-label": "The output" }, outputHeader, this.outputGrid.element),
    );
    this.body = html(
      "div",
      { class: "body" },
      html("div", { class: "stage" }, this.grids, this.player.element),
      html(
        "div",
        { class: "words" },
        this.explanation.element,
        this.pointed,
        this.legend.element,
        html("label", { class: "toggle" }, counts, html("span", {}, "Show in how many windows each element is")),
        this.positions.element,
      ),
      this.sizes.element,
    );
    this.root = html("div", { class: reducedMotion ? "windows-view still" : "windows-view" }, this.notice, this.body);
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== " " || !event.target.closest("[role=gridcell]")) return;
      event.preventDefault();
      this.player.toggle();
    });
  }

  update(trace, input) {
    this.trace = trace;
    this.input = input;
    const names = trace === null ? [] : tracedOutputs(trace);
    this.outputNames.replaceChildren(...names.map((name) => html("option", { value: name }, name)));
    this.outputNames.hidden = names.length < 2;
    this.#read(names[0]);
  }

  destroy() {
    this.player.destroy();
    this.inputGrid.destroy();
    this.outputGrid.destroy();
  }

  /** Read one output of the trace, and draw it. A place that it has too stays current. */
  #read(outputName) {
    this.player.pause();
    const earlier = this.#model;
    const model = this.trace?.elements.length ? readTrace(this.trace, this.input, outputName) : null;
    const reason = model === null ? "There is no element of the output to show." : tooLarge(model);
    this.#model = reason === null ? model : null;
    this.#previewed = null;
    this.notice.hidden = reason === null;
    this.notice.textContent = reason ?? "";
    this.body.hidden = reason !== null;
    if (reason !== null) return;
    const isSameShape = earlier !== null && key(earlier.output.shape) === key(model.output.shape);
    this.#place = isSameShape ? Math.min(this.#place, model.elements.length - 1) : 0;
    this.#plane = null;
    this.#drawnOutput = null;
    const source = model.source === "input" ? "Input" : `Output ${model.source}`;
    this.inputTitle.textContent = `${source} ${sizeText(model.input)}`;
    this.outputTitle.textContent = `Output ${sizeText(model.output)}`;
    this.inputChoosers.draw(model.input, model.input.slices);
    this.outputChoosers.draw(model.output, [...model.output.planes, ...model.output.slices]);
    this.sizes.draw(model);
    this.#go(this.#place);
  }

  /** Make an element the current one. */
  #go(place) {
    this.#place = place;
    this.#previewed = null;
    const { index } = this.#element();
    this.#drawOutput();
    this.player.setPlace(this.#ofPlane.indexOf(place));
    this.outputChoosers.show(index);
    this.outputGrid.activate(rowOf(this.#model.output, index), columnOf(this.#model.output, index));
    this.#show();
  }

  #choose(place) {
    if (place === this.#place && this.#previewed === null) return;
    this.player.pause();
    this.#go(place);
  }

  #element() {
    return this.#model.elements[this.#previewed ?? this.#place];
  }

  /** Show the element that is current or under the pointer, in the plane of the input that it is computed from. */
  #show() {
    const plane = this.#model.inputPlanes[this.#previewed ?? this.#place];
    const isDrawn = this.#plane !== null && isSamePlane(this.#model.input, this.#plane, plane);
    const holdsSome =
      isDrawn || (this.#plane !== null && this.#previewed !== null && this.#holdsPartOf(this.#element()));
    if (!holdsSome) {
      this.#plane = plane;
      this.#drawInput();
    }
    this.inputChoosers.show(this.#plane);
    this.#mark();
  }

  #holdsPartOf(element) {
    return hiddenPositions(this.#model, element, this.#plane) < element.positions.length;
  }

  #drawInput() {
    const { extent, cells } = inputCells(this.#model, this.#plane, this.#isCounting);
    this.inputGrid.draw(cells, extent);
    this.inputGrid.element.classList.toggle("counting", this.#isCounting);
    this.legend.draw(this.#model, legendOf(this.#model, cells));
    const inputWidth = widthOf(extent);
    const outputWidth = widthOf({ columns: { first: 0, end: this.#model.output.width } });
    // Both grids get cells of one size where there is room.
    this.grids.style.setProperty("--input-part", `${inputWidth}fr`);
    this.grids.style.setProperty("--output-part", `${outputWidth}fr`);
    this.grids.style.setProperty("--input-width", `${inputWidth}px`);
    this.grids.style.setProperty("--output-width", `${outputWidth}px`);
    this.body.style.setProperty("--grids-width", `calc(${inputWidth + outputWidth}px + 2rem)`);
  }

  #drawOutput() {
    const model = this.#model;
    const { index } = model.elements[this.#place];
    if (this.#drawnOutput !== null && isSamePlane(model.output, this.#drawnOutput, index)) return;
    this.#drawnOutput = index;
    const isOfPlane = ({ index: other }) => model.output.planes.every((axis) => other[axis] === index[axis]);
    this.#ofPlane = model.elements.flatMap((element, place) => (isOfPlane(element) ? [place] : []));
    const { extent, cells } = outputCells(model, index);
    this.outputGrid.draw(cells, extent);
    this.player.setCount(this.#ofPlane.length);
  }

  /** Mark the window on the input and its cell on the output, and say what it holds. */
  #mark(pointed = null) {
    const model = this.#model;
    if (model === null) return;
    const element = this.#element();
    const cellOf = ({ index }) => [rowOf(model.output, index), columnOf(model.output, index)];
    const isShown = ({ index }) => isSamePlane(model.output, this.#drawnOutput, index);
    const isAhead = (other, place) => this.player.isPlaying() && place > this.#place && isShown(other);
    this.inputGrid.mark(windowMarks(model, element, this.#plane));
    this.outputGrid.mark({
      window: [cellOf(element)],
      linked: (pointed?.places ?? []).map((place) => model.elements[place]).filter(isShown).map(cellOf),
      ahead: model.elements.filter(isAhead).map(cellOf),
    });
    this.pointed.textContent =
      pointed === null ? HINT : inputSentence(model, pointed.index, pointed.row, pointed.column, pointed.places);
    this.explanation.show(model, element, this.#plane);
    this.positions.show(model, element);
    this.sizes.show(model, element);
  }

  #pointAtInput(cell) {
    this.#previewed = null;
    this.#mark(cell);
  }

  #preview(cell) {
    if (this.player.isPlaying()) return;
    this.#previewed = cell?.place ?? null;
    this.#show();
  }

  #goToNextWindowOf({ places }) {
    if (places.length === 0) return;
    const next = places.find((place) => place > this.#place) ?? places[0];
    this.player.pause();
    this.#go(next);
  }

  #showSlice(axis, at) {
    this.#plane = this.#plane.with(axis, at);
    this.#drawInput();
    this.#mark();
  }

  /** Go to the same place in another plane or slice of the output. */
  #goToPlane(axis, at) {
    const model = this.#model;
    const index = model.elements[this.#place].index.with(axis, at);
    const place = model.byIndex.get(key(index));
    if (place !== undefined) this.#choose(place);
  }
}

function widthOf({ columns }) {
  return (columns.end - columns.first) * CELL_PX + HEADING_PX;
}

function sizeText(axes) {
  const sizes = [...axes.slices, axes.rows, axes.columns].filter((axis) => axis !== null);
  return sizes.map((axis) => axes.shape[axis]).join(" × ");
}
