"""The view of windows as its tests use it: what is marked, written and drawn, and what a trace says must be."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator

from tests.rest.live_server import LiveServer
from tests.rest.page.opened_page import OpenedPage

Trace = Mapping[str, Any]
Element = Mapping[str, Any]
Place = tuple[int, int]

_STATE = """() => {
  const view = document.querySelector("#mounted .windows-view");
  const cells = (side, mark) => [...view.querySelectorAll(`.${side} .cell.${mark}`)].map(({dataset}) =>
    dataset.cell.split(",").map(Number));
  const text = (selector) => view.querySelector(selector)?.textContent ?? null;
  const chosen = view.querySelector(".explanation .chosen");
  return {
    window: cells("of-input", "in-window"),
    passed_over: cells("of-input", "passed-over"),
    output: cells("of-output", "in-window"),
    linked: cells("of-output", "is-linked"),
    title: text(".explanation h3"),
    where: text(".explanation .where"),
    arithmetic: text(".explanation code"),
    chosen: chosen.hidden ? null : chosen.textContent,
    pointed: text(".pointed"),
    label: text(".of-input .rings .label"),
    place: text(".player .place"),
    planes: [...view.querySelectorAll(".choosers select")].map(({value}) => Number(value)),
  };
}"""
_STEPS = f"""(count) => {{
  const state = {_STATE};
  const states = [state()];
  for (let step = 1; step < count; step += 1) {{
    document.querySelector("#mounted .go.forward").click();
    states.push(state());
  }}
  return states;
}}"""
_CELLS = """(side) => [...document.querySelectorAll(`#mounted .${side} .cell`)].map((cell) => ({
  place: cell.dataset.cell.split(",").map(Number),
  kind: ["input", "padding", "hanging", "output"].find((kind) => cell.classList.contains(kind)),
  is_uncovered: cell.classList.contains("uncovered"),
  text: cell.querySelector(".value").textContent,
  title: cell.querySelector("title").textContent,
}))"""


_MOUNT = """async (windows, {trace, input, reducedMotion}) => {
  let container = document.getElementById("mounted");
  if (container === null) {
    container = document.createElement("div");
    container.id = "mounted";
    document.querySelector("main").before(container);
  }
  container.mounted?.destroy();
  container.mounted = windows.mountWindows(container, {trace, input, reducedMotion});
}"""


@dataclass(frozen=True)
class WindowsView:
    """The view, in a place of its own on an opened page: so a test need not wait for what else the page asks."""

    opened: OpenedPage
    server: LiveServer

    def show(self, operator: str, data: object, fields: Mapping[str, Any] | None = None, **companions: object) -> Trace:
        """Show the windows of an operator over nested lists, from the first window, and return their trace."""
        trace = traced(self.server, operator, {"input": data, **(fields or {}), **companions})
        self.mount(trace, data)
        return trace

    def mount(self, trace: Trace, data: object, *, reduced_motion: bool = True) -> None:
        """Show a trace."""
        given = {"trace": trace, "input": {"data": data}, "reducedMotion": reduced_motion}
        self.opened.run_module("windows.js", _MOUNT, given)

    def unmount(self) -> None:
        """Leave the page as it was."""
        self.opened.page.evaluate("() => document.getElementById('mounted')?.remove()")

    @property
    def root(self) -> Locator:
        """The view."""
        return self.opened.page.locator("#mounted .windows-view")

    def state(self) -> dict[str, Any]:
        """What is marked and written now."""
        found: dict[str, Any] = self.opened.page.evaluate(_STATE)
        return found

    def steps(self, count: int) -> list[dict[str, Any]]:
        """What is marked and written at the current window and at those after it."""
        found: list[dict[str, Any]] = self.opened.page.evaluate(_STEPS, count)
        return found

    def press(self, button: str) -> None:
        """Press a button of the player, also at the ends, where playwright waits for it to be enabled."""
        self.root.locator(f".go.{button}").dispatch_event("click")

    def cell(self, side: str, row: int, column: int) -> Locator:
        """A cell of the ``input`` or ``output`` grid."""
        return self.root.locator(f'.of-{side} [data-cell="{row},{column}"]')

    def cells(self, side: str) -> list[dict[str, Any]]:
        """All cells of a grid."""
        found: list[dict[str, Any]] = self.opened.page.evaluate(_CELLS, f"of-{side}")
        return found

    def sizes(self) -> list[str]:
        """The sentences about the size of the output, axis by axis."""
        return self.root.locator(".sizes .why p:not(.formula)").all_inner_texts()


def traced(server: LiveServer, operator: str, body: Mapping[str, Any]) -> Trace:
    """The service's trace of a request."""
    with server.client() as client:
        answer = client.post(f"/v1/trace/{operator}", json=body)
    assert answer.status_code == 200, answer.text
    found: Trace = answer.json()
    return found


def number_text(value: float) -> str:
    """A number as the view writes it."""
    return json.dumps(value).removesuffix(".0").replace("-", "−")


def last_two(axes: Sequence[int], index: Sequence[int]) -> Place:
    """The row and column of an index; one axis is a row."""
    rows_and_columns = [index[axis] for axis in axes][-2:]
    return (0, *rows_and_columns)[-2:]  # type: ignore[return-value]  # two of at least two


def window_places(trace: Trace, element: Element, shown: int | None = None) -> set[Place]:
    """The cells of an element's window on the input's grid, padding included; of a volume in the slice shown."""
    ranges = [
        range(each["start"], each["start"] + each["step"] * each["count"], each["step"]) for each in element["window"]
    ]
    if len(ranges) == 3:
        assert shown in ranges[0]
    columns = ranges[-1]
    rows: Sequence[int] = ranges[-2] if len(ranges) > 1 else (0,)
    return set(itertools.product(rows, columns))


def places(found: Sequence[Sequence[int]]) -> set[Place]:
    """The cells of a state as a set."""
    return {(row, column) for row, column in found}
