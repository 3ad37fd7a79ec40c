"""npy: numpy's own reader and writer are the oracles."""

from __future__ import annotations

import io

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, BY_NUMPY, ELEMENT_TYPES, FLOAT32
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.npy import NPY, read_array
from tests.wire.drawing import body_of, same_bits, tensors, there_and_back


def saved(array: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def loaded(body: bytes) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.load(io.BytesIO(body), allow_pickle=False)
    return array


@given(tensors())
def test_what_is_written_is_read_back_bit_for_bit(tensor: Tensor) -> None:
    """A pool between two services must not change a bit on the way."""
    back = there_and_back(NPY, Message({"output": tensor})).tensors["input"]

    assert same_bits(back, tensor)


@given(tensors())
def test_numpy_reads_what_we_write(tensor: Tensor) -> None:
    """The answer is for np.load, not for us."""
    array = loaded(body_of(NPY.encode(Message({"output": tensor}))))

    assert array.shape == tensor.shape
    assert array.tobytes() == bytes(tensor.buffer)
    assert array.dtype == (np.dtype("V2") if tensor.dtype is BFLOAT16 else tensor.dtype.storage)


@given(tensors(), st.booleans(), st.booleans())
def test_we_read_what_numpy_writes(tensor: Tensor, big_endian: bool, fortran: bool) -> None:
    """Whatever order numpy happened to hold the array in, the values arrive in theirs."""
    array = tensor.array
    if tensor.dtype is BFLOAT16:
        array = array.view(ml_dtypes.bfloat16)
    else:
        array = array.astype(tensor.dtype.storage.newbyteorder(">" if big_endian else "<"))
    body = saved(np.asfortranarray(array) if fortran else array)

    read = read_array(memoryview(body), "input")

    assert same_bits(read, tensor)


@pytest.mark.parametrize("name", BY_NUMPY)
def test_an_aligned_body_is_not_copied(name: str) -> None:
    """A large tensor costs its own memory once."""
    row = ELEMENT_TYPES[name]
    body = np.frombuffer(bytearray(saved(np.ones((2, 3, 4), row.storage))), dtype=np.uint8)

    read = read_array(body.data, "input")

    assert np.shares_memory(read.array, body)


@pytest.mark.parametrize("name", BY_NUMPY)
@pytest.mark.parametrize("offset", range(1, 8))
def test_an_unaligned_body_is_read_right(name: str, offset: int) -> None:
    """A body may begin anywhere in a buffer; the kernels want whole words."""
    row = ELEMENT_TYPES[name]
    array = np.arange(24).reshape(2, 3, 4).astype(row.storage)
    buffer = bytearray(offset) + saved(array)

    read = read_array(memoryview(buffer)[offset:], "input")

    assert read.array.flags.aligned
    np.testing.assert_array_equal(read.array, array)


@given(tensors(FLOAT32))
def test_elements_begin_at_a_multiple_of_64(tensor: Tensor) -> None:
    """Readers map the file and expect whole cache lines."""
    head, payload = NPY.encode(Message({"output": tensor})).chunks

    assert len(head) % 64 == 0
    assert len(payload) == tensor.outline.nbytes


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}",
        '{"descr": "<f4", "fortran_order": False, "shape": (1L, 2L)}  \n',
        "{'descr':'<f4','fortran_order':False,'shape':(1,2,)}",
    ],
)
def test_headers_of_other_writers_are_read(version: int, header: str) -> None:
    """npy is written from many languages, and by old numpy under Python 2."""
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    body = b"\x93NUMPY" + bytes((version, 0)) + length + header.encode() + np.ones(2, "<f4").tobytes()

    read = read_array(memoryview(body), "input")

    assert read.shape == (1, 2)
    assert read.array.tolist() == [[1.0, 1.0]]


def test_the_query_is_left_to_the_spec() -> None:
    """dtype and shape mean something to raw elements only; here they are the operator's to refuse."""
    body = memoryview(saved(np.ones((1, 2, 2), np.float32)))

    message = NPY.decode(body, {"kernel_size": "2", "dtype": "float32"}, 2**20)

    assert message.texts == {"kernel_size": "2", "dtype": "float32"}
    assert list(message.tensors) == ["input"]


def test_one_file_holds_one_array() -> None:
    """Two outputs need another format."""
    assert NPY.accepts_outputs(1)
    assert not NPY.accepts_outputs(2)
