// The result: what the plan says, the refusal, the numbers or the picture, and the downloads.

import { byteText, download, element, shapeText } from "./dom.js";
import { writeNpy } from "./npy.js";
import { imageOfTensor } from "./sources.js";
import { elementCount, elementText, nest } from "./tensors.js";
import { textsOf } from "./request.js";

/** The most elements of an output that are shown as numbers. */
const MOST_SHOWN = 1024;
const MOST_PLANES = 16;

/** A table of what the plan says about each output. */
export function planNodes(plan) {
  const rows = Object.entries(plan.outputs).map(([name, { dtype, shape, bytes }]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", { class: "shape" }, shapeText(shape)),
      element("td", {}, dtype),
      element("td", { class: "number" }, byteText(bytes)),
    ),
  );
  const heads = ["output", "shape", "type", "size"].map((name) => element("th", { scope: "col" }, name));
  const table = element("table", { class: "plan" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  const cost = `About ${countText(plan.cost.steps)} of work; ${byteText(plan.cost.workspace_bytes)} of workspace; on ${plan.devices.join(", ")}.`;
  const warnings = plan.warnings.map((text) => element("li", {}, text));
  return [
    scrollable(table, "outputs"),
    element("p", { class: "muted" }, cost),
    warnings.length ? element("ul", { class: "warnings", "aria-label": "warnings" }, ...warnings) : null,
  ].filter(Boolean);
}

/** The plan in one sentence, which screen readers announce. */
export function planSentence(plan) {
  const outputs = Object.entries(plan.outputs).map(([name, { shape }]) => `${name} ${shapeText(shape)}`);
  const count = plan.warnings.length;
  const warnings = count === 0 ? "" : count === 1 ? " 1 warning." : ` ${count} warnings.`;
  return `${plan.operator}: ${outputs.join(", ")}.${warnings}`;
}

function countText(steps) {
  if (steps < 1000) return `${steps} ns`;
  const [unit, size] = steps < 1e6 ? ["µs", 1e3] : steps < 1e9 ? ["ms", 1e6] : ["s", 1e9];
  return `${Number((steps / size).toPrecision(2))} ${unit}`;
}

/**
 * The outputs: numbers of small ones, a picture where there is one, and the downloads.
 *
 * options: {isChannelsLast, toPng: a function that gives the PNG of the service}.
 */
export function outputNodes(outputs, options) {
  return [...outputs].map(([name, tensor]) => {
    const isShown = tensor.data.length <= MOST_SHOWN;
    const image = isShown && tensor.data.length < 64 ? null : imageOfTensor(tensor, options.isChannelsLast);
    return element(
      "figure",
      { class: "output", "data-output": name },
      element("figcaption", {}, element("span", { class: "name" }, name), ` ${tensor.dtype} ${shapeText(tensor.shape)}`),
      ...(isShown ? numberNodes(name, tensor) : []),
      image ? pictureNode(name, image) : null,
      !isShown && !image ? element("p", { class: "muted" }, `${tensor.data.length} elements are too many to show; the downloads have them.`) : null,
      downloadNodes(name, tensor, outputs.size === 1 ? image && options.toPng : null),
    );
  });
}

/** A table for each plane, the last two axes. */
function numberNodes(name, tensor) {
  const { shape } = tensor;
  if (tensor.data.length === 0) return [element("p", { class: "muted" }, "The output is empty.")];
  const columns = shape.length ? shape.at(-1) : 1;
  const rows = shape.length > 1 ? shape.at(-2) : 1;
  const before = shape.slice(0, -2);
  const planes = elementCount(before);
  const nodes = Array.from({ length: Math.min(planes, MOST_PLANES) }, (_, plane) => {
    const lines = Array.from({ length: rows }, (_, row) => {
      const cells = Array.from({ length: columns }, (_, column) =>
        element("td", {}, elementText(tensor, (plane * rows + row) * columns + column)),
      );
      return element("tr", {}, ...cells);
    });
    const label = planes > 1 ? `${name}[${placeOf(plane, before).join(", ")}]` : name;
    const caption = element("caption", { class: planes > 1 ? "" : "visually-hidden" }, label);
    return scrollable(element("table", { class: "numbers" }, caption, element("tbody", {}, ...lines)), label);
  });
  if (planes > MOST_PLANES) nodes.push(element("p", { class: "muted" }, `and ${planes - MOST_PLANES} more planes, which the downloads have.`));
  return [element("div", { class: "planes" }, ...nodes)];
}

function placeOf(plane, sizes) {
  const place = [];
  for (const size of sizes.toReversed()) {
    place.unshift(plane % size);
    plane = Math.floor(plane / size);
  }
  return place;
}

function scrollable(node, label) {
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, node);
}

function pictureNode(name, image) {
  const canvas = element("canvas", { width: image.width, height: image.height, role: "img", "aria-label": `the output ${name} as a picture` });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function downloadNodes(name, tensor, toPng) {
  const buttons = [];
  const add = (label, act) => {
    const button = element("button", { type: "button", class: "small" }, label);
    button.setAttribute("aria-label", `download ${name} as ${label}`);
    button.addEventListener("click", act);
    buttons.push(button);
  };
  if (tensor.dtype !== "bfloat16") add("npy", () => download(`${name}.npy`, [writeNpy(tensor)], "application/octet-stream"));
  add("JSON", () => download(`${name}.json`, [tensorText(name, tensor)], "application/json"));
  if (toPng) add("PNG", async () => download(`${name}.png`, [await toPng()], "image/png"));
  return element("p", { class: "downloads" }, element("span", { class: "muted" }, "Download"), ...buttons);
}

/** An output as the service's JSON has it. */
function tensorText(name, tensor) {
  const texts = textsOf(tensor).map((each) => (/^-?(NaN|Infinity)$/.test(each) ? `"${each}"` : each));
  const data = nest(texts, tensor.shape);
  return `{${JSON.stringify(name)}: {"dtype": "${tensor.dtype}", "shape": ${JSON.stringify(tensor.shape)}, "data": ${data}}}\n`;
}
