// The panels beside the grids: the explanation of a window, its positions in a table, the sizes, the legend.

import { drawAxis } from "./axis_diagram.js";
import { wholeNumber } from "./cell_numbers.js";
import { element as html } from "./dom.js";
import { formulaNumbers, lastWindowSentences, sizeAxes, symbols } from "./size_formula.js";
import { inputPlace, join, outputPlace, paddingWords, windowSentence, winnerSentence } from "./windows_explanation.js";
import { hiddenPositions } from "./windows_cells.js";

const MAX_LISTED_POSITIONS = 128;

/** The explanation of one output element: {element, show(model, element, plane), setLive(is)}. */
export function makeExplanation() {
  const title = html("h3", {});
  const where = html("p", { class: "where" });
  const arithmetic = html("code", {});
  const chosen = html("p", { class: "chosen" });
  const slices = html("p", { class: "slices" });
  const panel = html(
    "div",
    { class: "explanation", "aria-live": "polite", "aria-atomic": "true" },
    title,
    where,
    html("p", { class: "arithmetic" }, arithmetic),
    chosen,
    slices,
  );
  return {
    element: panel,
    setLive: (isLive) => panel.setAttribute("aria-live", isLive ? "polite" : "off"),
    show(model, element, plane) {
      const result = wholeNumber(element.results?.[model.outputName]);
      title.textContent = `Output at ${outputPlace(model, element.index)} = ${result}`;
      where.textContent = windowSentence(model, element);
      arithmetic.textContent = element.arithmetic ?? "";
      setOptional(chosen, winnerSentence(model, element));
      const hidden = hiddenPositions(model, element, plane);
      const what = model.input.slices.length ? "slices" : "planes";
      setOptional(slices, hidden ? `${hidden} of its elements are in other ${what} of the input.` : null);
    },
  };
}

function setOptional(paragraph, text) {
  paragraph.hidden = text === null;
  paragraph.textContent = text ?? "";
}

/** A table of the positions of one window, which is filled when it is open: {element, show(model, element)}. */
export function makePositions() {
  const rows = html("tbody", {});
  const head = ["Input", "Value", "Weight", "Counts"].map((name) => html("th", { scope: "col" }, name));
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...head)), rows);
  const details = html("details", { class: "positions" }, html("summary", {}, "The elements of this window in a table"), table);
  let shown = null;
  const fill = () => {
    if (!details.open || shown === null) return;
    const { model, element } = shown;
    const listed = element.positions.slice(0, MAX_LISTED_POSITIONS);
    const lines = listed.map((position, place) => {
      const words = element.counted[place] === false ? "passed over" : place === element.winner ? "chosen" : "yes";
      const weight = element.weights ? wholeNumber(element.weights[place]) : "";
      const cells = [inputPlace(model, position), wholeNumber(element.values[place]), weight, words];
      return html("tr", {}, ...cells.map((text) => html("td", {}, text)));
    });
    const rest = element.positions.length - listed.length;
    if (rest > 0) lines.push(html("tr", {}, html("td", { colspan: 4 }, `and ${rest} more`)));
    table.classList.toggle("unweighted", !element.weights);
    rows.replaceChildren(...lines);
  };
  details.addEventListener("toggle", fill);
  return {
    element: details,
    show(model, element) {
      shown = { model, element };
      fill();
    },
  };
}

/** Why the output has its size, axis by axis: {element, draw(model), show(element)}. */
export function makeSizes() {
  const panel = html("section", { class: "sizes", "aria-label": "Size of the output" });
  let drawn = [];
  return {
    element: panel,
    draw(model) {
      const axes = sizeAxes(model);
      drawn = axes.map((axis) => ({ axis, diagram: axis.windows.length ? drawAxis(axis) : null }));
      const out = model.outputSpatial.map((axis) => model.output.shape[axis]).join(" × ");
      panel.hidden = axes.length === 0;
      panel.replaceChildren(
        html("h3", {}, out ? `Why the output is ${out}` : "Why the output has this size"),
        html("div", { class: "axes" }, ...drawn.map(({ axis, diagram }) => axisPanel(axis, diagram))),
      );
    },
    show(model, element) {
      for (const { axis, diagram } of drawn) {
        const outputAxis = model.outputSpatial[axis.places[0]];
        diagram?.show(outputAxis === undefined ? 0 : element.index[outputAxis]);
      }
    },
  };
}

function axisPanel(axis, diagram) {
  const name = join(axis.names.map((each) => `${each}s`));
  const numbers = formulaNumbers(axis).map(([field, value]) => html("li", {}, `${field} `, html("b", {}, String(value))));
  const formula = html("p", { class: "formula" });
  if (symbols(axis)) formula.append(html("code", { class: "symbols" }, symbols(axis)));
  // What follows a colon says in words what the sentences above say of these windows.
  const texts = axis.isSliding ? axis.texts.map((text) => text.split(": ")[0]) : axis.texts;
  formula.append(...texts.map((text) => html("code", { class: "inserted" }, text)));
  return html(
    "article",
    { class: "axis" },
    html("h4", {}, `${name[0].toUpperCase()}${name.slice(1)}: ${axis.length} → ${join(axis.outputs.map(String))}`),
    diagram?.element,
    html(
      "div",
      { class: "why" },
      ...lastWindowSentences(axis).map((sentence) => html("p", {}, sentence)),
      formula,
      axis.isSliding ? html("ul", { class: "formula-numbers" }, ...numbers) : null,
    ),
  );
}

/** The legend: {element, draw(model, has)}, where has says which marks there are. */
export function makeLegend() {
  const list = html("ul", { class: "legend", "aria-label": "Legend" });
  return {
    element: list,
    draw(model, has) {
      const items = [
        ["window", "the window"],
        ["holes", "between its elements: dilation"],
        ["winner", "the chosen element, # its flat index"],
        ["padding", `padding: ${paddingWords(model)}`],
        ["hanging", "over the edge: counts for nothing"],
        ["uncovered", "in no window"],
        ["struck", "passed over"],
        ["weights", "× its weight"],
        ["samples", "a point that is interpolated"],
      ].filter(([mark]) => has[mark]);
      list.replaceChildren(
        ...items.map(([mark, text]) => html("li", {}, html("span", { class: `swatch ${mark}`, "aria-hidden": "true" }), text)),
      );
    },
  };
}
