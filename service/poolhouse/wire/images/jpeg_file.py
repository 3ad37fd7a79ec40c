"""The structure of a JPEG file: its frame header, and the segments that its pixels need.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from poolhouse.wire.images.exif import read_orientation
from poolhouse.wire.images.header import (
    UINT8,
    PictureHeader,
    check_size,
    malformed_picture_error,
    unsupported_picture_error,
)

_START: Final = b"\xff\xd8"
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive frames with Huffman codes."""
_OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SCAN: Final = 0xDA
_END: Final = 0xD9
_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})
_KEPT_APPLICATIONS: Final = {0xE0: b"JFIF\0", 0xEE: b"Adobe"}
"""They tell the colour space of the samples."""
_EXIF: Final = b"Exif\0\0"
_MAX_SEGMENTS: Final = 4096
_MARKER = re.compile(rb"\xff{1,16}[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""A marker among the coded pixels, where a byte of 255 is followed by a zero or is a restart marker."""
_MAX_SCANNED_PIXELS: Final = 2**30
"""Pixels times scans: a progressive file may pass over all its pixels in each of any number of short scans."""


class _Segment(NamedTuple):
    """A segment before the first scan: its marker, its data, and all its bytes."""

    marker: int
    data: memoryview
    start: int
    end: int


def _segments(body: memoryview) -> Iterator[_Segment]:
    """The segments up to the header of the first scan, which is the last.

    Raises:
        Malformed: the bytes are no JPEG file, or end early.
    """
    if bytes(body[:2]) != _START:
        raise malformed_picture_error("it does not begin with the two bytes of a JPEG file")
    at = 2
    for _ in range(_MAX_SEGMENTS):
        start = at
        # Any number of fill bytes may precede a marker; a few suffice.
        while at < min(len(body), start + 16) and body[at] == 0xFF:
            at += 1
        if at == start or at + 3 > len(body):
            raise malformed_picture_error("the JPEG file ends before its pixels, or a segment has the wrong length")
        marker = body[at]
        length = body[at + 1] << 8 | body[at + 2]
        end = at + 1 + length
        if marker < 0xC0 or 0xD0 <= marker <= _END or length < 2 or end > len(body):
            raise malformed_picture_error("the JPEG file ends before its pixels, or a segment has the wrong length")
        yield _Segment(marker, body[at + 3 : end], start, end)
        if marker == _SCAN:
            return
        at = end
    raise malformed_picture_error(f"the JPEG file has more than {_MAX_SEGMENTS} segments before its pixels")


def read_jpeg_header(body: memoryview, limit_bytes: int) -> PictureHeader:
    """The header of a JPEG file; reads the segments before its pixels.

    Raises:
        Malformed: the bytes are no JPEG file.
        Unprocessable: it is of a kind that is not decoded, such as CMYK.
        TooLarge: it has too many pixels.
    """
    header: PictureHeader | None = None
    orientation = 1
    for segment in _segments(body):
        marker, data = segment.marker, segment.data
        if marker in _OTHER_FRAMES:
            raise unsupported_picture_error(
                "a lossless, hierarchical or arithmetic JPEG file", "save it as a baseline or progressive one"
            )
        if marker in _FRAMES:
            if header is not None or len(data) < 6 or len(data) != 6 + 3 * data[5]:
                raise malformed_picture_error("the JPEG file has two frames, or a frame header of the wrong length")
            header = _frame(marker, data, limit_bytes)
        elif marker == 0xE1 and bytes(data[:6]) == _EXIF and orientation == 1:
            orientation = read_orientation(bytes(data[6:]))
    if header is None:
        raise malformed_picture_error("the JPEG file has no frame header")
    return header._replace(orientation=orientation)


def _frame(marker: int, data: memoryview, limit_bytes: int) -> PictureHeader:
    height, width, components = data[1] << 8 | data[2], data[3] << 8 | data[4], data[5]
    if data[0] != 8:
        raise unsupported_picture_error(f"a JPEG file with {data[0]} bits per sample", "send one with 8")
    if components == 4:
        raise unsupported_picture_error("a JPEG file in CMYK", "convert it to RGB")
    if components not in (1, 3):
        raise unsupported_picture_error(f"a JPEG file with {components} components", "send one in grey or RGB")
    check_size(width, height, width * height * components, limit_bytes)
    # Files of several scans keep the coefficients of all pixels, two bytes each, beside the pixels. Only the scans
    # tell for certain, so they are charged to every file.
    pixel_bytes = (1 if components == 1 else 4) + 2 * components
    return PictureHeader("jpeg", width, height, components, UINT8, 1, pixel_bytes)


def jpeg_without_metadata(body: memoryview, header: PictureHeader) -> bytes:
    """A copy of a JPEG file with the segments that its pixels need, and no others.

    Raises:
        Malformed: the file ends early, or has too many scans for its size.
    """
    kept: list[bytes | memoryview] = [_START]
    end = 2
    for segment in _segments(body):
        end = segment.end
        name = _KEPT_APPLICATIONS.get(segment.marker)
        is_needed = segment.marker in _FRAMES | _TABLES or segment.marker == _SCAN
        if is_needed or (name is not None and bytes(segment.data[: len(name)]) == name):
            kept.append(body[segment.start : end])
    kept.append(body[end : _end_of_pixels(body, end, header)])
    return b"".join(kept)


def _end_of_pixels(body: memoryview, at: int, header: PictureHeader) -> int:
    """The end of the last scan, with its marker; other pictures and films may follow it.

    Raises:
        Malformed: there is none, or the file has too many scans.
    """
    scans, most = 1, max(1, _MAX_SCANNED_PIXELS // (header.width * header.height))
    segments = 0
    while (found := _MARKER.search(body, at)) is not None:
        at = found.end()
        marker = body[at - 1]
        if marker == _END:
            return at
        scans += marker == _SCAN
        segments += 1
        # guard: picture-has-scan-limit
        if scans > most or segments > 2 * _MAX_SEGMENTS:
            raise malformed_picture_error(f"the JPEG file has more than {min(most, 2 * _MAX_SEGMENTS)} scans")
        if marker in _FRAMES | _OTHER_FRAMES or at + 2 > len(body):
            break
        at += body[at] << 8 | body[at + 1]
    raise malformed_picture_error("the JPEG file ends within its pixels")
