"""Sizes and ratios of each axis: the values and the notations that they accept."""

from __future__ import annotations

import math

import pytest

from poolhouse.operators.field_types import FieldError
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis, RatioPerAxis
from tests.operators.field_samples import code_of


def test_one_size_applies_to_every_axis() -> None:
    """As in torch."""
    assert IntegerPerAxis(1).check(3, 2) == (3, 3)
    assert IntegerPerAxis(1).check([3, 4], 2) == (3, 4)
    assert IntegerPerAxis(0, allows_null=True).check([None, 4, 0], 3) == (None, 4, 0)
    assert IntegerPerAxis(1, allows_batch_sizes=True).check([1, 2, 3, 4], 2) == (1, 2, 3, 4)


@pytest.mark.parametrize("value", [2.0, [2, 2.0], [2.0, 2.0]])
def test_an_integer_may_have_a_decimal_point(value: object) -> None:
    """JSON has one number type, and in JSON Schema, as in our API document, 2.0 is an integer."""
    checked = IntegerPerAxis(1).check(value, 2)

    assert checked == (2, 2)
    assert isinstance(checked, tuple)
    assert all(type(entry) is int for entry in checked)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "type"),
        (2.5, "type"),
        (math.inf, "type"),
        (math.nan, "type"),
        (1e300, "type"),
        (-(2.0**63), "type"),
        ("2", "type"),
        (None, "type"),
        ({}, "type"),
        (0, "range"),
        (INT32_MAX + 1, "range"),
        (-(10**400), "range"),
        ([], "length"),
        ([1, 2, 3], "length"),
        ([1] * 1_000_000, "length"),
        ([1, None], "type"),
        ([1, [2]], "type"),
        ([1, False], "type"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_size_is_an_integer_within_int32(value: object, code: str) -> None:
    """Beyond int32 torch's kernels crash, overflow or run forever; only Python treats a bool as a number."""
    assert code_of(IntegerPerAxis(1), value) == code


@pytest.mark.parametrize(
    "text",
    ["1_000", "+3", "٣", "3.5", "3.", "0x3", "", ",", "3,", "1e2", "9" * 21, "--3", "null", "3\xa0", "\t3", " 3", "3 "],
)
def test_only_plain_digits_are_a_size(text: str) -> None:
    """Python's int() accepts texts that no other language writes."""
    with pytest.raises(FieldError):
        IntegerPerAxis(1).read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3.0", 3),
        ("3,2", [3, 2]),
        ("[3,2]", [3, 2]),
        ("[3, 2]", [3, 2]),
        ("(3, 2)", [3, 2]),
        ("3,  2", [3, 2]),
        ("[3]", [3]),
        ("(3,)", [3]),
        ("-1", -1),
    ],
)
def test_sizes_are_read_in_all_common_notations(text: str, value: object) -> None:
    """JSON, Python and users write lists differently, but each notation is unambiguous."""
    assert IntegerPerAxis(1).read(text) == value
    assert RatioPerAxis().read(text) == value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2x2", "2,2"),
        ("2X3", "2,3"),
        ("2 × 2", "2,2"),
        ("2;2", "2,2"),
        ("[3 2]", "3,2"),
        ("{2,2}", "2,2"),
        ("(2,2]", "2,2"),
    ],
)
def test_the_error_for_a_malformed_list_shows_the_right_notation(text: str, meant: str) -> None:
    """0x10 is a number in most languages, so 2x2 is not accepted, but the error shows the right notation."""
    with pytest.raises(FieldError) as refused:
        IntegerPerAxis(1).read(text)

    assert refused.value.code == "type"
    assert refused.value.message.endswith(f"; write {meant}")


def test_null_is_read_as_json_and_python_write_it() -> None:
    """A format string turns torch's argument (None, 7) into that text."""
    assert IntegerPerAxis(0, allows_null=True).read("(None, 7)") == [None, 7]
    assert IntegerPerAxis(0, allows_null=True).read("null,7") == [None, 7]


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.5, math.nan, math.inf])
def test_a_ratio_is_between_zero_and_one(value: float) -> None:
    """Torch's functional checks neither bound."""
    assert code_of(RatioPerAxis(), value) == "range"
    assert code_of(RatioPerAxis(), [0.5, value]) == "range"
