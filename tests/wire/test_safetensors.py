"""safetensors: the format's own library is the oracle."""

from __future__ import annotations

import json
import re

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
from poolhouse.tensors import Message, Note, Tensor
from poolhouse.wire.safetensors import SAFETENSORS, _outside_strings, read_tensors
from tests.wire.tensor_strategies import NAMES, body_of, round_trip, same_bits, tensors

MESSAGES = st.dictionaries(NAMES, tensors(), min_size=1)
TEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


def theirs(tensor: Tensor) -> npt.NDArray[np.generic]:
    return tensor.array.view(ml_dtypes.bfloat16) if tensor.dtype is BFLOAT16 else tensor.array


@given(MESSAGES, TEXTS)
def test_what_is_written_is_read_back_bit_for_bit(arrays: dict[str, Tensor], texts: dict[str, str]) -> None:
    """Tensors and fields travel together, in either direction."""
    back = round_trip(SAFETENSORS, Message(arrays, text_fields=texts))

    assert back.tensors.keys() == arrays.keys()
    assert all(same_bits(back.tensors[name], tensor) for name, tensor in arrays.items())
    assert {name: note.text for name, note in back.notes.items()} == texts


@given(MESSAGES)
def test_the_library_reads_what_we_write(arrays: dict[str, Tensor]) -> None:
    """The answer is for safetensors.load, in whatever language."""
    # Its numpy face knows no bfloat16; its core does.
    body = body_of(SAFETENSORS.encode(Message(arrays, text_fields={"seed": "7"})))
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
        "data_offsets": [0, tensor.metadata.nbytes],
    }
    header = json.dumps({"input": entry}).encode() + b" " * spaces
    body = len(header).to_bytes(8, "little") + header + bytes(tensor.buffer)

    back, _ = read_tensors(memoryview(body))

    assert back["input"].array.flags.aligned
    assert same_bits(back["input"], tensor)


@given(st.dictionaries(st.text(max_size=8), st.text('{}[],:\\\\"a', max_size=200), max_size=4))
def test_metadata_may_hold_any_text(metadata: dict[str, str]) -> None:
    """Trainers write their configuration there as JSON; its brackets are no tensors."""
    metadata["more"] = json.dumps([{"a": [[], {}, "\\"]}] * 100)
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, metadata))

    assert {name: note.text for name, note in SAFETENSORS.decode(body, {}, 2**20).notes.items()} == metadata


@given(st.text('{}[],:\\\\"a1 ', max_size=60))
def test_what_is_counted_is_what_stands_outside_of_strings(text: str) -> None:
    """One bracket that hides from the count could be a million."""
    try:
        json.loads(text)
    except ValueError:
        return

    bare = _outside_strings(text.encode()).decode()

    assert bare == re.sub(r'"(?:[^"\\]|\\.)*"', '""', text).replace('""', '"')


def file_of(header: object) -> memoryview:
    text = json.dumps(header).encode()
    return memoryview(len(text).to_bytes(8, "little") + text + bytes(16))


ENTRY = {"dtype": "F32", "shape": (1, 2, 2), "data_offsets": (0, 16)}


@pytest.mark.parametrize(
    "header",
    [
        {"__metadata__": None, "input": ENTRY},
        {"__metadata__": {}, "input": ENTRY},
        {"input": {**ENTRY, "scale": {"of": [0.5]}}},
        {"input": ENTRY, "__metadata__": {"format": "pt"}},
    ],
)
def test_what_the_library_reads_is_read(header: object) -> None:
    """Other writers leave more than their tensors in the header."""
    body = file_of(header)
    held = safetensors.numpy.load(bytes(body))

    read = SAFETENSORS.decode(body, {}, 2**20).tensors

    assert held.keys() == read.keys() == {"input"}
    np.testing.assert_array_equal(read["input"].array, held["input"])


def test_a_note_says_which_field_it_would_be_and_where_it_stood() -> None:
    """Fields are told from what other programs write there by their prefix, or by an operator that has them."""
    metadata = {"stride": "2", "poolhouse.kernel_size": "3", "poolhouse.a/b~c": "", "source": "camera 3"}
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, metadata))

    notes = SAFETENSORS.decode(body, {"padding": "1"}, 2**20).notes

    assert notes == {
        "stride": Note("2", "/__metadata__/stride", is_field=False),
        "kernel_size": Note("3", "/__metadata__/poolhouse.kernel_size", is_field=True),
        "a/b~c": Note("", "/__metadata__/poolhouse.a~1b~0c", is_field=True),
        "source": Note("camera 3", "/__metadata__/source", is_field=False),
    }


@pytest.mark.parametrize(
    ("metadata", "query", "pointer"),
    [
        ({"stride": "2"}, {"stride": "2"}, "/__metadata__/stride"),
        ({"poolhouse.stride": "2"}, {"stride": "2"}, "/__metadata__/poolhouse.stride"),
    ],
)
def test_a_field_in_query_and_metadata_is_refused(
    metadata: dict[str, str], query: dict[str, str], pointer: str
) -> None:
    """Of two values one would be ignored, and nobody could say which."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, metadata))

    with pytest.raises(Unprocessable) as caught:
        SAFETENSORS.decode(body, query, 2**20)

    assert caught.value.code == "invalid_fields"
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [(pointer, "duplicate")]


def test_a_field_with_and_without_prefix_is_refused() -> None:
    """They are one field, given twice."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, {"stride": "2", "poolhouse.stride": "3"}))

    with pytest.raises(Unprocessable, match="with and without poolhouse") as caught:
        SAFETENSORS.decode(body, {}, 2**20)

    assert caught.value.problems[0].pointer.startswith("/__metadata__/")
