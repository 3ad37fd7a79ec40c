"""axe-core finds no fault in the pages: names, roles, contrast, landmarks, in both themes and with results shown."""

from __future__ import annotations

from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]

MATRIX: Final = "1 2 3 4 5\n6 7 8 9 10\n-1 0 1 0 2\n3 1 4 1 5\n9 2 6 5 3"
STATES: Final[dict[str, dict[str, Any]]] = {
    "padding": {
        "operator": "max_pool2d",
        "fields": {"kernel_size": "3", "padding": "1", "dilation": "2"},
        "kind": "matrix",
        "x": MATRIX,
    },
    "refused": {"operator": "max_pool2d", "fields": {"kernel_size": "9"}},
    "regions": {"operator": "roi_align"},
    "tokens": {"operator": "token_pool"},
    "picture": {"operator": "avg_pool2d", "fields": {"kernel_size": "8"}, "kind": "photo"},
    "volume": {"operator": "avg_pool3d"},
}
QUICK: Final = ("padding", "refused")


def violations(page: Page) -> list[str]:
    """A line for each element that breaks a rule."""
    response = Axe().run(page).response
    return [
        f"{rule['id']}: {node['html'][:120]}: {node['failureSummary']}"
        for rule in response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "state", [pytest.param(each, marks=[] if each in QUICK else pytest.mark.slow) for each in STATES]
)
def test_the_page_has_no_fault(opened: OpenedPage, state: str, scheme: Any) -> None:
    """A reader may use a screen reader, a keyboard alone, or see little contrast."""
    opened.page.emulate_media(color_scheme=scheme)
    opened.show(**STATES[state])
    if STATES[state].get("kind") == "photo":
        opened.page.locator("#pictures-view .pictures-view[aria-busy=false]").wait_for()

    found = violations(opened.page)

    opened.page.emulate_media(color_scheme="no-preference")
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_status_page_has_no_fault(opened: OpenedPage, scheme: Any) -> None:
    """Likewise, with numbers on it."""
    browser = opened.page.context.browser
    assert browser is not None
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{opened.url}/status")
    page.locator("body:not(.unread)").wait_for()

    found = violations(page)

    context.close()
    assert found == []
