"""The unpooling kernel moves elements without converting them, and writes nothing outside a plane."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.unpooling import UnpoolKernel
from poolhouse.kernels.widening import Array


@pytest.mark.parametrize("index", [-1, 4, 2**40, -(2**63)])
@pytest.mark.parametrize("plane", [0, 2])
def test_an_index_outside_its_plane_is_not_written(index: int, plane: int) -> None:
    """The service refuses such indices earlier; a loop that used one would overwrite other memory."""
    indices = np.zeros((3, 1, 1), np.int64)
    indices[plane] = index

    for threads in (1, 3):
        with pytest.raises(IndexError, match="outside its output plane of 4 elements"):
            UnpoolKernel((2, 2))({"input": np.ones((3, 1, 1), np.float32), "indices": indices}, threads)


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_elements_keep_their_bits_and_the_rest_is_zero(name: str) -> None:
    """One loop serves all types of a size, so it must not read an element as a number; memory is reused."""
    storage = ELEMENT_TYPES[name].storage
    bits = np.random.default_rng(1).integers(0, 2 if name == "bool" else 256, (2, 3 * storage.itemsize), np.uint8)
    values = bits.view(storage)

    (out,) = UnpoolKernel((5,))({"input": values, "indices": np.array([[4, 0, 2], [1, 2, 3]])}, 2)

    expected = np.zeros((2, 5), storage)
    expected[0, [4, 0, 2]], expected[1, [1, 2, 3]] = values
    assert (out.shape, out.dtype) == ((2, 5), storage)
    assert out.tobytes() == expected.tobytes()


def test_the_last_of_equal_indices_is_kept() -> None:
    """As on torch's CPU; the result must not depend on the threads."""
    given: dict[str, Array] = {
        "input": np.arange(1, 9, dtype=np.int8).reshape(2, 2, 2),
        "indices": np.ones((2, 2, 2), np.int64),
    }

    found = [UnpoolKernel((1, 3))(given, threads)[0].tolist() for threads in (1, 2)]

    assert found == [[[[0, 4, 0]], [[0, 8, 0]]]] * 2


def test_strided_inputs_are_read_by_their_strides() -> None:
    """Operators also get views."""
    values, indices = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2], np.array([[1, 0], [0, 1], [2, 0]])

    (out,) = UnpoolKernel((3,))({"input": values, "indices": np.asfortranarray(indices)}, 1)

    assert out.tolist() == [[2, 0, 0], [4, 6, 0], [10, 0, 8]]
