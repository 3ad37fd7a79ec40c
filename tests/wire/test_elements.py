"""Tensors from bytes: any order and alignment gives the elements, and only bytes that fit the shape."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.elements import check_shape, tensor_from_bytes, touched_bytes

_INT32 = ELEMENT_TYPES["int32"]


@pytest.mark.parametrize(("offset", "big", "fortran"), [*itertools.product((0, 1, 4), (False, True), (False, True))])
def test_all_layouts_give_the_elements(offset: int, big: bool, fortran: bool) -> None:
    """Clients send any layout; one copy converts it."""
    want = np.arange(6, dtype=np.int32).reshape(1, 2, 3)
    body = bytearray(offset) + want.astype(">i4" if big else "<i4").tobytes("F" if fortran else "C")
    data = memoryview(body)[offset:]

    tensor = tensor_from_bytes(data, _INT32, (1, 2, 3), "input", big_endian=big, fortran_order=fortran)

    assert np.array_equal(tensor.array, want)
    is_copy = not np.shares_memory(tensor.array, np.frombuffer(data, np.uint8))
    touched = touched_bytes(TensorMetadata(_INT32, (1, 2, 3)), offset, big_endian=big, fortran_order=fortran)
    assert touched == (24 if is_copy else 0)


@pytest.mark.parametrize("nbytes", [0, 23, 25])
def test_other_numbers_of_bytes_are_malformed(nbytes: int) -> None:
    """A cut body must not become a tensor."""
    with pytest.raises(Malformed, match="takes 24 bytes"):
        tensor_from_bytes(memoryview(bytes(nbytes)), _INT32, (1, 2, 3), "input")


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ((), "wrong_rank"),
        ((1,) * 33, "wrong_rank"),
        ((2, -1), "invalid_data"),
        ((2**61,), "invalid_data"),
        ((0, 2**61), "invalid_data"),
    ],
)
def test_impossible_shapes_are_refused(shape: tuple[int, ...], code: str) -> None:
    """A zero must not hide a size that no array can have."""
    with pytest.raises(Unprocessable) as caught:
        check_shape(shape, _INT32, "input", "/input")

    assert caught.value.code == code


def test_largest_shapes_are_accepted() -> None:
    """The limits themselves are valid."""
    check_shape((1,) * 32, _INT32, "input", "/input")
    check_shape((0, 2**61 - 1), _INT32, "input", "/input")


def test_booleans_are_only_zero_and_one() -> None:
    """Other bytes would be neither true nor false in compiled loops."""
    with pytest.raises(Unprocessable, match="neither 0 nor 1"):
        tensor_from_bytes(memoryview(b"\x00\x01\x02"), ELEMENT_TYPES["bool"], (3,), "input")
