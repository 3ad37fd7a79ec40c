"""PNG files: what their chunks tell, and a copy that holds the chunks of the pixels alone."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.wire.images.header import PictureHeader
from poolhouse.wire.images.png_file import make_chunk, png_without_metadata, read_png_header
from tests.hostile.picture_files import chunk, png

LIMIT_BYTES = 2**30
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
ADAM7 = ("16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777")
"""The pass of each pixel in a block of 8 × 8, as the specification shows it."""
EXIF_OF_6 = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)


def header_of(file: bytes, limit_bytes: int = LIMIT_BYTES) -> PictureHeader:
    return read_png_header(memoryview(file), limit_bytes)


def stripped(file: bytes, *, as_bytes_of_samples: bool = False) -> bytes:
    return png_without_metadata(memoryview(file), as_bytes_of_samples=as_bytes_of_samples)


def ihdr(bits: int, colour: int, size: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">II5B", size, size, bits, colour, 0, 0, 0))


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=50))
def test_a_chunk_has_its_length_and_checksum(kind: bytes, data: bytes) -> None:
    """As the specification defines it."""
    assert make_chunk(kind, data) == chunk(kind, data)


@pytest.mark.parametrize(
    ("colour", "bits", "channels", "pixel_bytes"),
    [
        *((GREY, bits, 1, 1) for bits in (1, 2, 4, 8)),
        *((PALETTE, bits, 3, 1) for bits in (1, 2, 4, 8)),
        (GREY, 16, 1, 4),
        (RGB, 8, 3, 4),
        (RGB, 16, 3, 7),
        (GREY_ALPHA, 8, 2, 4),
        (GREY_ALPHA, 16, 2, 4),
        (RGB_ALPHA, 8, 4, 4),
        (RGB_ALPHA, 16, 4, 8),
    ],
)
def test_each_kind_of_pixel_has_its_channels(colour: int, bits: int, channels: int, pixel_bytes: int) -> None:
    """These are all that PNG has."""
    dtype = ELEMENT_TYPES["uint16" if bits == 16 else "uint8"]

    found = header_of(png(size=(3, 5), bits=bits, colour=colour))

    assert found == PictureHeader("png", 3, 5, channels, dtype, 1, pixel_bytes)


@pytest.mark.parametrize(
    ("colour", "bits"), [(GREY, 3), (RGB, 4), (PALETTE, 16), (GREY_ALPHA, 4), (RGB_ALPHA, 32), (1, 8)]
)
def test_other_kinds_of_pixels_are_malformed(colour: int, bits: int) -> None:
    """The decoder need not be asked."""
    with pytest.raises(Malformed, match=f"no colour type {colour} with {bits} bits") as refused:
        header_of(png(bits=bits, colour=colour))
    assert refused.value.code == "malformed_body"


def test_the_chunks_before_the_pixels_change_the_header() -> None:
    """Transparency counts only for a palette, and EXIF tells how to turn the picture."""
    transparent = chunk(b"tRNS", b"\0")

    assert header_of(png(transparent, colour=PALETTE)).channels == 4
    assert header_of(png(transparent)).channels == 1
    assert header_of(png(chunk(b"eXIf", EXIF_OF_6))).orientation == 6
    assert header_of(png(chunk(b"eXIf", EXIF_OF_6.ljust(2**16, b"\0")))).orientation == 6
    assert header_of(png(chunk(b"eXIf", EXIF_OF_6.ljust(2**16 + 1, b"\0")))).orientation == 1
    with pytest.raises(Unprocessable, match="animated") as refused:
        header_of(png(chunk(b"acTL", bytes(8))))
    assert refused.value.code == "invalid_data"


def test_the_limits_of_a_header_are_exact() -> None:
    """A thousand chunks before the pixels, and the bytes of the decoded picture."""
    assert header_of(png(*[chunk(b"teXt")] * 1024), 4).width == 2

    with pytest.raises(Malformed, match="too many chunks"):
        header_of(png(*[chunk(b"teXt")] * 1025))
    with pytest.raises(TooLarge, match="takes 4 bytes when decoded; the limit is 3"):
        header_of(png(), 3)


@pytest.mark.parametrize("second", [ihdr(8, GREY), ihdr(8, 5), ihdr(8, GREY, size=2**31), chunk(b"IHDR", b"x")])
def test_a_second_header_is_malformed(second: bytes) -> None:
    """The pixels were charged by the first; before the pixels and behind them."""
    with pytest.raises(Malformed, match="two headers"):
        header_of(png(second))
    for file in (png(second), png()[:-12] + second + chunk(b"IEND")):
        with pytest.raises(Malformed, match="two headers") as refused:
            stripped(file)
        assert refused.value.code == "malformed_body"


def test_only_the_chunks_of_the_pixels_are_kept() -> None:
    """Compressed text and profiles could expand to any size."""
    palette, transparent = chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\0")
    metadata = [chunk(kind, b"secret") for kind in (b"tEXt", b"zTXt", b"iCCP", b"eXIf", b"fcTL", b"fdAT")]

    assert stripped(png(*metadata) + b"behind the end") == png()
    assert stripped(png(palette, transparent, *metadata, colour=PALETTE)) == png(palette, transparent, colour=PALETTE)
    assert stripped(png(transparent)) == png()


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 9), (8, 8), (9, 17)])
@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_every_pixel_must_be_there(size: tuple[int, int], mode: str) -> None:
    """The decoder would leave the missing ones black. The bytes of each row are rounded up."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, "png")
    whole = file.getvalue()
    at = whole.index(b"IDAT")
    pixels = zlib.decompress(whole[at + 4 : -16])

    bits, colour = {"1": (1, GREY), "L": (8, GREY), "RGB": (8, RGB)}[mode]
    stripped(png(size=size, bits=bits, colour=colour, pixels=pixels))

    with pytest.raises(Malformed, match="ends 1 bytes before its last pixel"):
        stripped(png(size=size, bits=bits, colour=colour, pixels=pixels[:-1]))


@given(st.integers(1, 20), st.integers(1, 20))
def test_interlaced_pixels_are_counted_by_pass(width: int, height: int) -> None:
    """A row has a filter for each pass that it has pixels in; a pass without pixels has no rows."""
    in_passes = Counter((y, ADAM7[y % 8][x % 8]) for y in range(height) for x in range(width))
    nbytes = sum(1 + pixels for pixels in in_passes.values())

    stripped(png(size=(width, height), methods=b"\0\0\x01", pixels=bytes(nbytes)))

    with pytest.raises(Malformed, match="ends 1 bytes"):
        stripped(png(size=(width, height), methods=b"\0\0\x01", pixels=bytes(nbytes - 1)))


@pytest.mark.parametrize(("colour", "becomes", "channels"), [(GREY, GREY_ALPHA, 1), (GREY_ALPHA, RGB_ALPHA, 2)])
def test_samples_of_16_bits_become_pairs_of_bytes(colour: int, becomes: int, channels: int) -> None:
    """Filters work on bytes, so only the header changes."""
    rows = np.random.default_rng(0).integers(0, 256, (2, 1 + 2 * 2 * channels), np.uint8)
    rows[:, 0] = 0
    wide = png(bits=16, colour=colour, pixels=rows.tobytes())

    found = stripped(wide, as_bytes_of_samples=True)

    assert found == png(bits=8, colour=becomes, pixels=rows.tobytes())
    pixels = np.asarray(Image.open(io.BytesIO(found)))
    np.testing.assert_array_equal(pixels.reshape(2, -1), rows[:, 1:])
