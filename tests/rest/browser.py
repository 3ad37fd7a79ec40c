"""An empty page in Debian's Chromium, and the mark of the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from chromium import CHROMIUM, run_browser
from playwright.sync_api import Page

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@contextmanager
def browser_page() -> Iterator[Page]:
    """Open an empty page in a browser that ends with the block."""
    with run_browser() as browser:
        yield browser.new_page()
