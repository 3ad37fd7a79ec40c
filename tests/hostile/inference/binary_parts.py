"""Hostile binary parts: lengths that lie, bytes that are too few or too many, bombs."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Final

from backports import zstd

from tests.hostile.inference.hostile_inference import (
    FLOATS,
    HostileInference,
    binary_entry,
    binary_row,
    entry,
    request,
)

_MALFORMED_HEADER: Final = "malformed_header"
_VALID: Final = request(binary_entry())
_TEXT: Final = json.dumps(_VALID).encode()
_BOMB_BYTES: Final = 64 * 2**20


def _length(name: str, length: str, code: str = _MALFORMED_HEADER, status: int = 400) -> HostileInference:
    return binary_row(f"header length {name}", _VALID, length=length, code=code, status=status)


def _coded(
    name: str,
    coding: str,
    encode: Callable[[bytes], bytes],
    code: str = "malformed_encoding",
    status: int = 400,
) -> HostileInference:
    """The valid request in a content coding."""
    headers = {"Content-Encoding": coding}
    return binary_row(f"{coding} {name}", _VALID, code=code, encode=encode, headers=headers, status=status)


LENGTHS: Final[tuple[HostileInference, ...]] = (
    _length("0", "0"),
    _length("-1", "-1"),
    _length("+5", "+5"),
    _length("1e3", "1e3"),
    _length("12abc", "12abc"),
    _length("abc", "abc"),
    _length("empty", ""),
    _length("hexadecimal", "0x10"),
    _length("other digits", "\u00b2\u00b3"),
    _length("a list", f"{len(_TEXT)}, {len(_TEXT)}"),
    _length("of 20 digits", "9" * 20),
    _length("of 4,301 digits", "9" * 4301),
    _length("2**63", str(2**63), "body_too_large", status=413),
    _length("99999999999", "99999999999", "body_too_large", status=413),
    _length("one beyond the body", str(len(_TEXT) + 17), "malformed_body"),
    _length("one byte short", str(len(_TEXT) - 1), "malformed_body"),
    _length("one byte long", str(len(_TEXT) + 1), "malformed_body"),
    _length("of the body", str(len(_TEXT) + 16), "malformed_body"),
    _length("1", "1", "malformed_body"),
)
SIZES: Final[tuple[HostileInference, ...]] = (
    binary_row("body one byte short", _VALID, FLOATS[:-1]),
    binary_row("body one byte long", _VALID, FLOATS + b"\0"),
    binary_row("no binary part", _VALID, b""),
    binary_row("4 MB behind an input of JSON", request(), bytes(4_000_000)),
    binary_row("binary_data_size too small", request(binary_entry(12)), FLOATS[:12], "invalid_fields"),
    binary_row("binary_data_size too large", request(binary_entry(20)), bytes(20), "invalid_fields"),
    binary_row("binary_data_size negative", request(binary_entry(-16)), code="invalid_fields"),
    binary_row("binary_data_size of 2**63", request(binary_entry(2**63)), code="invalid_fields"),
    binary_row("binary_data_size of 2**64-32", request(binary_entry(2**64 - 32)), code="invalid_fields"),
    binary_row("binary_data_size boolean", request(binary_entry(True)), code="invalid_fields"),
    binary_row("binary_data_size 16.0", request(binary_entry(16.0)), code="invalid_fields"),
    binary_row("binary_data_size a string", request(binary_entry("16")), code="invalid_fields"),
    binary_row("binary_data_size null", request(binary_entry(None)), code="invalid_fields"),
    binary_row("binary_data_size without header", _VALID, b"", headers={}, code="malformed_body"),
    binary_row("data and binary_data_size", request(binary_entry() | {"data": [0] * 4}), code="invalid_fields"),
    binary_row("neither data nor binary_data_size", request(entry(data=None)), b"", "invalid_fields"),
    binary_row("shape of 2**62 bytes", request(binary_entry(2**62, shape=[1, 2**30, 2**30])), code="output_too_large"),
    binary_row(
        "the bytes of another input",
        request(binary_entry(), binary_entry(32, name="indices", datatype="INT64")),
        FLOATS + bytes(31),
        model="max_unpool2d",
    ),
    binary_row("bool of 7", request(binary_entry(4, datatype="BOOL")), b"\1\0\7\0", "invalid_data"),
    binary_row(
        "4 MB of bool of 7",
        request(binary_entry(4_000_000, datatype="BOOL", shape=[1, 2000, 2000])),
        b"\7" * 4_000_000,
        "invalid_data",
    ),
    binary_row("JSON part is binary", FLOATS * 100, b""),
    binary_row("raw body", b"", FLOATS, _MALFORMED_HEADER, length="0"),
)
CODINGS: Final[tuple[HostileInference, ...]] = (
    _coded("bomb", "gzip", lambda body: gzip.compress(body + bytes(_BOMB_BYTES), 9), "body_too_large", 413),
    _coded("bomb", "deflate", lambda body: zlib.compress(body + bytes(_BOMB_BYTES), 9), "body_too_large", 413),
    _coded("bomb", "zstd", lambda body: zstd.compress(body + bytes(_BOMB_BYTES), 9), "body_too_large", 413),
    _coded("truncated", "gzip", lambda body: gzip.compress(body)[:-3]),
    _coded("wrong checksum", "gzip", lambda body: gzip.compress(body)[:-8] + bytes(4) + gzip.compress(body)[-4:]),
    _coded("that is none", "gzip", lambda body: body),
    _coded("empty", "gzip", lambda _: b""),
    _coded("of 100,000 empty members", "gzip", lambda _: gzip.compress(b"") * 100_000),
    _coded("raw", "deflate", lambda body: zlib.compress(body, wbits=-15)),
    _coded("truncated", "deflate", lambda body: zlib.compress(body)[:-3]),
    _coded("empty", "deflate", lambda _: b""),
    _coded("with a byte more", "gzip", lambda body: gzip.compress(body + b"\0"), "malformed_body"),
    _coded("unknown", "br", lambda body: body, "unsupported_encoding", 415),
    _coded("twice", "gzip, gzip", lambda body: gzip.compress(gzip.compress(body)), "unsupported_encoding", 415),
)
