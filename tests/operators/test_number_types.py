"""Numbers that hold for all axes: integers, powers, and numbers that an element may be."""

from __future__ import annotations

import math

import pytest

from poolhouse.operators.field_types import FieldError
from poolhouse.operators.number_types import AnyNumber, Integer, Power
from tests.operators.field_samples import code_of


def test_an_integer_may_have_a_decimal_point() -> None:
    """JSON has one number type, and in JSON Schema 2.0 is an integer."""
    assert Integer(0, 2**53 - 1).check(2.0, 2) == 2
    assert code_of(Integer(0, 9), 1e10) == "range"


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "infinity", "1_0", " 1", "1 ", "1\xa0", "٣", "1e400", "", "0x1p3", "1" * 41, "e", "--1"]
)
def test_only_plain_numbers_are_a_power(text: str) -> None:
    """Python's float() accepts most of these."""
    with pytest.raises(FieldError):
        Power().read(text)


def test_a_power_may_be_infinite_in_both_notations() -> None:
    """JSON has no infinity, so the API represents it as a string."""
    assert Power().check("Infinity", 1) == math.inf
    assert Power().check(Power().read("-Infinity"), 1) == -math.inf
    assert Power().check(Power().read("inf"), 1) == math.inf
    assert Power().check(3, 1) == 3.0
    assert [code_of(Power(), value) for value in (0, -0.0, math.nan, 10**400)] == ["range"] * 4
    assert [code_of(Power(), value) for value in (True, "inf", None, [2])] == ["type"] * 4


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 2**53 + 1, -9999, 0.1, -math.inf])
def test_a_number_of_an_element_keeps_all_its_digits(value: float) -> None:
    """A float64 cannot hold every integer of 64 bits, and a nodata value must equal the element."""
    text = {-math.inf: "-Infinity"}.get(value, repr(value))
    checked = [AnyNumber().check(AnyNumber().read(given), 2) for given in (text, repr(value))]

    assert checked == [value, value]
    assert all(type(each) is type(value) for each in checked)
    assert [code_of(AnyNumber(), each) for each in (2**64, -(2**63) - 1)] == ["range"] * 2
