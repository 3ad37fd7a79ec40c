"""The memory that decoding takes beside the body is bounded by decode_extra_bytes, which reads the header only."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Malformed
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.safetensors import SAFETENSORS
from tests.operators.resource_usage import measure_usage

SIDE = 1024
NBYTES = SIDE * SIDE * 4
OVERHEAD = 1 << 20
"""Headers, pieces of deflated bytes, objects."""


def npy(array: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(array: npt.NDArray[np.generic], save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, input=array)
    return file.getvalue()


def safetensors(array: npt.NDArray[np.generic], spelling: str, padding: int) -> bytes:
    shape = ",".join(map(str, array.shape))
    header = f'{{"input":{{"dtype":"{spelling}","shape":[{shape}],"data_offsets":[0,{array.nbytes}]}}}}'
    header += " " * (-(8 + len(header)) % 8 + padding)
    return struct.pack("<Q", len(header)) + header.encode() + array.tobytes()


X = np.arange(SIDE * SIDE, dtype="<f4").reshape(1, SIDE, SIDE)
BITS = (X % 2).astype(bool)
CASES: dict[str, tuple[Codec, Callable[[], bytes], int]] = {
    "npy": (NPY, lambda: npy(X), 0),
    "npy, big-endian": (NPY, lambda: npy(X.astype(">f4")), NBYTES),
    "npy, in Fortran's order": (NPY, lambda: npy(np.asfortranarray(X)), NBYTES),
    "npy, both": (NPY, lambda: npy(np.asfortranarray(X.astype(">f4"))), NBYTES),
    "npy, its header a byte longer": (
        NPY,
        lambda: npy(X)[:8] + b"\x77\0" + npy(X)[10:127] + b" \n" + npy(X)[128:],
        NBYTES,
    ),
    "npy, booleans": (NPY, lambda: npy(BITS), BITS.nbytes),
    "npz of ours": (NPZ, lambda: b"".join(NPZ.encode(Message({"input": Tensor(FLOAT32, X)})).chunks), 0),
    "npz of numpy, unaligned": (NPZ, lambda: npz(X, np.savez), NBYTES),
    "npz, big-endian": (NPZ, lambda: npz(X.astype(">f4"), np.savez), NBYTES),
    "npz, deflated": (NPZ, lambda: npz(X, np.savez_compressed), 2 * NBYTES),
    "npz, deflated and big-endian": (NPZ, lambda: npz(X.astype(">f4"), np.savez_compressed), 2 * NBYTES),
    "safetensors": (SAFETENSORS, lambda: safetensors(X, "F32", 0), 0),
    "safetensors, a byte off": (SAFETENSORS, lambda: safetensors(X, "F32", 1), NBYTES),
    "safetensors, booleans": (SAFETENSORS, lambda: safetensors(BITS, "BOOL", 1), BITS.nbytes),
}


@pytest.mark.parametrize("case", CASES)
def test_decoding_takes_no_more_memory_than_announced(case: str) -> None:
    """The bound is tight: reserving too much memory would refuse other requests."""
    codec, make, expected = CASES[case]
    body = make()

    with measure_usage() as cost:
        array = codec.decode(memoryview(body), {}, 1 << 30).tensors["input"].array

    assert np.array_equal(array, BITS if array.dtype == bool else X)
    assert codec.decode_extra_bytes(memoryview(body)) <= expected + OVERHEAD
    assert codec.decode_extra_bytes(memoryview(body)) >= expected
    assert cost.peak_bytes <= expected + OVERHEAD


@pytest.mark.parametrize("codec", [NPY, NPZ, SAFETENSORS], ids=lambda codec: codec.name)
def test_a_malformed_body_is_refused_before_memory_is_reserved(codec: Codec) -> None:
    """With the same error as decoding it."""
    body = memoryview(b"\xff" * 100_000)

    with pytest.raises(Malformed) as by_decode:
        codec.decode(body, {}, 1 << 30)
    with pytest.raises(Malformed) as by_extra_bytes:
        codec.decode_extra_bytes(body)

    assert str(by_extra_bytes.value) == str(by_decode.value)


@pytest.mark.parametrize("size", [2**40, 2**60])
def test_a_header_cannot_announce_more_bytes_than_the_body_has(size: int) -> None:
    """A small body must not reserve the whole memory budget."""
    body = npy(X)
    longer = body[:10] + body[10:128].replace(b"(1, 1024, 1024)", f"({size},)".encode()).ljust(118)[:118] + body[128:]

    assert NPY.decode_extra_bytes(memoryview(longer.replace(b"'<f4'", b"'>f4'"))) <= len(longer)


def texts() -> dict[str, bytes]:
    """JSON bodies that take the most memory for their size."""
    size = 1 << 20

    def listed(unit: bytes, prefix: bytes = b'{"input":', suffix: bytes = b"}") -> bytes:
        return prefix + b"[" + (unit * (size // len(unit)))[:-1] + b"]" + suffix

    return {
        "ones": listed(b"1,"),
        "integers": listed(b"257,", b'{"input":{"dtype":"int64","data":', b"}}"),
        "ones as bfloat16": listed(b"1,", b'{"input":{"dtype":"bfloat16","data":', b"}}"),
        "ones as booleans": listed(b"1,", b'{"input":{"dtype":"bool","data":', b"}}"),
        "strings": listed(b'"ab",'),
        "words": listed(b'"NaN",'),
        "words beside an escape": listed(b'"NaN",', b'{"x":"\\u0061","input":'),
        "ones beside an escape": listed(b"1,", b'{"x":"\\u0061","input":'),
        "objects": listed(b"{},"),
        "lists": listed(b"[],"),
        "ones of two kinds": listed(b"1," * 99 + b"true,"),
        "too large at the end": listed(b"1,", b'{"input":{"dtype":"int64","data":[1,', b",18446744073709551615]}}"),
    }


@pytest.mark.parametrize("has_compiled_loops", [True, False])
@pytest.mark.parametrize("kind", texts())
def test_decoding_json_takes_no_more_memory_than_announced(
    kind: str, has_compiled_loops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve times the text was reserved once, and an object of two characters took 60 bytes."""
    monkeypatch.setattr(compiled_reader, "is_ready", lambda: has_compiled_loops)
    text = texts()[kind]

    with measure_usage() as cost:
        try:
            JSON.decode(memoryview(text), {}, 1 << 25)
        except Exception as refused:
            refused.__traceback__ = None

    assert cost.peak_bytes <= JSON.decode_extra_bytes(memoryview(text))
