"""The writer: which outputs are pictures, the filters of rows, and the memory that writing takes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.images.decoder import decode_picture
from poolhouse.wire.images.header import MAX_PIXELS
from poolhouse.wire.images.png_writer import encode_png, encode_png_bytes, picture_problem

UINT8 = ELEMENT_TYPES["uint8"]
NONE, LEFT, UP = 0, 1, 2


def encoded(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    return encode_png(Tensor(ELEMENT_TYPES[array.dtype.name], array))


def chunks_of(file: bytes) -> list[tuple[bytes, bytes]]:
    """Type and data of each chunk, whose checksums must be right."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(file):
        (length,) = struct.unpack_from(">I", file, at)
        kind, data = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", file, at + 8 + length) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        at += 12 + length
    return found


def filters_of(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> list[int]:
    """The filter of each row."""
    pixels = zlib.decompress(b"".join(data for kind, data in chunks_of(encoded(array)) if kind == b"IDAT"))
    height = array.shape[-2]
    return [pixels[row * len(pixels) // height] for row in range(height)]


@given(
    st.sampled_from(["uint8", "uint16"]), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_a_file_has_one_header_pixels_and_an_end(name: str, channels: int, height: int, width: int, seed: int) -> None:
    """It is decoded to the same tensor, and with or without the axis of the batch the bytes are the same."""
    dtype = ELEMENT_TYPES[name]
    array = np.random.default_rng(seed).integers(0, 256, (channels, height, width)).astype(dtype.storage)

    file = encoded(array)

    (first, head), *pixels, last = chunks_of(file)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    assert (first, last) == (b"IHDR", (b"IEND", b""))
    assert head == struct.pack(">II5B", width, height, 8 * dtype.itemsize, colour, 0, 0, 0)
    assert {kind for kind, _ in pixels} == {b"IDAT"}
    assert encoded(array[None]) == file
    np.testing.assert_array_equal(decode_picture(memoryview(file), 2**20).array, array[None])


def test_each_row_takes_the_filter_of_the_least_differences() -> None:
    """Rows without change cost nothing: equal columns by the left neighbour, equal rows by the row above."""
    constant = np.full((1, 4, 50), 100, np.uint8)
    steps = np.arange(100, 150, dtype=np.uint8).reshape(1, 1, 50).repeat(4, axis=1)
    peaks = np.zeros((1, 4, 50), np.uint8)
    peaks[:, ::2, 25] = 1

    assert filters_of(constant) == [LEFT, UP, UP, UP]
    assert filters_of(steps) == [LEFT, UP, UP, UP]
    assert filters_of(peaks) == [NONE] * 4


def test_rows_of_several_blocks_are_filtered_as_of_one() -> None:
    """Blocks of 256 KiB are compressed in turn; the first row of one is compared with the last row of the other."""
    array = np.random.default_rng(0).integers(0, 256, (1, 2, 2**17), np.uint8)[:, [0, 1, 1, 1, 1]]

    assert filters_of(array)[2:] == [UP] * 3
    np.testing.assert_array_equal(decode_picture(memoryview(encoded(array)), 2**20).array, array[None])


@pytest.mark.parametrize(
    ("shape", "is_picture"),
    [
        ((1, 1, MAX_PIXELS), True),
        ((1, 1, MAX_PIXELS + 1), False),
        ((4, 1, 1), True),
        ((0, 1, 1), False),
        ((1, 1, 1, 1), True),
        ((0, 1, 1, 1), False),
        ((1, 1), False),
        ((1, 1, 1, 1, 1), False),
    ],
)
def test_one_picture_of_at_most_the_pixels_of_a_request_is_written(shape: tuple[int, ...], is_picture: bool) -> None:
    """What the service writes it also reads."""
    problem = picture_problem({"output": TensorMetadata(UINT8, shape)})

    assert (problem is None) is is_picture
    if problem is not None:
        assert str(list(shape)) in problem


def test_a_file_holds_exactly_one_tensor() -> None:
    """Indices would be lost."""
    metadata = TensorMetadata(UINT8, (1, 3, 4, 4))

    assert picture_problem({"output": metadata}) is None
    assert "holds 2 tensors" in (picture_problem({"output": metadata, "indices": metadata}) or "")
    assert "holds 0 tensors" in (picture_problem({}) or "")


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 40, 50), (1, 1, 4000), (1, 4000, 1), (4, 300, 300)])
def test_the_memory_of_writing_covers_the_file_twice(shape: tuple[int, ...]) -> None:
    """Noise is the largest file: zlib cannot compress it."""
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    assert encode_png_bytes(TensorMetadata(UINT8, shape)) >= 2 * len(encoded(array))
