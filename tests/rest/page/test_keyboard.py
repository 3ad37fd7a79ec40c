"""Everything can be done with the keyboard alone, and what screen readers say follows."""

from __future__ import annotations

import pytest

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]


def tab_to(opened: OpenedPage, selector: str, most: int = 60) -> None:
    """Press Tab until an element that matches has the focus."""
    for _ in range(most):
        opened.page.keyboard.press("Tab")
        if opened.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reached {selector}")


def test_a_reader_without_a_mouse_pools(opened: OpenedPage) -> None:
    """From the address bar to the code: search, choose, type, change a field, take the call away."""
    opened.load()
    keyboard = opened.page.keyboard

    tab_to(opened, "#operator-search")
    keyboard.type("min_pool")
    tab_to(opened, "input[name=operator]")
    while opened.name != "min_pool2d":
        opened.page.locator("#result").evaluate("(node) => node.setAttribute('aria-busy', 'true')")
        keyboard.press("ArrowDown")
        opened.wait()
    tab_to(opened, "#input-text")
    keyboard.press("Control+A")
    keyboard.type("4 3 2\n1 5 6\n7 8 9")
    tab_to(opened, "#field-kernel_size")
    keyboard.press("ArrowUp")
    opened.wait()
    assert opened.outputs()["output"] == [[["1"]]]
    keyboard.press("ArrowDown")
    tab_to(opened, "#field-stride")
    keyboard.type("1")
    opened.wait()
    assert opened.outputs()["output"] == [[["1", "2"], ["1", "5"]]]
    tab_to(opened, "[role=tab]")
    keyboard.press("ArrowRight")

    assert opened.page.evaluate("() => document.activeElement.id") == "tab-python"
    assert opened.page.locator("#code-python").is_visible()
    assert "client.min_pool2d(" in opened.code("python")


def test_the_first_tab_stop_skips_to_the_result(opened: OpenedPage) -> None:
    """Without it each visit costs dozens of key presses."""
    opened.load()
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")

    assert opened.page.evaluate("() => document.activeElement.id") == "result"
    assert opened.name == "max_pool2d"


def test_every_control_has_a_name(opened: OpenedPage) -> None:
    """A screen reader announces controls by their names."""
    opened.show("roi_align")

    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button")]
          .filter((node) => !node.labels?.length && !node.getAttribute("aria-label") && !node.textContent.trim())
          .map((node) => node.outerHTML)"""
    )

    assert nameless == []


def test_the_result_is_announced(opened: OpenedPage) -> None:
    """A reader who cannot see the result change hears it."""
    opened.show("max_pool2d", {"kernel_size": "2"})

    assert opened.page.locator("#status").get_attribute("role") == "status"
    assert opened.status == "max_pool2d: output (1, 1, 2, 2)."


def test_the_search_counts_what_it_finds(opened: OpenedPage) -> None:
    """A list of more than a hundred operators is searched first."""
    opened.load()
    opened.page.locator("#operator-search").fill("keras global")
    found = opened.page.locator("#operator-list .option:visible").count()

    assert found > 0
    assert opened.page.locator("#operator-count").inner_text().startswith(f"{found} of ")


@pytest.mark.parametrize("operator", ["max_pool2d"])
def test_steps_and_chips_write_into_their_field(opened: OpenedPage, operator: str) -> None:
    """On a telephone the buttons are faster than its keyboard."""
    opened.show(operator, {"kernel_size": "2"})
    row = opened.page.locator("[data-field=kernel_size]")

    row.get_by_role("button", name="kernel_size per axis").click()
    row.get_by_text("+").click()
    opened.page.locator("[data-field=padding]").get_by_role("button", name="padding same", exact=True).click()
    opened.wait()

    assert opened.control("kernel_size").input_value() == "3,3"
    assert opened.control("padding").input_value() == "same"
    assert opened.captions()["output"] == "output float32 (1, 1, 2, 2)"
