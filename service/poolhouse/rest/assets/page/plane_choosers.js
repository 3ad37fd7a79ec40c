// Chooses which plane and slice of a tensor is shown: a list for each axis with more than one position.

import { element as html } from "./dom.js";
import { axisNames } from "./trace_model.js";

/** Lists for some axes: {element, draw(axes, shown, {note}), show(index)}. onChoose(axis, position) is called for a choice.
 *
 * label: the name before that of each axis, for assistive technology.
 */
export function makeChoosers({ label, onChoose }) {
  const element = html("div", { class: "choosers" });
  let lists = new Map();
  return {
    element,
    /** axes: of a tensor, with those to choose in `shown`. */
    draw(axes, shown) {
      const names = axisNames(axes);
      lists = new Map();
      for (const axis of shown.filter((each) => axes.shape[each] > 1)) {
        const options = Array.from({ length: axes.shape[axis] }, (_, at) => html("option", { value: at }, String(at)));
        const list = html("select", { "aria-label": `${label}: ${names.get(axis)}` }, ...options);
        list.addEventListener("change", () => onChoose(axis, Number(list.value)));
        lists.set(axis, { list, name: names.get(axis), size: axes.shape[axis] });
      }
      element.replaceChildren(
        ...[...lists.values()].map(({ list, name, size }) =>
          html("label", {}, html("span", {}, name), list, html("span", { class: "of" }, `of ${size}`)),
        ),
      );
      element.hidden = lists.size === 0;
    },
    show(index) {
      for (const [axis, { list }] of lists) list.value = String(index[axis]);
    },
  };
}
