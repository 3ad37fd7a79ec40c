"""The page at ``/`` in a browser, as its tests use it: states from links, controls by name, numbers as arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
from playwright.sync_api import ConsoleMessage, Locator, Page, Request

WAIT_MS: Final = 10_000
"""The longest wait; reached only if something is broken."""

_OUTPUTS: Final = """() => [...document.querySelectorAll("#outputs figure")].map((figure) => ({
  name: figure.dataset.output,
  caption: figure.querySelector("figcaption").textContent,
  planes: [...figure.querySelectorAll("table")].map((table) =>
    [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent))),
}))"""


@dataclass
class OpenedPage:
    """A page of the service in a browser.

    Attributes:
        page: of playwright.
        url: of the service.
        requested: the URLs that the page requested.
        complaints: errors of scripts, and messages in the console that are none about a refused request.
    """

    page: Page
    url: str
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("request", self._note_request)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note_message)

    def _note_request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def load(self, fragment: str = "") -> None:
        """Load the page anew, and wait for its answer."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{fragment}")
        self.wait()

    def show(self, operator: str, fields: Mapping[str, str] | None = None, **state: str) -> None:
        """Show a state by its link, without loading the page anew, and wait for the answer.

        Args:
            operator: its name.
            fields: their texts.
            state: other entries of the link; ``kind`` is that of the input, which the link calls ``in``.
        """
        given = {f"f.{name}": text for name, text in (fields or {}).items()}
        others = {"in" if name == "kind" else name: text for name, text in state.items()}
        fragment = urlencode({"op": operator, **given, **others})
        # Marked as busy here, so that the wait below is for the answer to this state.
        self.page.evaluate(
            """(fragment) => {
              document.getElementById("result").setAttribute("aria-busy", "true");
              if (location.hash === fragment) window.dispatchEvent(new HashChangeEvent("hashchange"));
              else location.hash = fragment;
            }""",
            f"#{fragment}",
        )
        self.wait()

    def wait(self) -> None:
        """Wait until the page shows the answer to what it asked last."""
        self.page.locator("#result[aria-busy=false]").wait_for(timeout=WAIT_MS)

    @property
    def name(self) -> str:
        """The operator shown."""
        return self.page.locator("#operator-name").inner_text()

    @property
    def fragment(self) -> str:
        """The fragment of the address."""
        return str(self.page.evaluate("() => location.hash"))

    @property
    def status(self) -> str:
        """What screen readers announce."""
        return self.page.locator("#status").text_content() or ""

    def control(self, name: str) -> Locator:
        """The control of a field."""
        return self.page.locator(f"#field-{name}")

    def problem(self, name: str) -> str:
        """The refusal beside a field; empty if there is none."""
        shown = self.page.locator(f"#field-{name}-problem")
        return shown.inner_text() if shown.is_visible() else ""

    def fill(self, locator: Locator, text: str) -> None:
        """Type a text into a control, and wait for the answer."""
        locator.fill(text)
        self.wait()

    def outputs(self) -> dict[str, list[list[list[str]]]]:
        """The texts of the numbers shown, by output and plane."""
        found: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS)
        return {each["name"]: each["planes"] for each in found}

    def captions(self) -> dict[str, str]:
        """The type and shape shown of each output."""
        found: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS)
        return {each["name"]: each["caption"] for each in found}

    def code(self, name: str) -> str:
        """The code of a tab, such as ``curl``; empty if there is none."""
        text = self.page.locator(f"#code-{name} pre").first
        return (text.text_content() or "") if text.count() else ""

    def run_module(self, module: str, expression: str, argument: object = None) -> Any:
        """Evaluate a function of JavaScript that takes a module of the page and an argument."""
        script = f"async ([url, argument]) => ({expression})(await import(url), argument)"
        return self.page.evaluate(script, [f"{self.url}/page/{module}", argument])


def as_array(planes: Sequence[Sequence[Sequence[str]]], dtype: str, shape: Sequence[int]) -> npt.NDArray[np.generic]:
    """The numbers shown as an array; ``bfloat16`` becomes float32."""
    texts = [text for plane in planes for row in plane for text in row]
    if dtype == "bool":
        return np.array([{"true": True, "false": False}[text] for text in texts]).reshape(shape)
    if "int" in dtype:
        return np.array([int(text) for text in texts], dtype).reshape(shape)
    return np.array([float(text) for text in texts], "float32" if dtype == "bfloat16" else dtype).reshape(shape)


def answer_array(entry: Mapping[str, Any]) -> npt.NDArray[np.generic]:
    """An output of the service's JSON as an array; ``bfloat16`` becomes float32."""
    dtype = "float32" if entry["dtype"] == "bfloat16" else entry["dtype"]
    return np.array(json.loads(json.dumps(entry["data"])), dtype).reshape(entry["shape"])
