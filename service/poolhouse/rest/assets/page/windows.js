// The windows of a small input, one row for each element of the output.
// Interface: mountWindows(container, {trace, reducedMotion}) gives {update(trace), destroy()}; `trace` is the answer of
// POST /v1/trace/{operator}.

import { element } from "./dom.js";

export function mountWindows(container, { trace }) {
  function update(next) {
    container.replaceChildren(element("pre", { class: "scroll", tabindex: "0" }, JSON.stringify(next, null, 1).slice(0, 4000)));
  }
  update(trace);
  return { update, destroy: () => container.replaceChildren() };
}
