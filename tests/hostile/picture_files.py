"""PNG and JPEG files, valid and not, made without a library."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def chunk(kind: bytes, data: bytes = b"", *, length: int | None = None, checksum: int | None = None) -> bytes:
    """A PNG chunk, with another length or checksum if one is given."""
    found = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", found)


def png(
    *chunks: bytes,
    size: tuple[int, int] = (2, 2),
    bits: int = 8,
    colour: int = 0,
    methods: bytes = bytes(3),
    pixels: bytes = bytes(6),
) -> bytes:
    """A PNG file with further chunks before its pixels; by default of 2 × 2 grey pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBB", *size, bits, colour) + methods)
    return b"".join([b"\x89PNG\r\n\x1a\n", head, *chunks, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND")])


def jpeg(size: tuple[int, int] = (16, 16), mode: str = "RGB", **options: object) -> bytes:
    """A JPEG file of noise."""
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], channels), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise.squeeze(), mode if mode == "CMYK" else None).save(file, "jpeg", **options)
    return file.getvalue()


def with_frame_size(file: bytes, width: int, height: int) -> bytes:
    """A JPEG file whose frame header announces another size."""
    at = next(file.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in file)
    return file[: at + 5] + struct.pack(">HH", height, width) + file[at + 9 :]


def with_many_scans(file: bytes, count: int) -> bytes:
    """A progressive JPEG file whose last scan is repeated."""
    at = file.rindex(b"\xff\xda")
    return file[:at] + file[at:-2] * count + file[-2:]


def form(*parts: tuple[str, bytes], boundary: str = "limit", end: bytes = b"--\r\n") -> bytes:
    """A multipart body of parts with these headers and contents."""
    bodies = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join(bodies) + f"--{boundary}".encode() + end


def field(name: str, text: str = "2") -> tuple[str, bytes]:
    """A part that is a field."""
    return f'Content-Disposition: form-data; name="{name}"', text.encode()


def file_part(content: bytes, name: str = "input.png", media_type: str = "image/png") -> tuple[str, bytes]:
    """A part that is a file."""
    return (
        f'Content-Disposition: form-data; name="input"; filename="{name}"\r\nContent-Type: {media_type}',
        content,
    )
