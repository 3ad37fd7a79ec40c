"""Hostile bodies: for each its description, its headers, its bytes and the allowed statuses of the response.

All of them assume the limit :data:`LIMIT_BYTES`; those of pictures and forms are in a file of their own.
A live server needs an operator with two spatial dimensions to send
them to.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from backports import zstd

from tests.hostile.hostile_body import HostileBody
from tests.hostile.hostile_pictures import ROWS as PICTURE_ROWS

LIMIT_BYTES = 4 * 2**20
JSON = "application/json"
NPY = "application/x-npy"
NPZ = "application/x-npz"
SAFETENSORS = "application/vnd.safetensors"
OCTET = "application/octet-stream"


HOSTILE_BODIES: list[HostileBody] = []


def _add(
    name: str,
    media_type: str,
    make: Callable[[], bytes] | bytes,
    *statuses: int,
    query: str = "",
    encoding: str | None = None,
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    maker = (lambda: make) if isinstance(make, bytes) else make
    HOSTILE_BODIES.append(HostileBody(name, media_type, maker, statuses, query, headers))


def _saved(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy(header: str | bytes, data: bytes = b"", version: int = 1) -> bytes:
    """An npy file with this header, valid or not."""
    text = header.encode("latin-1") if isinstance(header, str) else header
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + data


def _npy_of(descr: str = "'<f4'", shape: str = "(1, 2, 2)", order: str = "False", data: bytes = bytes(16)) -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n", data)


def safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with this header (text is used verbatim) and this length."""
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _entry(shape: object = (1, 2, 2), offsets: object = (0, 16), dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def npz(arrays: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive with these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in arrays.items():
            archive.writestr(name, data)
    return file.getvalue()


_PLAIN = npz({"input.npy": _npy_of()})


def _patched(body: bytes, at: int, replacement: bytes) -> bytes:
    at %= len(body)
    return body[:at] + replacement + body[at + len(replacement) :]


def _central(body: bytes, offset: int, replacement: bytes) -> bytes:
    return _patched(body, body.index(b"PK\x01\x02") + offset, replacement)


def _overlapping_zip() -> bytes:
    """Two complete arrays, the second one inside the elements of the first."""
    whole = npz({"indices.npy": _npy_of()})
    inner = whole[: whole.index(b"PK\x01\x02")]
    outer = _saved(np.frombuffer(inner, np.uint8).reshape(1, 1, -1))
    body = npz({"input.npy": outer, "indices.npy": _npy_of()})
    second = body.rindex(b"PK\x01\x02")
    return _patched(body, second + 42, struct.pack("<L", body.index(inner)))


def _deflated(size: int, claimed: int) -> bytes:
    """A zip archive with one entry of zeros that declares another size."""
    body = npz({"input.npy": bytes(size)}, zipfile.ZIP_DEFLATED)
    return _central(body, 24, struct.pack("<L", claimed))


def _image(data: object, **fields: object) -> bytes:
    return json.dumps({"input": data, "kernel_size": 1, **fields}).encode()


def _packed(text: str, shape: object = (1, 2, 2), **fields: object) -> bytes:
    return _image({"base64": text, "shape": shape, **fields})


_ROWS = [[[1.0, 2.0], [3.0, 4.0]]]
_BASE64 = base64.b64encode(bytes(16)).decode()

# JSON: invalid bytes
_add("json empty body", JSON, b"", 400)
_add("json white space only", JSON, b" \n\t" * 1000, 400)
_add("json truncated", JSON, _image(_ROWS)[:-9], 400)
_add("json trailing bytes", JSON, _image(_ROWS) + b"}", 400)
_add("json trailing comma", JSON, b'{"input": [[[1]]],}', 400)
_add("json single quotes", JSON, b"{'input': [[[1]]]}", 400)
_add("json invalid UTF-8", JSON, b'{"input": [[[1]]], "k\xff": 1}', 400)
_add("json lone surrogate", JSON, b'{"input": [[[1]]], "k\\ud800": 1}', 400)
_add("json byte order mark", JSON, b"\xef\xbb\xbf" + _image(_ROWS), 400)
_add("json UTF-16", JSON, _image(_ROWS).decode().encode("utf-16"), 400)
_add("json NUL bytes", JSON, bytes(4096), 400)
_add("json random bytes", JSON, np.random.default_rng(7).bytes(100_000), 400)
_add("json NaN token", JSON, b'{"input": [[[NaN, 1]]], "kernel_size": 1}', 400)
_add("json Infinity token", JSON, b'{"input": [[[-Infinity, 1]]], "kernel_size": 1}', 400)
_add("json hexadecimal number", JSON, b'{"input": [[[0x10]]], "kernel_size": 1}', 400)
_add("json leading zero", JSON, b'{"input": [[[01]]], "kernel_size": 1}', 400)
_add("json lists 100,000 deep", JSON, b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, 422)
_add("json lists 100,000 deep, unclosed", JSON, b"[" * 100_000, 400, 422)
_add("json objects 100,000 deep", JSON, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, 422)
_add("json lists 1,000 deep", JSON, b'{"input": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400, 422)
_add("json lists 1,000 deep in a field", JSON, b'{"kernel_size": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400, 422)
_add("json lists 1,000 deep in a shape", JSON, b'{"input":{"data":[],"shape":[' + b"[" * 999 + b"]" * 999 + b"]}}", 422)
_add("json integer of 4,301 digits", JSON, b'{"input": [[[' + b"1" * 4301 + b"]]]}", 400, 422)
_add("json integer of 4,301 digits in a field", JSON, b'{"kernel_size": ' + b"1" * 4301 + b"}", 400, 422)
# The largest JSON that reaches the parser here: 12 bytes are reserved for each character before it is parsed.
_add("json 400,000 digits", JSON, b'{"input": [[[' + b"1" * 400_000 + b"]]]}", 400, 422)
_add("json 1e400", JSON, b'{"input": [[[1e400]]]}', 400, 422)
# JSON: well-formed, but not valid
_add("json list at the top", JSON, b"[[[1, 2]]]", 422)
_add("json null at the top", JSON, b"null", 422)
_add("json field twice", JSON, b'{"input": [[[1]]], "kernel_size": 1, "kernel_size": 2}', 422)
_add("json input twice", JSON, b'{"input": [[[1]]], "kernel_size": 1, "input": [[[2]]]}', 422)
_add("json key twice by an escape", JSON, b'{"input": [[[1]]], "kernel_size": 1, "kernel\\u005fsize": 2}', 422)
_add("json tensor key twice", JSON, b'{"input": {"data": [[[1]]], "data": [[[2]]]}, "kernel_size": 1}', 422)
_add("json field in two places", JSON, _image(_ROWS), 422, query="kernel_size=1")
_add("json 1e39 as float32", JSON, _image([[[1e39]]]), 422)
_add("json 70000 as float16", JSON, _image({"data": [[[70000]]], "dtype": "float16"}), 422)
_add("json 65 bits as int64", JSON, _image({"data": [[[2**64]]], "dtype": "int64"}), 422)
_add("json 256 as uint8", JSON, _image({"data": [[[256]]], "dtype": "uint8"}), 422)
_add("json -1 as uint8", JSON, _image({"data": [[[-1]]], "dtype": "uint8"}), 422)
_add("json 1.5 as int32", JSON, _image({"data": [[[1.5]]], "dtype": "int32"}), 422)
_add("json 1 as bool", JSON, _image({"data": [[[1, True]]], "dtype": "bool"}), 422)
_add("json true among numbers", JSON, _image([[[1.0, True]]]), 422)
_add("json null among numbers", JSON, _image([[[1.0, None]]]), 422)
_add("json null for the tensor", JSON, _image(None), 422)
_add("json number string", JSON, _image([[["1.0", 2.0]]]), 422)
_add("json nan in small letters", JSON, _image([[["nan", 2.0]]]), 422)
_add("json long string among integers", JSON, _image({"data": [[[1] * 999 + ["a" * 99_999]]], "dtype": "int64"}), 422)
_add("json object among numbers", JSON, _image([[[{}, 2.0]]]), 422)
_add("json ragged rows", JSON, _image([[[1, 2], [3]]]), 422)
_add("json ragged depth", JSON, _image([[[1, [2]], [3, 4]]]), 422)
_add("json ragged planes", JSON, _image([[[1, 2]], [3, 4]]), 422)
_add("json a single number", JSON, _image(5), 422)
_add("json shape []", JSON, _image({"data": [], "shape": []}), 422)
_add("json data shorter than shape", JSON, _image({"data": [1, 2, 3], "shape": [1, 2, 2]}), 422)
_add("json data against shape", JSON, _image({"data": _ROWS, "shape": [1, 1, 4]}), 422)
_add("json shape 4 x 2**62", JSON, _image({"data": [1], "shape": [4, 2**62]}), 422)
_add("json shape 2**32 x 2**32", JSON, _image({"data": [], "shape": [2**32, 2**32]}), 422)
_add("json shape of hidden product", JSON, _image({"data": [], "shape": [0, 2**62, 2**62]}), 422)
_add("json shape of 65 bits", JSON, b'{"input": {"data": [], "shape": [0, 36893488147419103232]}}', 422)
_add("json 65 dimensions", JSON, _image({"data": [1], "shape": [1] * 65}), 422)
_add("json 65 levels", JSON, b'{"input": ' + b"[" * 65 + b"1" + b"]" * 65 + b"}", 422)
_add("json negative size", JSON, _image({"data": [1], "shape": [-1, 1, -1]}), 422)
_add("json boolean size", JSON, _image({"data": [1], "shape": [True, 1, 1]}), 422)
_add("json broken size", JSON, _image({"data": [1], "shape": [1.5, 1, 1]}), 422)
_add("json shape as a string", JSON, _image({"data": [1], "shape": "1,1,1"}), 422)
_add("json unknown element type", JSON, _image({"data": [[[1]]], "dtype": "complex64"}), 422)
_add("json element type 32", JSON, _image({"data": [[[1]]], "dtype": 32}), 422)
_add("json unknown key in a tensor", JSON, _image({"data": [[[1]]], "strides": [1]}), 422)
_add("json data and base64", JSON, _packed(_BASE64, data=[[[1]]]), 422)
_add("json neither data nor base64", JSON, _image({"shape": [1, 2, 2]}), 422)
_add("json base64 without shape", JSON, _image({"base64": _BASE64}), 422)
_add("json base64 garbage", JSON, _packed("!" * 24), 422)
_add("json base64 not ASCII", JSON, _packed("é" * 24), 422)
_add("json base64 within a byte", JSON, _packed(_BASE64.rstrip("=")[:-1]), 422)
_add("json base64 with too much padding", JSON, _packed(_BASE64 + "="), 422)
_add("json base64 of spaces", JSON, lambda: _packed(" \n" * 100_000), 422)
_add("json base64 of a picture", JSON, _packed("data:image/png;base64," + _BASE64), 422)
_add("json base64 in a data URL without it", JSON, _packed("data:," + _BASE64), 422)
_add("json base64 in an endless data URL", JSON, lambda: _packed("data:" + ";" * 500_000), 422)
_add("json base64 with padding inside", JSON, _packed("AA==" * 6), 422)
_add("json base64 too long", JSON, _packed(_BASE64 * 2), 422)
_add("json base64 of a vast shape", JSON, _packed(_BASE64, [2**20, 2**20, 2**20]), 422)
_add("json base64 bool of 7", JSON, _packed(base64.b64encode(b"\x07").decode(), [1, 1, 1], dtype="bool"), 422)
_add("json encoding hex", JSON, _image(_ROWS, encoding="hex"), 422)
_add("json 100,000 inputs", JSON, lambda: json.dumps({f"input{n}": [n] for n in range(100_000)}).encode(), 422)
_add("json a million empty lists", JSON, lambda: b'{"input": [' + b"[]," * 999_999 + b"[]]}", 422)
_add("json 100,000 empty objects", JSON, lambda: b'{"input": [' + b"{}," * 20_000 + b"{}]}", 422)
_add("json field of 10,000 numbers", JSON, _image(_ROWS, stride=[1] * 10_000), 422)
_add("json field of nested lists", JSON, _image(_ROWS, stride=[[[[1] * 20] * 20] * 20]), 422)

# npy
_add("npy empty body", NPY, b"", 400)
_add("npy magic only", NPY, b"\x93NUMPY", 400)
_add("npy truncated header", NPY, _npy_of()[:40], 400)
_add("npy truncated data", NPY, _npy_of()[:-1], 400)
_add("npy trailing byte", NPY, _npy_of() + b"\0", 400)
_add("npy wrong magic", NPY, b"\x94" + _npy_of()[1:], 400)
_add("npy version 9", NPY, _patched(_npy_of(), 6, b"\x09"), 400)
_add("npy 10 MB of header", NPY, lambda: npy(b" " * 10_000_000, version=2), 400, 413)
_add("npy 2 MB of header", NPY, lambda: npy(b"{" + b" " * 2_000_000, version=2), 400)
_add("npy header claims 4 GiB", NPY, b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'", 400)
_add("npy header nested", NPY, npy("{" * 9000), 400)
_add("npy header of brackets", NPY, npy("{'shape': " + "(" * 9000), 400)
_add("npy header of white space", NPY, npy("{'shape': (" + " " * 9900), 400)
_add("npy header is code", NPY, npy("__import__('os').getcwd()"), 400)
_add(
    "npy header with an extra key",
    NPY,
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", bytes(4)),
    400,
)
_add(
    "npy header with a key twice",
    NPY,
    npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(4)),
    400,
)
_add("npy header without shape", NPY, npy("{'descr': '<f4', 'fortran_order': False}", bytes(4)), 400)
_add("npy header not UTF-8", NPY, npy(b"{'descr': '\xff'}", version=3), 400)
_add("npy header goes on", NPY, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + {}", bytes(4)), 400)
_add("npy size of 4,301 digits", NPY, _npy_of(shape="(" + "1" * 4301 + ",)"), 400)
_add("npy negative size", NPY, _npy_of(shape="(-1, 2, 2)"), 422)
_add("npy boolean size", NPY, _npy_of(shape="(True, 2, 2)"), 400)
_add("npy float size", NPY, _npy_of(shape="(1.0, 2, 2)"), 400)
_add("npy shape is a number", NPY, _npy_of(shape="4"), 400)
_add("npy shape without comma", NPY, _npy_of(shape="(4)"), 400)
_add("npy no dimension", NPY, _npy_of(shape="()", data=bytes(4)), 422)
_add("npy 65 dimensions", NPY, _npy_of(shape="(" + "1, " * 65 + ")", data=bytes(4)), 422)
_add("npy shape 4 x 2**62", NPY, _npy_of(shape="(4, 4611686018427387904)"), 422)
_add("npy shape 2**32 x 2**32", NPY, _npy_of(shape="(4294967296, 4294967296)", data=b""), 422)
_add("npy hidden product", NPY, _npy_of(shape="(0, 4611686018427387904, 4611686018427387904)", data=b""), 422)
_add("npy shape of a terabyte", NPY, _npy_of(shape="(1, 262144, 1048576)"), 400)
_add("npy of objects", NPY, npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([1])), 422)
_add("npy bare pickle", NPY, lambda: pickle.dumps(np.ones((1, 2, 2))), 400)
_add("npy of records", NPY, lambda: _saved(np.zeros((1, 2), dtype=[("a", "<f4"), ("b", "<i4")])), 422)
_add("npy of strings", NPY, lambda: _saved(np.array([["abc", "d"]])), 422)
_add("npy of bytes", NPY, lambda: _saved(np.array([[b"abc", b"d"]])), 422)
_add("npy of complex", NPY, lambda: _saved(np.ones((1, 2, 2), np.complex64)), 422)
_add("npy of dates", NPY, lambda: _saved(np.zeros((1, 2), "M8[s]")), 422)
_add("npy of long doubles", NPY, _npy_of(descr="'<f16'", data=bytes(64)), 422)
_add("npy of f99999", NPY, _npy_of(descr="'<f99999'"), 422)
_add("npy big-endian lie", NPY, _npy_of(descr="'>f8'"), 400)
_add("npy of bool 7", NPY, _npy_of(descr="'|b1'", data=b"\x07\0\0\0"), 422)

# safetensors
_add("safetensors empty body", SAFETENSORS, b"", 400)
_add("safetensors length only", SAFETENSORS, bytes(8), 400)
_add("safetensors truncated", SAFETENSORS, safetensors({"input": _entry()}, bytes(16))[:-1], 400)
_add("safetensors trailing byte", SAFETENSORS, safetensors({"input": _entry()}, bytes(17)), 400)
_add("safetensors length of 2**63", SAFETENSORS, safetensors({}, length=2**63), 400)
_add("safetensors length past the end", SAFETENSORS, safetensors({"input": _entry()}, length=4096), 400)
_add("safetensors 10 MB of header", SAFETENSORS, lambda: safetensors("{" + " " * 10_000_000 + "}"), 400, 413)
_add("safetensors a megabyte of braces", SAFETENSORS, lambda: safetensors("{" * 2**20), 400)
_add("safetensors a megabyte of brackets", SAFETENSORS, lambda: safetensors('{"a":' + "[" * 1_000_000), 400)
_add("safetensors a megabyte of zeros", SAFETENSORS, lambda: safetensors('{"a":[' + "0," * 500_000 + "0]}"), 400)
_add(
    "safetensors 100,000 tensors",
    SAFETENSORS,
    lambda: safetensors({str(n): _entry((0,), (0, 0)) for n in range(100_000)}),
    400,
    413,
)
_add(
    "safetensors 10,000 tensors",
    SAFETENSORS,
    lambda: safetensors({str(n): _entry((0,), (0, 0)) for n in range(10_000)}),
    400,
)
_add("safetensors header not JSON", SAFETENSORS, safetensors("{'input': 1}"), 400)
_add("safetensors header not UTF-8", SAFETENSORS, struct.pack("<Q", 8) + b'{"\xff\xff":1', 400)
_add("safetensors header a list", SAFETENSORS, safetensors([]), 400)
_add("safetensors NaN token", SAFETENSORS, safetensors('{"input": NaN}'), 400)
_add("safetensors integer of 4,301 digits", SAFETENSORS, safetensors('{"input": ' + "1" * 4301 + "}"), 400)
_add(
    "safetensors tensor twice",
    SAFETENSORS,
    safetensors(
        json.dumps({"input": _entry((1,), (0, 4)), "inpux": _entry((1,), (0, 4))}).replace("inpux", "input"),
        bytes(4),
    ),
    400,
)
_add(
    "safetensors offsets overlap",
    SAFETENSORS,
    safetensors({"input": _entry(), "indices": _entry(offsets=(8, 24))}, bytes(24)),
    400,
)
_add("safetensors offsets shared", SAFETENSORS, safetensors({"input": _entry(), "indices": _entry()}, bytes(16)), 400)
_add("safetensors offsets leave a hole", SAFETENSORS, safetensors({"input": _entry(offsets=(4, 20))}, bytes(20)), 400)
_add(
    "safetensors offsets out of range",
    SAFETENSORS,
    safetensors({"input": _entry((1, 2, 2**40), (0, 2**43))}, bytes(16)),
    400,
)
_add("safetensors offsets backwards", SAFETENSORS, safetensors({"input": _entry(offsets=(16, 0))}, bytes(16)), 400)
_add("safetensors offsets negative", SAFETENSORS, safetensors({"input": _entry(offsets=(-16, 0))}, bytes(16)), 400)
_add(
    "safetensors offsets boolean", SAFETENSORS, safetensors({"input": _entry((1,), (False, True), "U8")}, bytes(1)), 400
)
_add("safetensors three offsets", SAFETENSORS, safetensors({"input": _entry(offsets=(0, 8, 16))}, bytes(16)), 400)
_add("safetensors shape against offsets", SAFETENSORS, safetensors({"input": _entry((1, 2, 3))}, bytes(16)), 400)
_add("safetensors negative sizes", SAFETENSORS, safetensors({"input": _entry((-1, -4, 1))}, bytes(16)), 422)
_add("safetensors boolean size", SAFETENSORS, safetensors({"input": _entry((True, 2, 2))}, bytes(16)), 400)
_add("safetensors float size", SAFETENSORS, safetensors({"input": _entry((1.0, 2, 2))}, bytes(16)), 400)
_add("safetensors shape 2**32 x 2**32", SAFETENSORS, safetensors({"input": _entry((2**32, 2**32), (0, 0))}), 422)
_add("safetensors shape 4 x 2**62", SAFETENSORS, safetensors({"input": _entry((4, 2**62), (0, 0))}), 422)
_add("safetensors no dimension", SAFETENSORS, safetensors({"input": _entry((), (0, 4))}, bytes(4)), 422)
_add("safetensors 65 dimensions", SAFETENSORS, safetensors({"input": _entry((1,) * 65, (0, 4))}, bytes(4)), 422)
_add("safetensors unknown type", SAFETENSORS, safetensors({"input": _entry(dtype="F8_E4M3")}, bytes(16)), 422)
_add("safetensors type is a number", SAFETENSORS, safetensors({"input": _entry(dtype=4)}, bytes(16)), 400)
_add(
    "safetensors metadata not text",
    SAFETENSORS,
    safetensors({"__metadata__": {"kernel_size": 2}, "input": _entry()}, bytes(16)),
    400,
)
_add(
    "safetensors field in two places",
    SAFETENSORS,
    safetensors({"__metadata__": {"kernel_size": "2"}, "input": _entry()}, bytes(16)),
    422,
    query="kernel_size=2",
)

# npz
_add("npz empty body", NPZ, b"", 400)
_add("npz without entries", NPZ, npz({}), 422)
_add("npz truncated", NPZ, _PLAIN[:-5], 400)
_add("npz trailing bytes", NPZ, _PLAIN + b"trailing", 400)
_add("npz end record only", NPZ, b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 3, 3, 99, 0, 0), 400)
_add("npz 64 KiB of end records", NPZ, b"PK\x05\x06" * 17_000, 400)
_add("npz directory outside", NPZ, _patched(_PLAIN, -6, struct.pack("<L", 2**31)), 400)
_add("npz entry outside", NPZ, _central(_PLAIN, 42, struct.pack("<L", 2**31)), 400)
_add("npz lying size", NPZ, _central(_central(_PLAIN, 20, struct.pack("<L", 2**20)), 24, struct.pack("<L", 2**20)), 400)
_add("npz two sizes", NPZ, _central(_PLAIN, 24, struct.pack("<L", 7)), 400)
_add("npz wrong checksum", NPZ, _central(_PLAIN, 16, bytes(4)), 400)
_add("npz encrypted", NPZ, _central(_PLAIN, 8, b"\x01\x00"), 400)
_add("npz method bzip2", NPZ, npz({"input.npy": _npy_of()}, zipfile.ZIP_BZIP2), 400)
_add("npz zip64 without extra", NPZ, _central(_PLAIN, 24, b"\xff\xff\xff\xff"), 400)
_add("npz entries overlap", NPZ, _overlapping_zip, 400)
_add("npz name with a path", NPZ, npz({"../input.npy": _npy_of()}), 422)
_add("npz name not ASCII", NPZ, npz({"eingäbe.npy": _npy_of()}), 422)
_add("npz name without npy", NPZ, npz({"input.txt": _npy_of()}), 422)
_add("npz name differs", NPZ, _patched(_PLAIN, 30, b"other"), 400)
_add("npz 65 arrays", NPZ, npz({f"a{n}.npy": _npy_of() for n in range(65)}), 400)
_add("npz 60,000 arrays", NPZ, lambda: _patched(_PLAIN, -14, struct.pack("<2H", 60_000, 60_000)), 400)
_add("npz entry is no npy", NPZ, npz({"input.npy": b"hello"}), 400)
_add("npz entry is a pickle", NPZ, npz({"input.npy": pickle.dumps([1])}), 400)
_add("npz of objects", NPZ, npz({"input.npy": _npy_of(descr="'|O'")}), 422)
_add("npz bomb", NPZ, lambda: npz({"input.npy": bytes(256 * 2**20)}, zipfile.ZIP_DEFLATED), 413)
_add("npz bomb that claims little", NPZ, lambda: _deflated(64 * 2**20, 100), 400)
_add("npz bomb that claims the limit", NPZ, lambda: _deflated(64 * 2**20, LIMIT_BYTES), 400)
_add("npz little that claims much", NPZ, lambda: _deflated(100, LIMIT_BYTES), 400)
_add(
    "npz damaged deflate",
    NPZ,
    lambda: _patched(npz({"input.npy": _npy_of()}, zipfile.ZIP_DEFLATED), 41, b"\xff" * 9),
    400,
)

# raw elements
_add("octet without shape", OCTET, bytes(16), 422)
_add("octet without type", OCTET, bytes(16), 422, query="shape=1,2,2")
_add("octet truncated", OCTET, bytes(15), 400, query="dtype=float32&shape=1,2,2")
_add("octet trailing byte", OCTET, bytes(17), 400, query="dtype=float32&shape=1,2,2")
_add("octet negative size", OCTET, bytes(16), 422, query="dtype=float32&shape=-1,2,-2")
_add("octet boolean size", OCTET, bytes(16), 422, query="dtype=float32&shape=true,2,2")
_add("octet broken size", OCTET, bytes(16), 422, query="dtype=float32&shape=1.5,2,2")
_add("octet size of 4,301 digits", OCTET, bytes(16), 422, query="dtype=float32&shape=" + "1" * 4301)
_add("octet shape 4 x 2**62", OCTET, b"", 422, query="dtype=float32&shape=4,4611686018427387904")
_add("octet shape 2**32 x 2**32", OCTET, b"", 422, query="dtype=float32&shape=4294967296,4294967296")
_add("octet 65 dimensions", OCTET, bytes(4), 422, query="dtype=float32&shape=" + ",".join("1" * 65))
_add("octet no dimension", OCTET, bytes(4), 422, query="dtype=float32&shape=")
_add("octet unknown type", OCTET, bytes(16), 422, query="shape=1,2,2&dtype=float128")
_add("octet bool of 7", OCTET, b"\x07", 422, query="shape=1,1,1&dtype=bool")
_add("octet field twice", OCTET, bytes(16), 422, query="dtype=float32&shape=1,2,2&shape=1,2,2")
_add("octet bare percent", OCTET, bytes(16), 400, query="dtype=float32&shape=1,2,2&x=%zz")
_add("octet query not UTF-8", OCTET, bytes(16), 400, query="dtype=float32&shape=1,2,2&x=%ff")
_add("octet 100 query fields", OCTET, bytes(16), 400, query="&".join(f"x{n}=1" for n in range(100)))

# content codings
_add("gzip bomb", NPY, lambda: gzip.compress(bytes(512 * 2**20), 9), 413, encoding="gzip")
_add("gzip bomb of bombs", NPY, lambda: gzip.compress(gzip.compress(bytes(64 * 2**20))), 400, encoding="gzip")
_add("gzip truncated", NPY, gzip.compress(_npy_of())[:-3], 400, encoding="gzip")
_add("gzip empty", NPY, b"", 400, encoding="gzip")
_add("gzip trailing garbage", NPY, gzip.compress(_npy_of()) + b"garbage", 400, encoding="gzip")
_add("gzip wrong checksum", NPY, _patched(gzip.compress(_npy_of()), -8, bytes(4)), 400, encoding="gzip")
_add("gzip that is none", NPY, _npy_of(), 400, encoding="gzip")
_add("gzip of zlib", NPY, zlib.compress(_npy_of()), 400, encoding="gzip")
_add("gzip of 100,000 empty members", NPY, lambda: gzip.compress(b"") * 100_000, 400, encoding="gzip")
_add("zstd bomb", NPY, lambda: zstd.compress(bytes(512 * 2**20), 9), 413, encoding="zstd")
_add("zstd bombs in a row", NPY, lambda: zstd.compress(bytes(2**20), 3) * 100, 413, encoding="zstd")
_add("zstd truncated", NPY, zstd.compress(_npy_of())[:-3], 400, encoding="zstd")
_add("zstd empty", NPY, b"", 400, encoding="zstd")
_add("zstd trailing garbage", NPY, zstd.compress(_npy_of()) + b"garbage", 400, encoding="zstd")
_add("zstd that is none", NPY, _npy_of(), 400, encoding="zstd")
_add("zstd of 100,000 empty frames", NPY, lambda: zstd.compress(b"") * 100_000, 400, encoding="zstd")
# Magic, a frame descriptor without content size or single segment, a window of 2**31, one raw empty last block.
_add(
    "zstd window of 2 GiB", NPY, b"\x28\xb5\x2f\xfd\x00" + bytes(((31 - 10) << 3,)) + b"\x01\0\0", 400, encoding="zstd"
)
_add("two codings", NPY, lambda: gzip.compress(gzip.compress(_npy_of())), 415, encoding="gzip, gzip")
_add("unknown coding", NPY, _npy_of(), 415, encoding="br")
_add("no media type", "", _npy_of(), 415)
_add("form", "application/x-www-form-urlencoded", _image(_ROWS), 415)

# pictures and forms
HOSTILE_BODIES.extend(PICTURE_ROWS)
