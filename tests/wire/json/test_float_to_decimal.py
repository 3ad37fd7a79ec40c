"""The shortest digits of a float, as Python prints them; on plain Python numbers, without compiling."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.wire.json.float_to_decimal import shortest_decimal
from tests.hypothesis_profiles import scaled_examples


def decimal_of(value: float | np.float32, fraction_bits: int, smallest_power: int) -> Decimal:
    """The shortest decimal of a positive number of a format.

    Args:
        fraction_bits: of its significand, with the leading one.
        smallest_power: the power of two of a subnormal's last bit.
    """
    mantissa, exponent = math.frexp(float(value))
    power = max(exponent - fraction_bits, smallest_power)
    fraction = int(math.ldexp(mantissa, exponent - power))
    is_irregular = fraction == 1 << (fraction_bits - 1) and power > smallest_power
    # numpy warns where a product of 64-bit numbers wraps, which the algorithm relies on.
    with np.errstate(over="ignore"):
        digits, last = shortest_decimal(np.uint64(fraction), power, int(is_irregular))
    return Decimal(int(digits)).scaleb(int(last))


@example(5e-324)
@example(2.2250738585072014e-308)
@example(2.225073858507201e-308)
@example(1.7976931348623157e308)
@example(2.0**-1022)
@example(2.0**53)
@example(9007199254740993.0)
@example(1e23)
@example(1.9e22)
@example(2.1e22)
@example(1.8999999999999998e22)
@example(2.1000000000000002e22)
@example(1125899906842624.25)
@example(1125899906842624.75)
@example(9.5367431640625e-07)
@scaled_examples(300)
@given(st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False, exclude_min=False))
def test_the_digits_of_a_float64_are_those_of_python(value: float) -> None:
    """Python prints the shortest digits that read back, and of several the nearest (David Gay)."""
    assert decimal_of(value, 53, -1074) == Decimal(repr(value))


@example(np.float32(1e-45))
@example(np.float32(2**-126))
@example(np.float32(3.4028235e38))
@example(np.float32(0.1))
@example(np.float32(2097152.75))
@scaled_examples(200)
@given(st.floats(min_value=2.0**-149, max_value=3.4028234663852886e38, width=32).map(np.float32))
def test_the_digits_of_a_float32_are_those_of_numpy(value: np.float32) -> None:
    """0.1 and not 0.10000000149011612."""
    expected = np.format_float_scientific(value, unique=True)

    assert decimal_of(value, 24, -149) == Decimal(expected)


@pytest.mark.parametrize("width", [32, 64])
def test_powers_of_two_read_back(width: int) -> None:
    """Below a power of two the next float is only half as far away, which is a case of its own."""
    bits, smallest, largest = (24, -149, 128) if width == 32 else (53, -1074, 1024)
    form = np.float32 if width == 32 else np.float64

    wrong = [
        power
        for power in range(smallest, largest, 1 if width == 32 else 7)
        if form(str(decimal_of(2.0**power, bits, smallest))) != form(2.0**power)
    ]

    assert wrong == []
