"""Hostile pictures: inputs of datatype BYTES, whose one element is its length in four bytes and a file."""

from __future__ import annotations

import struct
from typing import Final

from tests.hostile.inference.hostile_inference import HostileInference, binary_entry, binary_row, entry, request
from tests.hostile.picture_files import jpeg, png, with_frame_size


def element(file: bytes, length: int | None = None) -> bytes:
    """A file after its length, or after another one."""
    return struct.pack("<I", len(file) if length is None else length) + file


def _row(
    name: str,
    binary: bytes,
    code: str = "malformed_body",
    status: int = 400,
    *,
    nbytes: int | None = None,
    shape: tuple[int, ...] = (1,),
) -> HostileInference:
    given = binary_entry(len(binary) if nbytes is None else nbytes, datatype="BYTES", shape=shape)
    return binary_row(f"BYTES {name}", request(given), binary, code, status=status)


_FILE: Final = png()
_ELEMENT: Final = element(_FILE)

PICTURES: Final[tuple[HostileInference, ...]] = (
    _row("of a length one byte short", element(_FILE, len(_FILE) - 1)),
    _row("of a length one byte long", element(_FILE, len(_FILE) + 1)),
    _row("of the length 2**32-1", element(_FILE, 2**32 - 1)),
    _row("without a length", _FILE),
    _row("of three bytes", b"\0\0\0"),
    _row("of no bytes", b""),
    _row("empty", element(b"")),
    _row("that is two elements", _ELEMENT + _ELEMENT),
    _row("of two elements", _ELEMENT + _ELEMENT, "invalid_fields", shape=(2,)),
    _row("of no elements", b"", "invalid_fields", shape=(0,)),
    _row("without axes", _ELEMENT, "invalid_fields", shape=()),
    _row("of three axes", _ELEMENT, "invalid_fields", shape=(1, 1, 1)),
    _row("longer than announced", _ELEMENT, "invalid_fields", nbytes=len(_ELEMENT) - 1),
    _row("shorter than announced", _ELEMENT, "invalid_fields", nbytes=len(_ELEMENT) + 1),
    _row("of 2**63 announced bytes", _ELEMENT, "invalid_fields", nbytes=2**63),
    _row("that is a gif", element(b"GIF89a" + bytes(40))),
    _row("that is text", element(b"http://page.test/cat.png")),
    _row("truncated", element(_FILE[:-14])),
    _row("png bomb", element(png(size=(2**31 - 1, 2**31 - 1))), "body_too_large", 413),
    _row("png over the limit", element(png(size=(3000, 3000), pixels=bytes(3001 * 3000))), "body_too_large", 413),
    _row("jpeg bomb", element(with_frame_size(jpeg(), 65500, 65500)), "body_too_large", 413),
    _row("jpeg in cmyk", element(jpeg(mode="CMYK")), "invalid_data"),
    binary_row(
        "BYTES beside a tensor",
        request(binary_entry(len(_ELEMENT), datatype="BYTES", shape=(1,)), entry(name="indices")),
        _ELEMENT,
        "invalid_fields",
    ),
    binary_row("BYTES as JSON text", request(entry(datatype="BYTES", shape=(1,), data=["abc"])), b"", "invalid_fields"),
    binary_row(
        "BYTES in shared memory",
        request(
            entry(
                datatype="BYTES",
                shape=(1,),
                data=None,
                parameters={"shared_memory_region": "r", "shared_memory_byte_size": 16},
            )
        ),
        b"",
        "invalid_fields",
    ),
)
