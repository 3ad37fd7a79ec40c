"""Keys: the order of the elements as integers."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.keys import KeyType
from poolhouse.tensors import Tensor
from tests.operators.random_cases import as_numbers, random_elements


@pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
def test_keys_have_the_order_of_the_elements(dtype: object) -> None:
    """Every style of elements: their order by keys is their order as numbers, with -0 before 0 and NaN last."""
    element = ELEMENT_TYPES[str(dtype)]
    keys = KeyType.of(element.name)
    for seed, style in enumerate(("plain", "ties", "special", "extreme")):
        elements = random_elements(Random(seed), element, (300,), style)
        numbers = as_numbers(Tensor(element, elements))

        found = keys.keys_of(elements, 3)

        by_key = numbers[np.argsort(found, kind="stable")]
        expected = np.sort(numbers, kind="stable")
        np.testing.assert_array_equal(by_key, expected)
        if element.kind == "float":
            assert (found[np.isnan(numbers)] == keys.most).all()
            zeros = found[numbers == 0]
            assert (zeros == np.where(np.signbit(numbers[numbers == 0]), -1, 0)).all()
        there = keys.elements_of(found.copy(), element.storage)
        np.testing.assert_array_equal(as_numbers(Tensor(element, there)), numbers)
