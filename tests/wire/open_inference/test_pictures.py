"""The picture of a request: its length before it, one input, and the shape of its header."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, PoolhouseError, TooLarge, Unprocessable
from poolhouse.wire.images.decoder import read_header
from poolhouse.wire.open_inference.pictures import PictureRequest, read_picture_request
from poolhouse.wire.open_inference.request import InferInput, InferRequest
from tests.hostile.picture_files import jpeg, png

LIMIT_BYTES = 2**20
UINT8 = ELEMENT_TYPES["uint8"]
FILES = {"png": png(size=(3, 2), pixels=bytes([0, 1, 2, 3, 0, 4, 5, 6])), "jpeg": jpeg()}


def element(file: bytes, length: int | None = None) -> bytes:
    """An element of BYTES."""
    return struct.pack("<I", len(file) if length is None else length) + file


def picture_input(nbytes: int | None, name: str = "input") -> InferInput:
    return InferInput(name, UINT8, (1,), binary_bytes=nbytes, is_file=True)


def request_of(*inputs: InferInput) -> InferRequest:
    return InferRequest("id", {"kernel_size": 2}, inputs, ())


def read(elements: bytes, limit_bytes: int = LIMIT_BYTES) -> PictureRequest:
    request = request_of(picture_input(len(elements)))
    found = read_picture_request(request, memoryview(elements), limit_bytes)
    assert found is not None
    return found


def refusal_of(elements: bytes, *inputs: InferInput) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as refused:
        read_picture_request(request_of(*inputs or [picture_input(len(elements))]), memoryview(elements), LIMIT_BYTES)
    return refused.value


@pytest.mark.parametrize("name", FILES)
def test_a_picture_becomes_an_input_of_its_shape(name: str) -> None:
    """From the header alone; id and parameters stay, and the file is a view of the elements."""
    file, elements = FILES[name], bytearray(element(FILES[name]))
    header = read_header(memoryview(file), LIMIT_BYTES)

    found = read_picture_request(request_of(picture_input(len(elements))), memoryview(elements), LIMIT_BYTES)

    assert found is not None
    [pooled] = found.request.inputs
    assert (pooled.metadata, pooled.is_file, pooled.name) == (header.metadata, False, "input")
    assert (found.request.id, found.request.parameters) == ("id", {"kernel_size": 2})
    assert found.file.obj is elements
    assert (found.limit_bytes, found.decoding_bytes) == (LIMIT_BYTES, header.decoding_bytes(len(file)))
    decoded = found.decode()["input"]
    assert (decoded.dtype, decoded.shape) == (pooled.dtype, pooled.shape)


def test_the_pixels_are_those_of_the_file() -> None:
    """Under the name that the client gave the input."""
    elements = element(FILES["png"])
    request = request_of(picture_input(len(elements), "image"))

    found = read_picture_request(request, memoryview(elements), LIMIT_BYTES)

    assert found is not None
    np.testing.assert_array_equal(found.decode()["image"].array, [[[[1, 2, 3], [4, 5, 6]]]])


def test_tensors_are_no_pictures() -> None:
    """Their bytes are not looked at."""
    tensors = [InferInput(name, UINT8, (1,), binary_bytes=1) for name in ("input", "indices")]

    assert read_picture_request(request_of(*tensors), memoryview(b"??"), LIMIT_BYTES) is None


@given(st.integers(0, 2**32 - 1))
def test_the_length_before_the_file_must_be_right(length: int) -> None:
    """Otherwise there would be several elements, or part of one."""
    file = FILES["png"]
    assume(length != len(file))

    refused = refusal_of(element(file, length))

    assert (type(refused), refused.code) == (Malformed, "malformed_body")
    assert "not its length" in refused.detail


@pytest.mark.parametrize("elements", [b"", b"\0\0\0", bytes(4), element(b"GIF89a"), element(FILES["png"][:20])])
def test_other_elements_are_malformed(elements: bytes) -> None:
    """Short ones too."""
    assert (type(refusal_of(elements)), refusal_of(elements).code) == (Malformed, "malformed_body")


def test_a_picture_is_the_only_input_and_as_long_as_announced() -> None:
    """The refusal points at the member of the JSON part."""
    elements = element(FILES["png"])
    tensor = InferInput("indices", UINT8, (1,), binary_bytes=0)
    refused = [
        refusal_of(elements, picture_input(len(elements)), tensor),
        refusal_of(elements, tensor, picture_input(len(elements))),
        refusal_of(elements, picture_input(len(elements) - 1)),
        refusal_of(elements, picture_input(None)),
    ]

    assert {(type(each), each.code) for each in refused} == {(Unprocessable, "invalid_fields")}
    size_pointer = "/inputs/0/parameters/binary_data_size"
    assert [each.problems[0].pointer for each in refused] == ["/inputs", "/inputs", size_pointer, size_pointer]


def test_the_limit_is_that_of_the_decoded_picture() -> None:
    """Six pixels of one byte."""
    assert read(element(FILES["png"]), 6).decode()["input"].array.nbytes == 6

    with pytest.raises(TooLarge) as refused:
        read(element(FILES["png"]), 5)
    assert refused.value.code == "body_too_large"
