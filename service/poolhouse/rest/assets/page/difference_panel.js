// The panel that compares two tensors: which, how the difference is drawn, and its numbers.

import { shortNumber, wholeNumber } from "./cell_numbers.js";
import { element as html } from "./dom.js";
import { difference, differenceImage, isComparable, scaleImage } from "./picture_difference.js";
import { paint } from "./picture_pixels.js";

/** A panel: {element, show(outputs)}, where outputs are [{title, tensor}, ...]. */
export function makeDifference() {
  const one = html("select", { "aria-label": "Difference of" });
  const other = html("select", { "aria-label": "Less" });
  const signed = html("input", { type: "radio", name: "difference", value: "signed", checked: true });
  const absolute = html("input", { type: "radio", name: "difference", value: "absolute" });
  const canvas = html("canvas", { role: "img" });
  const scale = html("canvas", { class: "scale", "aria-hidden": "true" });
  const [low, middle, high] = ["low", "middle", "high"].map((name) => html("span", { class: name }));
  const numbers = html("dl", {});
  const note = html("p", { class: "muted", role: "status" });
  const drawing = html(
    "div",
    { class: "drawing", hidden: true },
    html("div", { class: "map" }, canvas, scale, html("div", { class: "ends" }, low, middle, high)),
    numbers,
  );
  const panel = html(
    "section",
    { class: "difference", "aria-label": "Difference" },
    html("h3", {}, "Difference"),
    html(
      "div",
      { class: "controls" },
      html("label", {}, html("span", {}, "of"), one),
      html("label", {}, html("span", {}, "less"), other),
      html("label", { class: "choice" }, signed, html("span", {}, "signed")),
      html("label", { class: "choice" }, absolute, html("span", {}, "absolute")),
    ),
    note,
    drawing,
  );
  let outputs = [];

  function draw() {
    const [left, right] = [one, other].map(({ value }) => outputs.find(({ title }) => title === value));
    const isPossible = left !== undefined && right !== undefined && isComparable(left.tensor, right.tensor);
    drawing.hidden = !isPossible;
    note.hidden = isPossible;
    if (!isPossible) {
      note.textContent = left && right
        ? `Their shapes differ: (${left.tensor.shape.join(", ")}) and (${right.tensor.shape.join(", ")}).`
        : "There are no two outputs to compare.";
      return;
    }
    const found = difference(left.tensor, right.tensor);
    const most = Math.abs(found.largest.value);
    const isSigned = signed.checked;
    paint(canvas, differenceImage(found, isSigned));
    paint(scale, scaleImage(isSigned));
    canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
    low.textContent = isSigned ? `−${shortNumber(most)}` : "0";
    middle.textContent = isSigned ? "0" : "";
    high.textContent = isSigned ? `+${shortNumber(most)}` : shortNumber(most);
    const { row, column, channel } = found.largest;
    const where = `channel ${channel}, row ${row}, column ${column}`;
    const facts = [
      ["largest", "Largest difference", most, where],
      ["mean-absolute", "Mean of the absolute differences", found.meanAbsolute, ""],
      ["mean", "Mean difference", found.mean, ""],
      ["equal", "Elements without a difference", `${shortNumber(100 * found.equal)} %`, ""],
    ];
    numbers.replaceChildren(...facts.map(fact));
    canvas.setAttribute("aria-label", `${left.title} less ${right.title}: largest difference ${shortNumber(most)}`);
  }

  for (const control of [one, other, signed, absolute]) control.addEventListener("change", draw);

  return {
    element: panel,
    show(shown) {
      outputs = shown;
      const titles = outputs.map(({ title }) => title);
      const isOutput = (title) => title !== "Input";
      choose(one, titles, titles.filter(isOutput)[0]);
      choose(other, titles, titles.filter((title) => isOutput(title) && title !== one.value)[0]);
      draw();
    },
  };
}

function choose(list, titles, first) {
  const chosen = titles.includes(list.value) ? list.value : (first ?? titles[0]);
  list.replaceChildren(...titles.map((title) => html("option", { value: title }, title)));
  list.value = chosen;
}

function fact([name, term, value, where]) {
  const text = typeof value === "number" ? shortNumber(value) : value;
  const data = html("dd", { class: name, title: typeof value === "number" ? wholeNumber(value) : text }, text);
  return html("div", {}, html("dt", {}, term), data, where ? html("dd", { class: "where" }, where) : null);
}
