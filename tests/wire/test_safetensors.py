"""safetensors bodies, compared with the safetensors library."""

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
def test_encoding_and_decoding_keep_every_bit(arrays: dict[str, Tensor], texts: dict[str, str]) -> None:
    """Of the tensors, and the fields in the metadata."""
    back = round_trip(SAFETENSORS, Message(arrays, text_fields=texts))

    assert back.tensors.keys() == arrays.keys()
    assert all(same_bits(back.tensors[name], tensor) for name, tensor in arrays.items())
    assert {name: note.text for name, note in back.notes.items()} == texts


@given(MESSAGES)
def test_the_library_reads_what_we_write(arrays: dict[str, Tensor]) -> None:
    """Clients read the response with the safetensors library of their language."""
    # Its numpy module has no bfloat16; its core has.
    body = body_of(SAFETENSORS.encode(Message(arrays, text_fields={"seed": "7"})))
    loaded = dict(safetensors.deserialize(body))  # type: ignore[no-untyped-call]  # the library is untyped here

    assert loaded.keys() == arrays.keys()
    for name, tensor in arrays.items():
        assert tuple(loaded[name]["shape"]) == tensor.shape
        assert loaded[name]["dtype"] == tensor.dtype.safetensors_name
        assert bytes(loaded[name]["data"]) == bytes(tensor.buffer)


@given(MESSAGES)
def test_we_read_what_the_library_writes(arrays: dict[str, Tensor]) -> None:
    """A file from disk is a valid request body."""
    body = safetensors.numpy.save({name: theirs(tensor) for name, tensor in arrays.items()}, {"kernel_size": "2"})

    back, metadata = read_tensors(memoryview(body))

    assert back.keys() == arrays.keys()
    assert all(same_bits(back[name], tensor) for name, tensor in arrays.items())
    assert metadata == {"kernel_size": "2"}


@given(MESSAGES)
def test_what_we_write_is_read_without_a_copy(arrays: dict[str, Tensor]) -> None:
    """Tensors with the widest elements come first, so every tensor is aligned."""
    body = np.frombuffer(bytearray(body_of(SAFETENSORS.encode(Message(arrays)))), dtype=np.uint8)

    back, _ = read_tensors(body.data)

    assert all(np.shares_memory(tensor.array, body) for tensor in back.values() if tensor.array.size)


@given(tensors(), st.integers(0, 7))
def test_elements_may_be_unaligned(tensor: Tensor, spaces: int) -> None:
    """The format guarantees no alignment; other writers do not pad."""
    entry = {
        "dtype": tensor.dtype.safetensors_name,
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
    """Training libraries write their configuration there as JSON; its brackets must not count as tensors."""
    metadata["more"] = json.dumps([{"a": [[], {}, "\\"]}] * 100)
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, metadata))

    assert {name: note.text for name, note in SAFETENSORS.decode(body, {}, 2**20).notes.items()} == metadata


@given(st.text('{}[],:\\\\"a1 ', max_size=60))
def test_only_characters_outside_strings_are_counted(text: str) -> None:
    """If one bracket could escape the count, a million could."""
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
def test_headers_that_the_library_accepts_are_accepted(header: object) -> None:
    """Other writers add entries to the header."""
    body = file_of(header)
    loaded = safetensors.numpy.load(bytes(body))

    read = SAFETENSORS.decode(body, {}, 2**20).tensors

    assert loaded.keys() == read.keys() == {"input"}
    np.testing.assert_array_equal(read["input"].array, loaded["input"])


def test_metadata_becomes_notes_with_field_name_and_pointer() -> None:
    """Our prefix distinguishes fields from the entries of other programs; so does an operator that has the field."""
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
    """One of the two values would be ignored silently."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, metadata))

    with pytest.raises(Unprocessable) as caught:
        SAFETENSORS.decode(body, query, 2**20)

    assert caught.value.code == "invalid_fields"
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [(pointer, "duplicate")]


def test_a_field_with_and_without_prefix_is_refused() -> None:
    """Both are the same field."""
    body = memoryview(safetensors.numpy.save({"input": np.ones((1, 2, 2))}, {"stride": "2", "poolhouse.stride": "3"}))

    with pytest.raises(Unprocessable, match="with and without poolhouse") as caught:
        SAFETENSORS.decode(body, {}, 2**20)

    assert caught.value.problems[0].pointer.startswith("/__metadata__/")
