"""Raw elements: what the query says is what the bytes are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.octet import OCTET
from tests.wire.drawing import NAMES, body_of, same_bits, tensors


@given(tensors())
def test_the_query_says_what_the_bytes_are(tensor: Tensor) -> None:
    """The rest of the query is the spec's."""
    query = {
        "shape": ",".join(map(str, tensor.shape)),
        "dtype": tensor.dtype.name,
        "kernel_size": "2",
    }

    message = OCTET.decode(tensor.buffer, query, 2**20)

    assert same_bits(message.tensors["input"], tensor)
    assert message.texts == {"kernel_size": "2"}


@given(st.dictionaries(NAMES, tensors(), min_size=1))
def test_the_header_says_where_each_output_lies(outputs: dict[str, Tensor]) -> None:
    """A caller without a format needs no more than an offset and a type."""
    encoded = OCTET.encode(Message(outputs))
    body = memoryview(body_of(encoded))
    ((header, text),) = encoded.headers

    assert header == "Tensor-Metadata"
    rows = json.loads(text)
    assert [row["name"] for row in rows] == list(outputs)
    for row in rows:
        query = {"shape": ",".join(map(str, row["shape"])), "dtype": row["dtype"]}
        read = OCTET.decode(body[row["start"] : row["end"]], query, 2**20).tensors["input"]
        assert same_bits(read, outputs[row["name"]])


def test_elements_are_float32_unless_said_otherwise() -> None:
    """As everywhere in the contract."""
    message = OCTET.decode(memoryview(np.ones(4, "<f4").tobytes()), {"shape": "1,2,2"}, 2**20)

    assert message.tensors["input"].dtype.name == "float32"


def test_a_missing_shape_is_named_and_shown() -> None:
    """The refusal says how to mend it."""
    with pytest.raises(Unprocessable, match=r"\?shape=8,64") as caught:
        OCTET.decode(memoryview(b""), {}, 2**20)

    assert caught.value.problems[0].pointer == "?shape"
    assert caught.value.problems[0].code == "missing"
