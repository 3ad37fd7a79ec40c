"""Measures the peak memory of decoding pictures in a separate process, like :mod:`tests.operators.peak_memory`.

Run as ``python -m tests.wire.images.peak_memory 1500``: pictures of about 1500 × 1500 pixels.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import Tensor
from poolhouse.wire.images.codec import JPEG, PNG
from poolhouse.wire.images.png_writer import encode_png, encode_png_bytes
from tests.hostile.picture_files import png
from tests.operators.peak_memory import measure_peak_bytes

# Pillow writes a progressive file at once, into a buffer that noise would not fit into.
ImageFile.MAXBLOCK = 2**25


def _saved(mode: str, size: int, file_format: str, **options: object) -> bytes:
    """A file of noise, a bit wider than high."""
    channels = len(mode) if mode != "P" else 1
    noise = np.random.default_rng(0).integers(0, 256, (size, size + 7, channels), np.uint8).squeeze()
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, file_format, **options)
    return file.getvalue()


def _zeros(size: int, bits: int, colour: int, channels: int, interlacing: bytes = b"\0") -> bytes:
    """A PNG file of few bytes for its pixels."""
    row_bytes = 1 + (size * channels * bits + 7) // 8
    # Interlaced pictures have more rows of fewer pixels; bytes too many are ignored.
    pixels = bytes(row_bytes * size + (4 * size if interlacing != b"\0" else 0))
    return png(size=(size, size), bits=bits, colour=colour, methods=b"\0\0" + interlacing, pixels=pixels)


def _files(size: int) -> Iterator[tuple[str, bytes]]:
    for mode in ("L", "LA", "RGB", "RGBA"):
        yield f"png {mode}", _saved(mode, size, "png", compress_level=1)
    yield "png palette", _saved("P", size, "png")
    yield "png palette turned", _saved("P", size, "png", exif=_orientation(6))
    yield "png palette with alpha, turned", _saved("P", size, "png", exif=_orientation(6), transparency=bytes(256))
    yield "png of zeros", _zeros(size, 8, 2, 3)
    yield "png interlaced", _zeros(size, 8, 2, 3, b"\1")
    yield "png of 1 bit", _zeros(size, 1, 0, 1)
    for colour, channels in ((0, 1), (4, 2), (2, 3), (6, 4)):
        yield f"png of 16 bits, {channels} channels", _zeros(size, 16, colour, channels)
    for mode in ("L", "RGB"):
        for name, options in (
            ("baseline", {}),
            ("progressive", {"progressive": True}),
            ("finest", {"progressive": True, "quality": 90, "subsampling": 0}),
            ("turned", {"exif": _orientation(6)}),
        ):
            yield f"jpeg {mode} {name}", _saved(mode, size, "jpeg", **options)


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def main() -> None:
    """Print a line for each picture: its name, the peak bytes, and those that are charged beside the file."""
    size, limit_bytes = int(sys.argv[1]), 2**32
    for is_warm in (False, True):
        for name, file in _files(size if is_warm else 8):
            body = memoryview(file)
            codec = JPEG if name.startswith("jpeg") else PNG
            taken = measure_peak_bytes(lambda: codec.decode(body, {}, limit_bytes))  # noqa: B023, run at once
            if is_warm:
                print(json.dumps([name, taken, codec.decode_extra_bytes(body)]))
    for dtype in ("uint8", "uint16"):
        noise = np.random.default_rng(0).integers(0, 256, (1, 3, size, size), ELEMENT_TYPES[dtype].storage)
        tensor = Tensor(ELEMENT_TYPES[dtype], noise)
        taken = measure_peak_bytes(lambda: encode_png(tensor))  # noqa: B023, run at once
        print(json.dumps([f"encoding {dtype}", taken, encode_png_bytes(tensor.metadata)]))


if __name__ == "__main__":
    main()
