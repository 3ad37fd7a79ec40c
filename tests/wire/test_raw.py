"""Raw bodies, whose shape and element type are in the query string."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.raw import RAW
from tests.wire.tensor_strategies import NAMES, body_of, same_bits, tensors


@given(tensors())
def test_shape_and_type_are_read_from_the_query(tensor: Tensor) -> None:
    """The other fields of the query are the spec's."""
    query = {
        "shape": ",".join(map(str, tensor.shape)),
        "dtype": tensor.dtype.name,
        "kernel_size": "2",
    }

    message = RAW.decode(tensor.buffer, query, 2**20)

    assert same_bits(message.tensors["input"], tensor)
    assert message.text_fields == {"kernel_size": "2"}


@given(st.dictionaries(NAMES, tensors(), min_size=1))
def test_the_header_gives_the_byte_range_of_each_output(outputs: dict[str, Tensor]) -> None:
    """A client without a parser needs only the metadata and the offsets."""
    encoded = RAW.encode(Message(outputs))
    body = memoryview(body_of(encoded))
    ((header, text),) = encoded.headers

    assert header == "Tensor-Metadata"
    rows = json.loads(text)
    assert [row["name"] for row in rows] == list(outputs)
    for row in rows:
        query = {"shape": ",".join(map(str, row["shape"])), "dtype": row["dtype"]}
        read = RAW.decode(body[row["start"] : row["end"]], query, 2**20).tensors["input"]
        assert same_bits(read, outputs[row["name"]])


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ({"shape": "1,2,2"}, ["dtype"]),
        ({"dtype": "float32"}, ["shape"]),
        ({}, ["shape", "dtype"]),
    ],
)
def test_shape_and_type_are_both_required(query: dict[str, str], missing: list[str]) -> None:
    """int32 read as float32 would be wrong numbers with status 200; the error says what to add."""
    with pytest.raises(Unprocessable) as caught:
        RAW.decode(memoryview(np.ones(4, "<i4").tobytes()), query, 2**20)

    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [
        (f"?{name}", "missing") for name in missing
    ]
    examples = {"shape": "add shape=8,64,112,112", "dtype": "add dtype=float32"}
    assert all((examples[name] in caught.value.detail) == (name in missing) for name in examples)


@pytest.mark.parametrize("text", ["1,2,2", "[1,2,2]", "[1, 2, 2]", "(1, 2, 2)", "1.0,2,2"])
def test_a_shape_has_the_syntax_of_other_lists(text: str) -> None:
    """That of json.dumps, of str(tuple), and commas alone."""
    message = RAW.decode(memoryview(bytes(16)), {"shape": text, "dtype": "float32"}, 2**20)

    assert message.tensors["input"].shape == (1, 2, 2)


@pytest.mark.parametrize(
    "text", ["1 2,2", " 1,2,2", "1x2x2", "[1,2,2", "(1,2,2]", "1,2,2,", "1,,2", "٣,1,1", "1_0,1,1", "+1,2,2", "1e0"]
)
def test_an_ambiguous_shape_is_refused(text: str) -> None:
    """1 2,2 was once read as 12,2. The error gives an example."""
    with pytest.raises(Unprocessable, match=r"shape is .*, as in 8,64,112,112") as caught:
        RAW.decode(memoryview(bytes(16)), {"shape": text, "dtype": "float32"}, 2**20)

    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("?shape", "type")]
