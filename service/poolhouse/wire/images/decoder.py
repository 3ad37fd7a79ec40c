"""Decode PNG and JPEG files with Pillow, restricted to its decoders of these two.

Pillow gets a copy of the file without metadata, so that of its parsers only those of the pixels see what a client sent.
"""

from __future__ import annotations

import io
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.errors import Malformed
from poolhouse.tensors import Tensor
from poolhouse.wire.images.header import (
    STRIP_BYTES,
    UINT16,
    PictureHeader,
    malformed_picture_error,
)
from poolhouse.wire.images.jpeg_file import jpeg_without_metadata, read_jpeg_header
from poolhouse.wire.images.png_file import SIGNATURE, png_without_metadata, read_png_header

_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_Pixels = npt.NDArray[np.generic]


@lru_cache(maxsize=1)
def is_pillow_installed() -> bool:
    """Whether pictures can be decoded: Pillow is an extra."""
    return find_spec("PIL") is not None


def is_picture(body: memoryview) -> bool:
    """Whether a file begins as PNG and JPEG files do."""
    return bytes(body[:8]) == SIGNATURE or bytes(body[:3]) == b"\xff\xd8\xff"


def read_header(body: memoryview, limit_bytes: int) -> PictureHeader:
    """The header of a PNG or JPEG file, whichever its first bytes tell.

    Raises:
        Malformed, Unprocessable, TooLarge: the file is refused.
    """
    if bytes(body[:8]) == SIGNATURE:
        return read_png_header(body, limit_bytes)
    return read_jpeg_header(body, limit_bytes)


def decode_picture(body: memoryview, limit_bytes: int) -> Tensor:
    """Decode a file.

    Returns:
        The upright picture, of shape ``(1, C, H, W)``, with memory of its own.

    Raises:
        Malformed, Unprocessable, TooLarge: the file is refused.
        ModuleNotFoundError: Pillow is not installed.
    """
    header = read_header(body, limit_bytes)
    planes = _decode_planes(body, header)
    array = np.ascontiguousarray(_turn_upright(planes, header.orientation)[None])
    return Tensor(header.dtype, array)


def _decode_planes(body: memoryview, header: PictureHeader) -> _Pixels:
    planes: npt.NDArray[Any] = np.empty((header.channels, header.height, header.width), header.dtype.storage)
    if header.dtype is not UINT16:
        is_png = header.format == "png"
        file = png_without_metadata(body, as_bytes_of_samples=False) if is_png else jpeg_without_metadata(body, header)
        _read_samples(file, header, _MODES[header.channels], None, planes)
    elif header.channels <= 2:
        # High and low byte of each sample are neighbouring channels.
        file = png_without_metadata(body, as_bytes_of_samples=True)
        samples: npt.NDArray[np.uint8] = np.empty((2 * header.channels, *planes.shape[1:]), np.uint8)
        _read_samples(file, header, _MODES[2 * header.channels], None, samples)
        np.copyto(planes, samples[0::2])
        planes <<= 8
        planes |= samples[1::2]
    else:
        # Pillow keeps 8 bits of each sample, the high ones of big-endian numbers or the low ones of little-endian
        # numbers: the file is decoded as either.
        mode = _MODES[header.channels]
        file = png_without_metadata(body, as_bytes_of_samples=False)
        half = np.empty(planes.shape, np.uint8)
        _read_samples(file, header, mode, f"{mode};16B", half)
        np.copyto(planes, half)
        planes <<= 8
        _read_samples(file, header, mode, f"{mode};16L", half)
        planes |= half
    return planes


def _read_samples(
    file: bytes, header: PictureHeader, mode: str, raw_mode: str | None, planes: npt.NDArray[Any]
) -> None:
    """Decode a file into ``(C, H, W)``.

    Args:
        file: without metadata.
        header: of the file.
        mode: of Pillow, to which palettes and black-and-white pictures are converted.
        raw_mode: of Pillow, if the pixels are to be read otherwise than the file says.
        planes: receives the samples.
    """
    image_module = import_module("PIL.Image")
    rows = max(1, STRIP_BYTES // (4 * header.width))
    try:
        image = image_module.open(io.BytesIO(file), formats=[header.format.upper()])
        # guard: picture-has-size-of-its-header
        if image.size != (header.width, header.height):
            raise malformed_picture_error("it has two headers of different sizes")
        if raw_mode is not None:
            image.tile = [(*each[:3], raw_mode) for each in image.tile]
        image.load()
        for start in range(0, header.height, rows):
            stop = min(header.height, start + rows)
            strip = image.crop((0, start, header.width, stop))
            if strip.mode != mode:
                strip = strip.convert(mode)
            pixels = np.asarray(strip)
            planes[:, start:stop] = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    except (MemoryError, Malformed):
        raise
    except Exception as fault:
        # Pillow has no class for its errors: a broken file raises OSError, SyntaxError, ValueError, struct.error and
        # others, and warnings may be errors. The file is the reason for all of them.
        raise malformed_picture_error(_reason(fault)) from None


def _reason(fault: Exception) -> str:
    """The decoder's message, short and on one line."""
    text = " ".join(str(fault).split())[:120]
    return "its format is not the announced one" if "cannot identify" in text else text or type(fault).__name__


def _turn_upright(planes: _Pixels, orientation: int) -> _Pixels:
    """A view of the planes, turned as EXIF says: 1 upright, 3 upside down, 6 to be turned clockwise, and so on."""
    if orientation >= 5:
        planes = planes.transpose(0, 2, 1)
    if orientation in (3, 4, 7, 8):
        planes = planes[:, ::-1]
    if orientation in (2, 3, 6, 7):
        planes = planes[:, :, ::-1]
    return planes
