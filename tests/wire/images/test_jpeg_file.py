"""JPEG files: what their segments tell, and a copy that holds the segments of the pixels alone."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.wire.images.header import PictureHeader
from poolhouse.wire.images.jpeg_file import jpeg_without_metadata, read_jpeg_header
from tests.hostile.picture_files import jpeg, with_frame_size

LIMIT_BYTES = 2**30
FILE = jpeg(size=(20, 30))
START, REST = FILE[:2], FILE[2:]
EXIF_OF_6 = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)


def segment(marker: int, data: bytes = b"", fill: int = 0) -> bytes:
    return b"\xff" * fill + struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def header_of(file: bytes, limit_bytes: int = LIMIT_BYTES) -> PictureHeader:
    return read_jpeg_header(memoryview(file), limit_bytes)


def stripped(file: bytes) -> bytes:
    return jpeg_without_metadata(memoryview(file), header_of(file))


@pytest.mark.parametrize(("mode", "channels", "pixel_bytes"), [("L", 1, 3), ("RGB", 3, 10)])
def test_the_header_is_that_of_the_frame(mode: str, channels: int, pixel_bytes: int) -> None:
    """A progressive file keeps two bytes of coefficients for each sample."""
    expected = PictureHeader("jpeg", 20, 30, channels, ELEMENT_TYPES["uint8"], 1, pixel_bytes)

    assert header_of(jpeg((20, 30), mode)) == header_of(jpeg((20, 30), mode, progressive=True)) == expected


@pytest.mark.parametrize("progressive", [False, True])
def test_metadata_is_left_out_and_the_pixels_are_the_same(progressive: bool) -> None:
    """Of Pillow's parsers only those of the pixels see what a client sent."""
    file = jpeg(size=(20, 30), progressive=progressive)
    extra = segment(0xE1, b"http://secret") + segment(0xE2, b"ICC_PROFILE secret") + segment(0xFE, b"secret")

    found = stripped(file[:2] + extra + file[2:] + b"secret behind the picture")

    assert found == stripped(file)
    assert b"secret" not in found
    pixels, expected = (np.asarray(Image.open(io.BytesIO(each))) for each in (found, file))
    np.testing.assert_array_equal(pixels, expected)


def test_the_segments_that_tell_the_colour_space_are_kept() -> None:
    """Without Adobe's a file in RGB would be read as YCbCr; other segments with these markers are left out."""
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")

    assert adobe in stripped(START + adobe + REST)
    assert b"JFIF\0" in stripped(FILE)
    assert stripped(START + segment(0xEE, b"other") + segment(0xE0, b"JFXX\0") + REST) == stripped(FILE)


def test_the_first_orientation_counts() -> None:
    """It is in a segment of EXIF, whose marker others use too; fill bytes may stand before a marker."""
    turned = segment(0xE1, EXIF_OF_6, fill=8)

    of_3 = segment(0xE1, EXIF_OF_6.replace(b"\x06\0", b"\x03\0"))

    assert header_of(START + turned + REST).orientation == 6
    assert header_of(START + turned + of_3 + REST).orientation == 6
    assert header_of(START + of_3 + turned + REST).orientation == 3
    assert header_of(START + segment(0xE1, b"http://ns.adobe.com/xap") + turned + REST).orientation == 6
    assert header_of(START + segment(0xE1, EXIF_OF_6[6:]) + REST).orientation == 1


@given(st.integers(0, len(FILE) - 1))
def test_every_beginning_of_a_file_is_malformed(length: int) -> None:
    """No truncation passes for the whole."""
    with pytest.raises(Malformed) as refused:
        stripped(FILE[:length])

    assert refused.value.code == "malformed_body"


def test_the_size_is_limited_exactly() -> None:
    """It is that of the decoded pixels."""
    assert header_of(FILE, 20 * 30 * 3).width == 20

    with pytest.raises(TooLarge):
        header_of(FILE, 20 * 30 * 3 - 1)
    assert header_of(with_frame_size(FILE, 1024, 65535)).height == 65535
    with pytest.raises(TooLarge, match="pixels"):
        header_of(with_frame_size(FILE, 1025, 65535))


@pytest.mark.parametrize(
    ("marker", "frame", "says"),
    [
        (0xC0, (12, 1, 1, 3), "12 bits per sample"),
        (0xC2, (8, 1, 1, 4), "CMYK"),
        (0xC1, (8, 1, 1, 2), "2 components"),
        (0xC3, (8, 1, 1, 3), "lossless"),
        (0xC9, (8, 1, 1, 3), "arithmetic"),
    ],
)
def test_other_kinds_of_files_are_named(marker: int, frame: tuple[int, ...], says: str) -> None:
    """They are whole files, which another program can convert."""
    data = struct.pack(">BHHB", *frame) + bytes(3 * frame[3])

    with pytest.raises(Unprocessable, match=says) as refused:
        header_of(START + segment(marker, data) + segment(0xDA))
    assert refused.value.code == "invalid_data"


def test_a_frame_is_as_long_as_its_components_say_and_the_only_one() -> None:
    """The decoder must see the size that was charged."""
    frame = struct.pack(">BHHB", 8, 1, 1, 1) + bytes(3)
    assert header_of(START + segment(0xC0, frame) + segment(0xDA)).channels == 1

    for frames in ([frame[:-1]], [frame + b"\0"], [frame[:5]], [frame, frame], []):
        file = START + b"".join(segment(0xC0, each) for each in frames) + segment(0xDA)
        with pytest.raises(Malformed):
            header_of(file)
