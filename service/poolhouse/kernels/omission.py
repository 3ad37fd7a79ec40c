"""The elements that windows pass over, as kernels take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.dtypes import float32_to_bfloat16
from poolhouse.kernels.widening import Array


@dataclass(frozen=True, slots=True)
class Omission:
    """The elements that windows pass over.

    Attributes:
        nan: whether NaN is passed over; else it counts as the kernel says.
        value: elements equal to it are passed over; a number that the element type has, or None.
        nothing_left: the result of a window without other elements; None for NaN.
    """

    nan: bool = False
    value: float | None = None
    nothing_left: float | None = None


NOTHING_OMITTED: Final = Omission()


def element_of(value: float, element: str) -> Array:
    """(1,) a number as an element in its storage type."""
    with np.errstate(over="ignore"):
        if element == "bfloat16":
            return float32_to_bfloat16(np.array([value], np.float32))
        return np.array([value], element)
