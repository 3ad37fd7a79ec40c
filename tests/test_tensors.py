"""Tensors: their sizes, their bytes without a copy, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.tensors import Tensor, TensorMetadata


@pytest.mark.parametrize(
    ("shape", "elements"), [((), 1), ((0, 2**62), 0), ((2, 3, 4), 24), ((2**31, 2**31, 2**31), 2**93)]
)
def test_the_size_of_a_shape_does_not_overflow(shape: tuple[int, ...], elements: int) -> None:
    """A shape comes from the client before any check, and a product in 64 bits could look small."""
    metadata = TensorMetadata(INT64, shape)

    assert metadata.element_count == elements
    assert metadata.nbytes == 8 * elements


@pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(2, 3), (), (2, 0, 3), (0,)])
def test_the_buffer_is_the_elements_without_a_copy(dtype: ElementType, shape: tuple[int, ...]) -> None:
    """A response is sent from it, so a copy would double the memory; the buffer of an empty array is special."""
    array = np.ones(shape, dtype.storage)
    array.flags.writeable = False
    tensor = Tensor(dtype, array)

    buffer = tensor.buffer

    assert (buffer.format, buffer.ndim, buffer.nbytes) == ("B", 1, tensor.metadata.nbytes)
    assert bytes(buffer) == array.tobytes()
    assert array.size == 0 or np.shares_memory(np.frombuffer(buffer, np.uint8), array)


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        (FLOAT32, np.zeros((2, 3), np.float64)),
        (BFLOAT16, np.zeros((2, 3), np.float32)),
        (FLOAT32, np.zeros((2, 3), ">f4")),
        (FLOAT32, np.zeros((2, 3), np.float32).T),
        (FLOAT32, np.zeros((2, 4), np.float32)[:, ::2]),
    ],
    ids=["float64", "bfloat16 as numbers", "big-endian", "transposed", "strided"],
)
def test_another_storage_is_refused(
    dtype: ElementType, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> None:
    """Kernels and codecs read the bytes as they are."""
    with pytest.raises(AssertionError):
        Tensor(dtype, array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_tensor_is_pickled_with_every_protocol(protocol: int) -> None:
    """Process pools choose the protocol, and the older ones have no support for slots."""
    tensor = Tensor(BFLOAT16, np.arange(6, dtype=np.uint16).reshape(2, 3))

    restored = pickle.loads(pickle.dumps(tensor, protocol))

    assert restored.metadata == tensor.metadata == TensorMetadata(BFLOAT16, (2, 3))
    assert restored.dtype is BFLOAT16
    assert np.array_equal(restored.array, tensor.array)


def test_equal_metadata_are_one_key() -> None:
    """Plans are cached by it."""
    one, other = TensorMetadata(FLOAT32, (1, 2)), Tensor(FLOAT32, np.zeros((1, 2), np.float32)).metadata

    assert {one: "plan"}[other] == "plan"
    assert one != TensorMetadata(INT64, (1, 2))
