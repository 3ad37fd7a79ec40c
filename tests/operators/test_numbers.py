"""Elements of all types as Python numbers."""

from __future__ import annotations

import numpy as np

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.numbers import Array, Number


def test_the_elements_of_every_type_are_numbers() -> None:
    """The oracle computes with them."""
    for dtype in ELEMENT_TYPES.values():
        array: Array = np.ones(1, dtype.storage)

        assert isinstance(array.tolist()[0], Number)
