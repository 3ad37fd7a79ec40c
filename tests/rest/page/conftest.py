"""A service and a browser that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poolhouse.settings import Settings
from tests.rest.browser import browser_page
from tests.rest.live_server import LiveServer, run_live_server
from tests.rest.page.opened_page import OpenedPage


@pytest.fixture(scope="package")
def page_server() -> Iterator[LiveServer]:
    """A service with default settings."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        yield server


@pytest.fixture(scope="package")
def opened(page_server: LiveServer) -> Iterator[OpenedPage]:
    """The page in a browser. It stays open, so each test shows the state that it needs first."""
    with browser_page() as page:
        opened = OpenedPage(page, page_server.url)
        opened.load()
        yield opened
