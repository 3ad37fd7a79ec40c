"""What people type or paste is read as the matrix that they mean."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]

READ = """({ parseMatrix }, texts) => texts.map((text) => {
  try {
    return parseMatrix(text);
  } catch (error) {
    return { error: error.message };
  }
})"""
CUBE = np.arange(24).reshape(2, 3, 4) / 4
TEXTS = {
    "spaces": ("1 2 3\n4 5 6", [2, 3]),
    "commas and blanks at the ends": (" 1, 2,3 \n\n", [3]),
    "tabs of a spreadsheet": ("1\t2\r\n3\t4\r\n", [2, 2]),
    "semicolons": ("1 2; 3 4", [2, 2]),
    "slices": ("1 2\n3 4\n\n5 6\n7 8\n", [2, 2, 2]),
    "JSON": (json.dumps(CUBE.tolist()), [2, 3, 4]),
    "numpy": (str(CUBE), [2, 3, 4]),
    "repr of numpy": (repr(CUBE.astype("f4")), [2, 3, 4]),
    "torch": (repr(torch.from_numpy(CUBE)), [2, 3, 4]),
    "an empty list": ("[[], []]", [2, 0]),
}


def test_every_form_has_its_shape_and_numbers(opened: OpenedPage) -> None:
    """People paste from spreadsheets, papers, numpy and torch."""
    found = opened.run_module("matrix.js", READ, [text for text, _ in TEXTS.values()])

    assert {name: each["shape"] for name, each in zip(TEXTS, found, strict=True)} == {
        name: shape for name, (_, shape) in TEXTS.items()
    }
    for name, each in zip(TEXTS, found, strict=True):
        expected = CUBE.reshape(-1) if each["shape"] == [2, 3, 4] else np.arange(1, len(each["texts"]) + 1)
        assert [float(text) for text in each["texts"]] == expected.tolist(), name


def test_numbers_become_those_of_json(opened: OpenedPage) -> None:
    """The service reads JSON, which has no 1. and no +1."""
    text = "1. .5 +3 -007 1e3 -1.50E-2 NaN -inf ∞ true"

    (found,) = opened.run_module("matrix.js", READ, [text])

    assert found["texts"] == [
        "1.0", "0.5", "3", "-7", "1e3", "-1.50E-2", "NaN", "-Infinity", "Infinity", "true",
    ]  # fmt: skip
    json.loads(f"[{','.join(found['texts'][:6])}]")


@pytest.mark.parametrize(
    "text", ["[[1, 2], 3]", "[1, 2]]", "[" * 20 + "1" + "]" * 20, "1 0x10", "1e", "--1", "[1, [2]]", "[", "1 2\n\n3"]
)
def test_what_is_no_matrix_is_refused(opened: OpenedPage, text: str) -> None:
    """A guess at what was meant would pool other numbers."""
    (found,) = opened.run_module("matrix.js", READ, [text])

    assert "error" in found


@pytest.mark.parametrize(
    ("shape", "layout", "expected"),
    [
        ("7, 7", "channels_first", "(1, 1, 7, 7), 196 bytes"),
        ("7, 7", "channels_last", "(1, 7, 7, 1), 196 bytes"),
        ("2, 7, 7", "channels_first", "(2, 7, 7), 392 bytes"),
    ],
)
def test_a_shape_of_spatial_axes_alone_gets_the_others(
    opened: OpenedPage, shape: str, layout: str, expected: str
) -> None:
    """Who asks why 7 becomes 3 does not think of batches and channels. A shape that is valid stays."""
    opened.show("max_pool2d", {"kernel_size": "3", "stride": "2", "layout": layout}, kind="ramp", shape=shape)

    assert opened.page.locator("#input-note").inner_text() == expected
    assert not opened.page.locator("#refusal").is_visible()


def test_the_shape_shown_is_that_of_a_refused_input(opened: OpenedPage) -> None:
    """It once stayed that of the input before, beside a refusal of another shape."""
    opened.show("max_pool2d", {"kernel_size": "3"}, kind="ramp", shape="1, 1, 1, 7, 7")

    assert opened.page.locator("#refusal").is_visible()
    assert opened.page.locator("#input-note").inner_text() == "(1, 1, 1, 7, 7), 196 bytes"
