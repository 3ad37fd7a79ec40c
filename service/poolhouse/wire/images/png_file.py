"""The structure of a PNG file: its header, and the chunks that its pixels need.

Source: Portable Network Graphics (PNG) Specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from poolhouse.wire.images.exif import read_orientation
from poolhouse.wire.images.header import (
    UINT8,
    UINT16,
    PictureHeader,
    check_size,
    malformed_picture_error,
    unsupported_picture_error,
)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS: Final = {GREY: 1, RGB: 3, PALETTE: 3, GREY_ALPHA: 2, RGB_ALPHA: 4}
_BITS: Final = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
_HEADER: Final = struct.Struct(">II5B")
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass the first column and row, and the distances between its columns and rows."""
_PIECE_BYTES: Final = 2**16
_MAX_CHUNKS: Final = 2**17
_MAX_CHUNKS_BEFORE_PIXELS: Final = 1024
_MAX_EXIF_BYTES: Final = 2**16


class _Chunk(NamedTuple):
    """A chunk: its type, its data, and all its bytes with length, type and checksum."""

    kind: bytes
    data: memoryview
    whole: memoryview


def _chunks(body: memoryview) -> Iterator[_Chunk]:
    """The chunks up to the last one.

    Raises:
        Malformed: the file ends early, has too many chunks, or a second header.
    """
    if bytes(body[:8]) != SIGNATURE:
        raise malformed_picture_error("it does not begin with the eight bytes of a PNG file")
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(body):
            raise malformed_picture_error("the PNG file ends before its last chunk")
        (length,) = struct.unpack_from(">I", body, at)
        end = at + 12 + length
        if end > len(body):
            raise malformed_picture_error("a chunk of the PNG file is longer than the file")
        kind = bytes(body[at + 4 : at + 8])
        if kind == b"IHDR" and at > 8:
            raise malformed_picture_error("the PNG file has two headers")
        yield _Chunk(kind, body[at + 8 : end - 4], body[at:end])
        if kind == b"IEND":
            return
        at = end
    raise malformed_picture_error(f"the PNG file has more than {_MAX_CHUNKS} chunks")


def read_png_header(body: memoryview, limit_bytes: int) -> PictureHeader:
    """The header of a PNG file; reads the chunks before its pixels.

    Raises:
        Malformed: the bytes are no PNG file.
        Unprocessable: it is animated.
        TooLarge: it has too many pixels.
    """
    chunks = _chunks(body)
    first = next(chunks)
    if first.kind != b"IHDR" or len(first.data) != _HEADER.size:
        raise malformed_picture_error("the PNG file does not begin with its header")
    width, height, bits, colour, *methods = _HEADER.unpack(first.data)
    if bits not in _BITS.get(colour, ()) or methods[:2] != [0, 0] or methods[2] > 1:
        raise malformed_picture_error(f"PNG has no colour type {colour} with {bits} bits and methods {methods}")
    channels = CHANNELS[colour]
    dtype = UINT16 if bits == 16 else UINT8
    check_size(width, height, width * height * channels * dtype.itemsize, limit_bytes)
    orientation = 1
    for number, chunk in enumerate(chunks):
        if chunk.kind == b"IDAT":
            break
        # guard: picture-header-has-chunk-limit
        if chunk.kind == b"IEND" or number >= _MAX_CHUNKS_BEFORE_PIXELS:
            raise malformed_picture_error("the PNG file has no pixels, or too many chunks before them")
        if chunk.kind == b"acTL":
            raise unsupported_picture_error("animated", "send its frames one by one, each as a PNG file")
        if chunk.kind == b"tRNS" and colour == PALETTE:
            channels = 4
        if chunk.kind == b"eXIf" and len(chunk.data) <= _MAX_EXIF_BYTES:
            orientation = read_orientation(bytes(chunk.data))
    # Pillow keeps one byte for a grey or palette pixel, and four for each of the others.
    pixel_bytes = 1 if colour in (GREY, PALETTE) and bits <= 8 else 4
    if dtype is UINT16 and channels > 2:
        # Half of the bytes of each sample, while the others are decoded.
        pixel_bytes += channels
    return PictureHeader("png", width, height, channels, dtype, orientation, pixel_bytes)


def png_without_metadata(body: memoryview, *, as_bytes_of_samples: bool) -> bytes:
    """A copy of a PNG file with the chunks that its pixels need, and no others.

    Text, profiles and animations never reach the decoder: compressed ones could expand to any size.

    Args:
        body: the file.
        as_bytes_of_samples: whether a grey picture of 16 bits, with or without alpha, becomes one of 8 bits with twice
            the channels, the high and the low byte of each sample. Filters of PNG work on bytes, so the rows are the
            same.

    Raises:
        Malformed: the file ends early.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    is_palette = False
    pixels = _PixelCounter(0)
    for chunk in _chunks(body):
        if chunk.kind == b"IDAT":
            pixels.feed(chunk.data)
        if chunk.kind == b"IHDR":
            width, height, bits, colour, *methods = _HEADER.unpack(chunk.data)
            is_palette = colour == PALETTE
            samples = 1 if is_palette else CHANNELS[colour]
            pixels = _PixelCounter(_filtered_bytes(width, height, samples * bits, methods[2]))
            if as_bytes_of_samples:
                colour = GREY_ALPHA if colour == GREY else RGB_ALPHA
                kept.append(make_chunk(b"IHDR", _HEADER.pack(width, height, 8, colour, *methods)))
                continue
        # A single transparent colour of a grey or RGB picture is not turned into an alpha channel.
        if chunk.kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND") or (chunk.kind == b"tRNS" and is_palette):
            kept.append(chunk.whole)
    if pixels.missing_bytes > 0:
        raise malformed_picture_error(f"the PNG file ends {pixels.missing_bytes} bytes before its last pixel")
    return b"".join(kept)


def _filtered_bytes(width: int, height: int, pixel_bits: int, interlacing: int) -> int:
    """The bytes of all rows with their filters, which the pixels of a file inflate to.

    Source: the PNG specification, section 8.2, "Adam7".
    """
    passes = _ADAM7 if interlacing else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * pixel_bits // 8))
    return total


class _PixelCounter:
    """Inflates pixels to count them: the decoder leaves pixels black that a file ends before.

    Args:
        nbytes: expected.
    """

    def __init__(self, nbytes: int) -> None:
        self.missing_bytes = nbytes
        self._inflater = zlib.decompressobj()

    def feed(self, data: memoryview) -> None:
        """Inflate a part, at most as far as expected.

        Raises:
            Malformed: it is not of zlib.
        """
        try:
            for start in range(0, len(data), _PIECE_BYTES):
                rest: bytes | memoryview = data[start : start + _PIECE_BYTES]
                while self.missing_bytes > 0 and not self._inflater.eof:
                    inflated = len(self._inflater.decompress(rest, 4 * _PIECE_BYTES))
                    self.missing_bytes -= inflated
                    rest = self._inflater.unconsumed_tail
                    # A full piece may have a rest inside the inflater.
                    if not rest and inflated < 4 * _PIECE_BYTES:
                        break
        except zlib.error:
            raise malformed_picture_error("the pixels of the PNG file are damaged") from None


def make_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
