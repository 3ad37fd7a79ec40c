"""A service with API keys: the page asks for one, sends it, and keeps it in memory alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from poolhouse.settings import Settings
from tests.rest.browser import needs_chromium
from tests.rest.live_server import LiveServer, run_live_server
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def keyed_server() -> Iterator[LiveServer]:
    """A service that needs a key, below a root path."""
    settings = Settings.model_validate({"port": 0, "api_keys": f"reader={KEY}", "root_path": "/pooling"})
    with run_live_server(settings) as server:
        yield server


@pytest.fixture
def keyed(opened: OpenedPage, keyed_server: LiveServer) -> Iterator[OpenedPage]:
    """A page of that service, in a window of its own."""
    context = opened.page.context.browser
    assert context is not None
    page: Page = context.new_page()
    yield OpenedPage(page, f"{keyed_server.url}/pooling")
    page.close()


def give_key(keyed: OpenedPage, key: str) -> None:
    """Answer the page's question."""
    keyed.page.locator("#key").fill(key)
    keyed.page.keyboard.press("Enter")


def test_the_page_asks_for_a_key_and_keeps_it_in_memory(keyed: OpenedPage) -> None:
    """The next user of the browser would find a key in storage or in a link."""
    keyed.page.goto(f"{keyed.url}")
    keyed.page.locator("#key-dialog[open]").wait_for()
    asked = keyed.page.locator("#key-reason").inner_text()
    give_key(keyed, "wrong" * 8)
    keyed.page.get_by_text("The API key is unknown").wait_for()
    give_key(keyed, KEY)
    keyed.wait()

    assert "needs an API key" in asked
    assert keyed.outputs()["output"] == [[["6", "8"], ["14", "16"]]]
    assert KEY not in keyed.page.content() + keyed.fragment
    assert keyed.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])") == (
        '[{},{},""]'
    )
    assert keyed.page.locator("#key").input_value() == ""
    assert all(KEY not in url for url in keyed.requested)
    assert "$POOLHOUSE_API_KEY" in keyed.code("curl")
    assert f"{keyed.url}/v1/pool/max_pool2d" in keyed.code("curl")


def test_a_reader_without_a_key_may_cancel_and_try_again(keyed: OpenedPage) -> None:
    """A dialog without a way out locks the page."""
    keyed.page.goto(f"{keyed.url}/")
    keyed.page.locator("#key-dialog[open]").wait_for()
    keyed.page.keyboard.press("Escape")
    keyed.page.get_by_role("button", name="Give an API key").click()
    give_key(keyed, "ключ")
    refused = keyed.page.locator("#key-reason").inner_text()
    give_key(keyed, KEY)
    keyed.wait()

    assert "ASCII" in refused
    assert keyed.outputs() != {}
