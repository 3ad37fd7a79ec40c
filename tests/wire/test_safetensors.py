"""safetensors: the format's own library is the oracle."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.safetensors import SAFETENSORS, read_tensors
from tests.wire.drawing import NAMES, body_of, same_bits, tensors, there_and_back

MESSAGES = st.dictionaries(NAMES, tensors(), min_size=1)
TEXTS = st.dictionaries(st.text(max_size=8).filter(lambda text: text != "format"), st.text(max_size=8), max_size=4)


def theirs(tensor: Tensor) -> npt.NDArray[np.generic]:
    return tensor.array.view(ml_dtypes.bfloat16) if tensor.dtype is BFLOAT16 else tensor.array


@given(MESSAGES, TEXTS)
def test_what_is_written_is_read_back_bit_for_bit(arrays: dict[str, Tensor], texts: dict[str, str]) -> None:
    """Tensors and fields travel together, in either direction."""
    back = there_and_back(SAFETENSORS, Message(arrays, texts=texts))

    assert back.tensors.keys() == arrays.keys()
    assert all(same_bits(back.tensors[name], tensor) for name, tensor in arrays.items())
    assert back.texts == texts


@given(MESSAGES)
def test_the_library_reads_what_we_write(arrays: dict[str, Tensor]) -> None:
    """The answer is for safetensors.load, in whatever language."""
    # Its numpy face knows no bfloat16; its core does.
    body = body_of(SAFETENSORS.encode(Message(arrays, texts={"seed": "7"})))
    held = dict(safetensors.deserialize(body))  # type: ignore[no-untyped-call]  # the library says no types here

    assert held.keys() == arrays.keys()
    for name, tensor in arrays.items():
        assert tuple(held[name]["shape"]) == tensor.shape
        assert held[name]["dtype"] == tensor.dtype.safetensors
        assert bytes(held[name]["data"]) == bytes(tensor.buffer)


@given(MESSAGES)
def test_we_read_what_the_library_writes(arrays: dict[str, Tensor]) -> None:
    """A file from disk is a request."""
    body = safetensors.numpy.save({name: theirs(tensor) for name, tensor in arrays.items()}, {"kernel_size": "2"})

    back, metadata = read_tensors(memoryview(body))

    assert back.keys() == arrays.keys()
    assert all(same_bits(back[name], tensor) for name, tensor in arrays.items())
    assert metadata == {"kernel_size": "2"}


@given(MESSAGES)
def test_what_we_write_is_read_without_a_copy(arrays: dict[str, Tensor]) -> None:
    """The widest elements come first, so each tensor lies right for its type."""
    body = np.frombuffer(bytearray(body_of(SAFETENSORS.encode(Message(arrays)))), dtype=np.uint8)

    back, _ = read_tensors(body.data)

    assert all(np.shares_memory(tensor.array, body) for tensor in back.values() if tensor.array.size)


@given(tensors(), st.integers(0, 7))
def test_elements_may_lie_anywhere(tensor: Tensor, spaces: int) -> None:
    """The format promises no alignment; other writers do not pad."""
    entry = {
        "dtype": tensor.dtype.safetensors,
        "shape": tensor.shape,
        "data_offsets": [0, tensor.outline.nbytes],
    }
    header = json.dumps({"input": entry}).encode() + b" " * spaces
    body = len(header).to_bytes(8, "little") + header + bytes(tensor.buffer)

    back, _ = read_tensors(memoryview(body))

    assert back["input"].array.flags.aligned
    assert same_bits(back["input"], tensor)


def test_the_savers_own_mark_is_no_field() -> None:
    """torch's savers write format: pt into every file, and such a file is a good request."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, {"format": "pt"}))

    assert SAFETENSORS.decode(body, {}, 2**20).texts == {}


def test_a_field_in_query_and_metadata_is_refused() -> None:
    """Of two values one would be ignored, and nobody could say which."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, {"stride": "2"}))

    with pytest.raises(Unprocessable) as caught:
        SAFETENSORS.decode(body, {"stride": "2"}, 2**20)

    assert caught.value.code == "invalid_fields"
    assert caught.value.problems[0].code == "duplicate"
    assert SAFETENSORS.decode(body, {"padding": "1"}, 2**20).texts == {"padding": "1", "stride": "2"}
