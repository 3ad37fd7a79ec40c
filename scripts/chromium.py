"""Debian's Chromium, driven by playwright: for the tests of the pages, and for the pictures of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_SHELL = Path("/usr/bin/chromium-headless-shell")
# It has no window, and so takes less processor time.
CHROMIUM = _SHELL if _SHELL.exists() else Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def run_browser() -> Iterator[Browser]:
    """Run a browser that ends with the block."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
