"""Vectors divided by their norms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from poolhouse.dtypes import float64_to_bfloat16
from poolhouse.kernels.vector_norms import LEAST_NORM, normalize_vectors
from poolhouse.kernels.widening import Array


def normalized(vectors: Array, element: str, threads: int = 1) -> Array:
    """The result in an array behind which nothing changes."""
    storage = np.uint16 if element == "bfloat16" else np.dtype(element)
    memory = np.full(vectors.size + 1, 7, storage)
    out = memory[:-1].reshape(vectors.shape)
    normalize_vectors(np.ascontiguousarray(vectors, np.float64), out, element, threads)
    assert memory[-1] == 7
    return out


@pytest.mark.parametrize("size", [1, 2, 3, 15, 16, 17, 1000])
def test_a_vector_has_the_length_1(size: int) -> None:
    """Every element has a part in the norm, whatever the number of elements is."""
    vectors = np.random.default_rng(size).standard_normal((7, size))

    found = normalized(vectors, "float64").astype(np.float64)

    lengths = np.array([math.sqrt(math.fsum(value * value for value in row)) for row in vectors.tolist()])
    np.testing.assert_allclose(found, vectors / lengths[:, None], rtol=1e-15)


@pytest.mark.parametrize("element", ["float16", "bfloat16", "float32"])
def test_a_quotient_is_rounded_once(element: str) -> None:
    """To the nearest element of the type."""
    vectors = np.random.default_rng(1).standard_normal((50, 40))
    exact = normalized(vectors, "float64").astype(np.float64)

    found = normalized(vectors, element)

    expected = float64_to_bfloat16(exact) if element == "bfloat16" else exact.astype(element)
    np.testing.assert_array_equal(found, expected)


def test_least_norms_nan_and_infinity_are_those_of_torch() -> None:
    """A vector of zeros stays one; a NaN is in every element of its vector."""
    vectors = np.array([[0.0, -0.0], [1e-13, 0.0], [np.nan, 1.0], [np.inf, 1.0], [3.0, 4.0]])

    found = normalized(vectors, "float64")

    expected = torch.nn.functional.normalize(torch.from_numpy(vectors), eps=LEAST_NORM).numpy()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(5, 33), (3, 4, 21)])
def test_threads_and_other_vectors_do_not_change_a_vector(shape: tuple[int, ...]) -> None:
    """Nor does the thread start at the first one."""
    vectors = np.random.default_rng(2).standard_normal(shape)

    one, three = normalized(vectors, "float32"), normalized(vectors, "float32", 3)

    assert one.tobytes() == three.tobytes()
    assert normalized(vectors[-1:], "float32").tobytes() == one[-1:].tobytes()
