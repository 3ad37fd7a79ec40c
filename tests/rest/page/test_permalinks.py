"""A link opens the state that it was copied from, and anything else in its place is ignored."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]


def test_a_link_restores_the_state(opened: OpenedPage) -> None:
    """What one person sees, another one should see."""
    opened.load()
    opened.fill(opened.control("kernel_size"), "3,2")
    opened.fill(opened.control("padding"), "1:0,0:1")
    opened.page.locator("#field-ceil_mode").check()
    opened.page.locator("#field-nan_policy").select_option("omit")
    opened.page.locator("#input-dtype").select_option("float64")
    opened.fill(opened.page.locator("#input-text"), "1 2 3\n4 nan 6\n7 8 9")
    fragment, outputs, caption = opened.fragment, opened.outputs(), opened.captions()

    opened.load(fragment)

    assert opened.outputs() == outputs != {}
    assert opened.captions() == caption
    assert opened.control("kernel_size").input_value() == "3,2"
    assert opened.control("padding").input_value() == "1:0,0:1"
    assert opened.page.locator("#field-ceil_mode").is_checked()
    assert opened.page.locator("#field-nan_policy").input_value() == "omit"
    assert opened.fragment == fragment


def test_a_link_has_the_tensors_beside_the_input(opened: OpenedPage) -> None:
    """Unpooling without its indices is another request."""
    opened.show("max_unpool1d")
    opened.fill(opened.page.locator("#tensor-indices"), "[[[3, 2, 1, 0]]]")
    fragment, outputs = opened.fragment, opened.outputs()

    opened.load(fragment)

    assert opened.outputs() == outputs != {}


HOSTILE = [
    "#",
    "#result",
    "#op=",
    "#op=" + quote("<img src=x onerror=alert(1)>"),
    "#op=__proto__&f.__proto__=1&c.constructor=1",
    "#op=max_pool2d&" + "&".join(f"f.a{number}=1" for number in range(100)),
    "#op=max_pool2d&in=matrix&x=" + "1+" * 20_000,
    "#%E0%A4%A",
]


def test_what_is_no_link_is_ignored(opened: OpenedPage) -> None:
    """Anyone can write a link; one that is not understood must not be half understood."""
    found = opened.run_module("permalink.js", "({ readFragment }, texts) => texts.map(readFragment)", HOSTILE)

    assert found == [None] * len(HOSTILE)


@pytest.mark.parametrize(
    "fragment",
    [
        HOSTILE[3],
        "#op=no_such_pool2d&f.kernel_size=2",
        "#op=max_pool2d&dtype=constructor&f.constructor=1&c.toString=1&in=random&shape=1,1&seed=99999999999999",
    ],
)
def test_a_hostile_link_shows_a_valid_page(opened: OpenedPage, fragment: str) -> None:
    """Whatever the link says, the reader can go on."""
    opened.complaints.clear()

    opened.load(fragment)

    assert opened.name == "max_pool2d"
    assert opened.complaints == []


def test_the_link_of_the_documents_shows_what_they_say(opened: OpenedPage) -> None:
    """Seven elements, windows of three, stride two, rounded up: three elements."""
    text = Path("docs/page.md").read_text(encoding="utf-8")

    opened.load("#" + text.partition("http://localhost:8000/#")[2].partition("`")[0])

    assert opened.outputs()["output"] == [[["5", "8", "7"]]]


def test_an_input_too_long_for_a_link_is_left_out_and_said_so(opened: OpenedPage) -> None:
    """Browsers and messengers cut long addresses."""
    opened.show("max_pool1d", {"kernel_size": "2"})
    opened.fill(opened.page.locator("#input-text"), "1234567 " * 4000)

    assert "too long for a link" in opened.page.locator("#link-note").inner_text()
    assert opened.fragment == "#op=max_pool1d&f.kernel_size=2&dtype=float32"
    assert opened.page.locator("#outputs figure").count() == 1
