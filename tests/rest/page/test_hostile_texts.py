"""Texts of files, matrices, fields and of the service are text on the page, never markup."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]

MARKUP = '"><img src=x onerror="document.title=`hit`"><script>document.title="hit"</script>'


@pytest.fixture(autouse=True)
def unharmed(opened: OpenedPage) -> Iterator[None]:
    """After each test the page has no element and no title of the text."""
    opened.complaints.clear()
    yield
    assert opened.page.title() == "poolhouse"
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.complaints == []


def npy(array: np.ndarray) -> bytes:
    """An npy file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def choose_file(opened: OpenedPage, name: str, body: bytes) -> None:
    """Choose a file, and wait until it was read."""
    opened.page.locator("#result").evaluate("(node) => node.setAttribute('aria-busy', 'true')")
    opened.page.locator("#input-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": body})
    opened.wait()


def test_a_file_name_is_text(opened: OpenedPage) -> None:
    """A file comes from a stranger, with its name."""
    opened.show("max_pool2d")
    choose_file(opened, f"{MARKUP}.npy", npy(np.arange(16, dtype="f4").reshape(1, 4, 4)))

    assert MARKUP in opened.page.locator("#input-file-name").inner_text()
    assert opened.outputs()["output"] == [[["5", "7"], ["13", "15"]]]


@pytest.mark.parametrize(
    "body",
    [
        MARKUP.encode(),
        b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{{'descr': '{MARKUP}".encode().ljust(118),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        npy(np.zeros(4))[:-1],
        npy(np.zeros(2, dtype=[("a", "f4")])),
        npy(np.array(["a", "b"])),
        b"\x93NUMPY\x01\x00"
        + (118).to_bytes(2, "little")
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999, 9999), }".ljust(118),
        b"",
    ],
    ids=["text", "type", "length", "cut", "fields", "strings", "shape", "empty"],
)
def test_a_file_that_is_none_is_refused_in_words(opened: OpenedPage, body: bytes) -> None:
    """A damaged file must neither stop the page nor be pooled as something else."""
    opened.show("max_pool2d")
    choose_file(opened, "a.npy", body)

    assert opened.page.locator("#input-problem").inner_text() != ""
    assert opened.outputs() == {}


def test_a_matrix_is_text(opened: OpenedPage) -> None:
    """People paste what they find."""
    opened.show("max_pool2d", {"kernel_size": "1"}, x=MARKUP, kind="matrix")

    assert "is no number" in opened.page.locator("#input-problem").inner_text()


def test_fields_are_text_in_refusals_and_in_code(opened: OpenedPage) -> None:
    """The service quotes a faulty value in its refusal."""
    opened.show("max_pool2d", {"kernel_size": MARKUP, "padding": MARKUP})

    assert opened.problem("kernel_size") != ""
    assert opened.control("kernel_size").input_value() == MARKUP


def test_texts_of_the_service_are_text(opened: OpenedPage) -> None:
    """Plugins may add operators with descriptions of their own, and a proxy answers for the service."""
    body = json.dumps({"title": "no", "detail": MARKUP, "code": "x"})
    opened.page.route(
        "**/v1/plan/**", lambda route: route.fulfill(status=422, body=body, content_type="application/problem+json")
    )
    try:
        opened.show("max_pool2d", {"kernel_size": "2"})
    finally:
        opened.page.unroute("**/v1/plan/**")

    assert "<script>" in opened.page.locator("#refusal").inner_text()
