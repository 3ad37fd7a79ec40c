"""The largest elements of an output as texts."""

from __future__ import annotations

import json
import math
import struct
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType
from poolhouse.tensors import Tensor
from poolhouse.wire.open_inference.classification import class_count, classify, max_class_bytes
from tests.operators.random_cases import as_numbers
from tests.wire.tensor_strategies import tensors


def naive(tensor: Tensor, classes: int) -> list[str]:
    """By Python's own sort: descending, equal ones by index, NaN last."""
    numbers = as_numbers(tensor)
    rows: Any = numbers.reshape(numbers.shape[0] if numbers.ndim > 1 else 1, -1) if numbers.size else []
    texts = []
    for row in rows:
        values = [each.item() for each in row]
        order = sorted(
            range(len(values)), key=lambda i: (math.isnan(values[i]), -values[i] if values[i] == values[i] else 0, i)
        )
        for index in order[:classes]:
            value = values[index]
            texts.append(f"{value:f}:{index}" if isinstance(value, float) else f"{int(value)}:{index}")
    return texts


def read_binary(encoded: bytes) -> list[str]:
    """The texts, each behind its length."""
    texts, at = [], 0
    while at < len(encoded):
        (length,) = struct.unpack_from("<I", encoded, at)
        texts.append(encoded[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return texts


@given(tensors(), st.integers(1, 9))
def test_the_texts_are_those_of_a_plain_sort(tensor: Tensor, classes: int) -> None:
    """Any datatype, shape, ties, NaN and infinities; the shape has one row for each batch entry."""
    expected = naive(tensor, classes)

    shape, encoded = classify(tensor, classes, as_binary=False)
    binary_shape, binary = classify(tensor, classes, as_binary=True)

    assert json.loads(encoded) == read_binary(binary) == expected
    assert shape == binary_shape
    assert math.prod(shape) == len(expected) == class_count(tensor.metadata, classes)
    assert len(shape) == (2 if len(tensor.shape) > 1 else 1)
    # Without texts there are two brackets, which count as a part of the head.
    assert len(encoded) <= max(2, max_class_bytes(tensor.metadata, classes))
    assert len(binary) <= max_class_bytes(tensor.metadata, classes)


@given(
    hnp.arrays(
        np.float32, st.integers(2, 300), elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, np.inf, -np.inf, np.nan])
    ),
    st.integers(1, 300),
)
def test_ties_of_one_row_are_ranked_by_index(array: np.ndarray[tuple[int], np.dtype[np.float32]], classes: int) -> None:
    """A single row is ranked by a partition, which has no order among equal elements."""
    tensor = Tensor(ELEMENT_TYPES["float32"], array)

    assert json.loads(classify(tensor, classes, as_binary=False)[1]) == naive(tensor, classes)


@pytest.mark.parametrize("dtype", [each for each in ELEMENT_TYPES.values() if each.kind == "integer"], ids=str)
def test_the_extremes_of_integers_are_ranked_exactly(dtype: ElementType) -> None:
    """The negation of the least integer would overflow, and a float would not hold 2^63 - 1."""
    limits = np.iinfo(np.dtype(dtype.storage).name)
    array = np.array([[limits.min, limits.max - 1, limits.max, limits.min + 1]], dtype.storage)

    texts = json.loads(classify(Tensor(dtype, array), 4, as_binary=False)[1])

    assert texts == [f"{limits.max}:2", f"{limits.max - 1}:1", f"{limits.min + 1}:3", f"{limits.min}:0"]


@pytest.mark.parametrize(
    ("array", "classes", "shape", "texts"),
    [
        ([[1.0, 3, 5, 9]], 2, (1, 2), ["9.000000:3", "5.000000:2"]),
        ([1.0, 3, 5, 9], 2, (2,), ["9.000000:3", "5.000000:2"]),
        ([[1.0, 3], [5, 4]], 1, (2, 1), ["3.000000:1", "5.000000:0"]),
        ([[[1.0, 3], [5, 4]]], 9, (1, 4), ["5.000000:2", "4.000000:3", "3.000000:1", "1.000000:0"]),
        ([[]], 3, (1, 0), []),
    ],
)
def test_examples_of_the_extension(array: object, classes: int, shape: tuple[int, ...], texts: list[str]) -> None:
    """As Triton answers."""
    tensor = Tensor(ELEMENT_TYPES["float32"], np.array(array, np.float32))

    found_shape, encoded = classify(tensor, classes, as_binary=False)

    assert (found_shape, json.loads(encoded)) == (shape, texts)


def test_many_rows_are_ranked_in_parts() -> None:
    """More rows than are ranked in one call: none is left out or ranked twice."""
    array = np.random.default_rng(5).standard_normal((3000, 40)).astype(np.float32)
    tensor = Tensor(ELEMENT_TYPES["float32"], array)

    assert json.loads(classify(tensor, 2, as_binary=False)[1]) == naive(tensor, 2)


def test_the_greatest_bfloat16_has_all_its_digits() -> None:
    """C's %f prints the digits before the point, all of them; the bound of the text's length counts on it."""
    tensor = Tensor(BFLOAT16, np.array([0x7F7F], np.uint16))

    [text] = json.loads(classify(tensor, 1, as_binary=False)[1])

    assert text == f"{float.fromhex('0x1.fep127'):f}:0"


def test_empty_rows_are_not_ranked() -> None:
    """A few bytes of a request could otherwise have a billion rows without elements ranked, one by one."""
    tensor = Tensor(ELEMENT_TYPES["float32"], np.empty((10**9, 0), np.float32))

    assert classify(tensor, 3, as_binary=False) == ((10**9, 0), b"[]")
    assert classify(tensor, 3, as_binary=True) == ((10**9, 0), b"")


def test_other_threads_run_while_the_texts_are_made() -> None:
    """A loop in C over all elements would hold the GIL, and with it the event loop, for as long."""
    tensor = Tensor(ELEMENT_TYPES["float64"], np.full((1, 16_384), np.finfo(np.float64).max))
    work = threading.Thread(target=classify, args=(tensor, 16_384), kwargs={"as_binary": False})
    interval_s, waits = sys.getswitchinterval(), 0
    sys.setswitchinterval(0.0005)

    try:
        work.start()
        before = time.perf_counter()
        while work.is_alive():
            now = time.perf_counter()
            # This thread waited for the GIL, and got it before the work ended.
            waits += now - before > 0.0003
            before = now
    finally:
        sys.setswitchinterval(interval_s)
        work.join()

    assert waits > 40
