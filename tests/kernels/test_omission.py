"""Elements that windows pass over, in the storage type of their element type."""

from __future__ import annotations

import math

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES, bfloat16_to_float32
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission, element_of


@pytest.mark.parametrize("name", [name for name in ELEMENT_TYPES if name != "bfloat16"])
def test_an_element_has_its_type(name: str) -> None:
    """A loop compares bits of its own type; another type would be converted for every element."""
    element = element_of(1, name)

    assert element.dtype == np.dtype(name)
    assert element.tolist() == [1]


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**63, 2**64 - 1])
def test_integers_of_64_bits_keep_all_digits(value: int) -> None:
    """2⁶⁴ - 1 is the usual nodata of uint64; float64 would make it 2⁶⁴."""
    assert element_of(value, "int64" if value < 2**63 else "uint64").tolist() == [value]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        (-0.5, -0.5),
        # Half way between two numbers, the one with an even last bit: 1 + 2⁻⁸ and 1 + 3·2⁻⁸.
        (1 + 2**-8, 1.0),
        (1 + 3 * 2**-8, 1 + 2**-6),
        (math.inf, math.inf),
        (1e39, math.inf),
    ],
)
def test_bfloat16_is_rounded_into_its_bits(value: float, expected: float) -> None:
    """Numpy has no bfloat16; its elements are 16-bit integers."""
    (found,) = bfloat16_to_float32(element_of(value, "bfloat16").view(np.uint16)).tolist()

    assert found == expected


def test_beyond_a_float_type_there_is_infinity() -> None:
    """Without numpy's warning, which in the service would go to the log of every request."""
    assert element_of(1e300, "float32").tolist() == [math.inf]
    assert element_of(-70_000, "float16").tolist() == [-math.inf]


def test_nothing_is_omitted_unless_it_is_said() -> None:
    """Operators compare with it to decide whether loops that pass over elements are needed."""
    assert Omission() == NOTHING_OMITTED
    for other in (Omission(nan=True), Omission(value=0.0), Omission(nothing_left=0.0)):
        assert other != NOTHING_OMITTED
