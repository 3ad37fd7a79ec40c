"""The forms of a padding: what the field type accepts, in JSON and as text."""

from __future__ import annotations

import pytest

from poolhouse.operators.padding import PADDING_WORDS, PaddingPerAxis
from tests.operators.field_samples import code_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:0,2:1", [[1, 0], [2, 1]]),
        ("[1:0, 2:1]", [[1, 0], [2, 1]]),
        ("[[1, 0], [2, 1]]", [[1, 0], [2, 1]]),
        ("((1, 0), (2, 1))", [[1, 0], [2, 1]]),
        ("((1,0),)", [[1, 0]]),
        ("1.0:2", [[1, 2]]),
        ("1,2", [1, 2]),
        ("2", 2),
        *((word, word) for word in PADDING_WORDS),
    ],
)
def test_a_padding_is_read_in_all_its_forms(text: str, value: object) -> None:
    """Pairs are written with a colon, or as JSON and Python print them."""
    read = PaddingPerAxis().read(text)

    assert read == value
    hash(PaddingPerAxis().check(read, len(value) if isinstance(value, list) else 2))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("full", "type"),
        ("1", "type"),
        ("1:0,2:1", "type"),
        (None, "type"),
        (-1, "range"),
        ([0, -1], "range"),
        ([[0, -1], [0, 0]], "range"),
        ([[0, 2**31], [0, 0]], "range"),
        ([1, [0, 1]], "type"),
        ([[0, True], [0, 1]], "type"),
        ([["same", 0], [0, 1]], "type"),
        ([1, 0, 1, 0], "length"),
        ([[1, 0]], "length"),
        ([[1, 0], [1]], "length"),
        ([[1, 0], [0] * 1_000_000], "length"),
        ([[]] * 1_000_000, "length"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_padding_has_one_form(value: object, code: str) -> None:
    """Integers, pairs or a word; ONNX's list of all begins and then all ends would be ambiguous."""
    assert code_of(PaddingPerAxis(), value) == code
