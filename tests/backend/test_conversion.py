"""Arrays and tensors: they share their memory, also bfloat16 and read-only bodies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from poolhouse.backend.conversion import Array, as_array, as_torch, torch_dtype
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, FLOAT32, ElementType

every_type = pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
READ_ONLY_IS_SHARED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"
LARGE = 128 * 2**10


def bytes_of(dtype: ElementType, nbytes: int, *, frozen: bool) -> Array:
    """An array of this size with varied elements; for bfloat16 every third one is a NaN of its own."""
    elements = np.arange(nbytes // dtype.itemsize) % 2
    array = elements.astype(dtype.storage)
    if dtype is BFLOAT16:
        array[::3] = 0x7FC1
    array.flags.writeable = not frozen
    return array


@every_type
def test_torch_has_every_element_type(dtype: ElementType) -> None:
    """With the same name and size."""
    assert torch_dtype(dtype).itemsize == dtype.itemsize


@every_type
@pytest.mark.parametrize("frozen", [False, True], ids=["writeable", "read-only"])
@pytest.mark.parametrize("nbytes", [0, 48, LARGE])
def test_a_converted_array_has_its_type_and_its_bits(dtype: ElementType, frozen: bool, nbytes: int) -> None:
    """Requests are read-only or not, as their codec leaves them; torch's warning about the former would be an error."""
    array = bytes_of(dtype, nbytes, frozen=frozen)

    tensor = as_torch({"input": array}, dtype)["input"]
    back = as_array(tensor)

    assert tensor.dtype is torch_dtype(dtype)
    assert back.dtype == dtype.storage
    assert back.tobytes() == array.tobytes()


@every_type
@pytest.mark.parametrize(
    ("frozen", "nbytes", "is_shared"),
    [(False, 48, True), (False, LARGE, True), (True, 48, False), (True, LARGE, READ_ONLY_IS_SHARED)],
)
def test_only_small_read_only_arrays_are_copied(dtype: ElementType, frozen: bool, nbytes: int, is_shared: bool) -> None:
    """The plan counts no memory for a copy of a large input."""
    array = bytes_of(dtype, nbytes, frozen=frozen)

    tensor = as_torch({"input": array}, dtype)["input"]

    assert np.shares_memory(as_array(tensor), array) == is_shared


def test_only_the_input_is_read_as_bfloat16() -> None:
    """Indices are int64, and random samples float64, whatever the element type of the input."""
    planes: dict[str, Array] = {
        "indices": np.arange(3),
        "input": np.array([0x3F80], np.uint16),
        "samples": np.array([0.5]),
    }

    tensors = as_torch(planes, BFLOAT16)

    assert list(tensors) == ["indices", "input", "samples"]
    assert tensors["input"].tolist() == [1.0]
    assert [tensors[name].dtype for name in ("indices", "samples")] == [torch.int64, torch.float64]


@pytest.mark.parametrize("dtype", [BFLOAT16, FLOAT32], ids=str)
def test_any_layout_becomes_a_c_ordered_array(dtype: ElementType) -> None:
    """A kernel may return a view; responses are written in C order."""
    tensor = torch.arange(6).reshape(2, 3).to(torch_dtype(dtype))

    array = as_array(tensor.T)

    assert array.shape == (3, 2)
    assert array.flags.c_contiguous
    assert array.tobytes() == as_array(torch.tensor([[0, 3], [1, 4], [2, 5]], dtype=torch_dtype(dtype))).tobytes()
