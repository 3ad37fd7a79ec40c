"""Numbers and expressions of traces as text."""

from __future__ import annotations

import math

import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.numbers import Number
from poolhouse.operators.tracing import Terms, enclosed, number_text, short_number, shortened


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.10000000149011612, "float32", "0.1"),
        (0.1, "float64", "0.1"),
        (0.10000000149011612, "float64", "0.10000000149011612"),
        (0.0999755859375, "float16", "0.099975586"),
        (0.10009765625, "bfloat16", "0.100097656"),
        (4.0, "float32", "4"),
        (-0.0, "float32", "-0"),
        (1e20, "float32", "1e+20"),
        (math.nan, "float32", "NaN"),
        (-math.inf, "float16", "-Infinity"),
        (math.inf, "float64", "Infinity"),
        (2**64 - 1, "uint64", "18446744073709551615"),
        (True, "bool", "true"),
        (False, "bool", "false"),
    ],
)
def test_a_number_has_the_digits_of_its_type(value: Number, dtype: str, text: str) -> None:
    """A reader finds it in the JSON of the response."""
    assert number_text(value, ELEMENT_TYPES[dtype]) == text


def test_long_windows_are_shortened() -> None:
    """The first elements and the last tell enough; the positions have all."""
    terms = Terms(list(range(20)), ELEMENT_TYPES["int64"])

    assert terms.joined() == "0, 1, 2, 3, 4, 5, 6, 7, …, 16, 17, 18, 19"
    assert Terms(terms.values[:12], terms.dtype).joined("-") == "0-1-2-3-4-5-6-7-8-9-10-11"
    assert shortened([], str) == []


def test_sums_have_their_signs() -> None:
    """As a person writes them."""
    terms = Terms([1.0, -2.5, 0.0, -math.inf], ELEMENT_TYPES["float32"])

    assert terms.summed() == "1 - 2.5 + 0 - Infinity"
    assert terms.summed("{}^2") == "1^2 + (-2.5)^2 + 0^2 + (-Infinity)^2"
    assert terms.summed("|{}|") == "|1| + |-2.5| + |0| + |-Infinity|"
    assert terms.summed("exp(3·{})").startswith("exp(3·1) + exp(3·(-2.5))")
    assert Terms([], terms.dtype).summed() == "0"
    assert enclosed("-1") == "(-1)"
    assert short_number(2.0) == "2"


def test_terms_are_ordered_and_taken() -> None:
    """Of ranks and of elements that count."""
    terms = Terms([3.0, math.nan, -1.0, 2.0], ELEMENT_TYPES["float32"])

    assert terms.ordered().joined(" ≤ ") == "-1 ≤ 2 ≤ 3 ≤ NaN"
    assert terms.taken([0, 3]).joined() == "3, 2"
