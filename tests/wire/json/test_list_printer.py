"""Printing numbers with the digits and the notation of orjson."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.json import encoder
from poolhouse.wire.json.encoder import encode_json
from tests.wire.tensor_strategies import ALL_TYPES

COUNT = 20_000


def printed(array: npt.NDArray[np.generic]) -> bytes:
    tensor = Tensor(ELEMENT_TYPES[array.dtype.name], array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_ORJSON_MAX_BYTES", 0)
        patch.setattr(encoder, "_CHUNK_ELEMENTS", 977)
        return bytes(encode_json(Message({"x": tensor}))).partition(b'"data":')[2][:-2]


def as_orjson(array: npt.NDArray[np.generic]) -> bytes:
    return orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)


def hard_numbers(dtype: str) -> npt.NDArray[np.generic]:
    """Random bits, every power of two and of ten, and numbers of few digits; all finite."""
    rng = np.random.default_rng(5)
    storage = ELEMENT_TYPES[dtype].storage
    with np.errstate(all="ignore"):
        parts = [
            rng.integers(0, 256, COUNT * storage.itemsize, np.uint8).view(storage),
            (2.0 ** np.arange(-1074, 1024)).astype(storage),
            np.array([float(f"1e{power}") for power in range(-323, 309)]).astype(storage),
            (rng.standard_normal(COUNT) * 10.0 ** rng.integers(-9, 19, COUNT)).astype(storage),
            np.round(rng.standard_normal(COUNT) * 1e4, 2).astype(storage),
            np.arange(-1000, 100_000, 7).astype(storage),
        ]
    whole = np.concatenate(parts)
    finite: npt.NDArray[np.generic] = whole[np.isfinite(whole)]
    return finite


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_printed_as_orjson_does(dtype: str) -> None:
    """The shortest digits that read back; of several, the nearest."""
    array = hard_numbers(dtype)

    ours, theirs = printed(array).split(b","), as_orjson(array).split(b",")

    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "bool"])
def test_integers_and_booleans_are_printed_as_orjson_does(dtype: str) -> None:
    """With every number of digits."""
    rng = np.random.default_rng(6)
    wide = rng.integers(-(2**63), 2**63 - 1, COUNT) >> rng.integers(0, 64, COUNT)
    array = np.concatenate([wide, [-(2**63), 2**63 - 1, 0]]).astype(dtype)

    assert printed(array) == as_orjson(array)


@given(st.sampled_from(ALL_TYPES), st.integers(1, 300), st.integers(1, 50))
def test_a_long_list_in_slices_is_the_list(dtype: object, rows: int, columns: int) -> None:
    """A chunk may end within a row."""
    array = np.arange(rows * columns, dtype=np.float32).reshape(rows, 1, columns)

    assert printed(array) == as_orjson(array)
