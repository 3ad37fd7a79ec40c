"""The page is complete without other hosts, obeys its own policy, and fits small screens."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

FOLDER = resources.files("poolhouse.rest").joinpath("assets", "page")
SCRIPTS = sorted(each.name for each in FOLDER.iterdir() if each.name.endswith(".js"))


@pytest.mark.browser
@needs_chromium
def test_no_request_leaves_the_origin_and_nothing_is_complained_about(opened: OpenedPage) -> None:
    """Services like this run in clusters without Internet access; a violation of the policy is in the console."""
    opened.requested.clear()
    opened.complaints.clear()

    opened.load()
    opened.show("avg_pool2d", {"kernel_size": "4"}, kind="photo")

    foreign = [url for url in opened.requested if not url.startswith((f"{opened.url}/", "about:", "data:", "blob:"))]
    assert foreign == []
    assert opened.complaints == []


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("operator", ["max_pool3d", "onnx.MaxRoiPool"])
def test_a_narrow_screen_does_not_scroll_sideways(opened: OpenedPage, operator: str) -> None:
    """On a telephone a page that is too wide hides a part of every line."""
    opened.page.set_viewport_size({"width": 360, "height": 740})
    opened.show(operator)

    overflow = opened.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")

    opened.page.set_viewport_size({"width": 1280, "height": 720})
    assert overflow == 0


@pytest.mark.browser
@needs_chromium
def test_the_theme_is_chosen_and_kept(opened: OpenedPage) -> None:
    """A reader who chose dark finds it dark on the next visit."""
    opened.load()
    button = opened.page.locator("#theme")
    shown = []
    for _ in range(3):
        button.click()
        shown.append(opened.page.evaluate("() => document.documentElement.dataset.theme"))
    button.click()
    button.click()

    opened.load()
    kept = opened.page.evaluate("() => document.documentElement.dataset.theme")
    button.click()

    assert shown == ["light", "dark", "auto"]
    assert kept == "dark"


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_of_texts(name: str) -> None:
    """Texts of files, links and the service are shown; a script that parses them as markup would run them."""
    text = FOLDER.joinpath(name).read_text(encoding="utf-8")

    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b\(|new Function|srcdoc", text
    )


def test_colours_are_declared_once() -> None:
    """Both themes stay legible only if every colour is one of the properties."""
    rules = FOLDER.joinpath("page.css").read_text(encoding="utf-8").partition("/* ---- text and blocks */")[2]

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![-\w])", re.sub(r"^[^{}]*\{", "{", rules, flags=re.MULTILINE)) == []


def test_the_html_has_nothing_inline() -> None:
    """The policy forbids scripts and styles within the page."""
    text = FOLDER.joinpath("index.html").read_text(encoding="utf-8")

    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all('src="./page/' in tag for tag in re.findall(r"<script[^>]*>", text))
    assert re.findall(r'(?:href|src)="(?!\./|#)[^"]*"', text) == []
