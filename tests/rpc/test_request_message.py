"""A message is split and parsed as protobuf reads it, and what is no request is refused."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, PoolhouseError, TooLarge, Unprocessable
from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.request_message import parse_head, split_message
from tests.rpc.raw_calls import ELEMENTS, request_message

Request = CLASSES["ModelInferRequest"]


def parse(message: Any) -> Any:
    """The parsed head of a message or of its bytes."""
    encoded = message if isinstance(message, bytes) else message.SerializeToString()
    parts = split_message(memoryview(encoded))
    return parse_head(parts.head, [len(each) for each in parts.raw])


@given(
    st.text(max_size=5),
    st.text(max_size=5),
    st.lists(st.binary(max_size=200), max_size=16),
    st.lists(st.integers(0, 2**63 - 1), max_size=4),
)
def test_the_parts_are_those_that_protobuf_reads(
    model: str, request_id: str, raw: list[bytes], shape: list[int]
) -> None:
    """The elements are found without protobuf's parser, which must make no difference."""
    message = Request(model_name=model, id=request_id, raw_input_contents=raw)
    message.inputs.add(name="input", shape=shape)

    parts = split_message(memoryview(message.SerializeToString()))
    head = Request.FromString(parts.head)
    del message.raw_input_contents[:]
    message.id = ""

    assert (parts.model, parts.id, [bytes(each) for each in parts.raw]) == (model, request_id, raw)
    assert head == message


@given(st.binary(max_size=300))
def test_any_bytes_are_split_or_refused(encoded: bytes) -> None:
    """Protobuf accepts no bytes that are refused as malformed, apart from groups and long lists."""
    try:
        split_message(memoryview(encoded))
    except Malformed:
        return
    try:
        Request.FromString(encoded)
    except DecodeError:
        # The head is parsed after the split, and then refused.
        with pytest.raises(PoolhouseError):
            parse(encoded)


def test_changed_bytes_of_a_request_are_refused_or_read() -> None:
    """A flipped bit must not raise anything but an error that tells what is wrong."""
    whole = request_message(id="a").SerializeToString()
    numbers = random.Random(1)
    for _ in range(2000):
        changed = bytearray(whole[: numbers.randint(1, len(whole))])
        changed[numbers.randrange(len(changed))] ^= 1 << numbers.randrange(8)
        with contextlib.suppress(Malformed, Unprocessable, TooLarge):
            parse(bytes(changed))


TYPED: dict[str, tuple[str, list[Any]]] = {
    "BOOL": ("bool_contents", [True, False]),
    "INT8": ("int_contents", [-128, 127]),
    "INT16": ("int_contents", [-(2**15), 2**15 - 1]),
    "INT32": ("int_contents", [-(2**31), 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 255]),
    "UINT16": ("uint_contents", [0, 2**16 - 1]),
    "UINT32": ("uint_contents", [0, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 2**64 - 1]),
    "FP32": ("fp32_contents", [1.5, float("-inf")]),
    "FP64": ("fp64_contents", [1e300, float("nan")]),
}
STORAGE = {"BOOL": np.bool_, "FP32": np.float32, "FP64": np.float64}


def typed_request(datatype: str, field: str, values: list[Any], shape: tuple[int, ...] = (1, 1, 2)) -> Any:
    """A request with elements in its contents."""
    message = Request(model_name="max_pool1d")
    message.inputs.add(name="input", datatype=datatype, shape=shape, contents={field: values})
    return message


@pytest.mark.parametrize("datatype", TYPED)
def test_typed_contents_keep_the_extremes_of_their_datatype(datatype: str) -> None:
    """A narrowed integer would be a wrong element without an error."""
    field, values = TYPED[datatype]
    kind = STORAGE.get(datatype) or np.dtype(datatype.lower()).type

    parsed = parse(typed_request(datatype, field, values))

    assert parsed.typed == (np.array(values, kind).tobytes(),)
    assert parsed.request.inputs[0].binary_bytes == len(parsed.typed[0])


def input_message(**changes: Any) -> Any:
    """A request whose one input has these fields changed."""
    message = request_message()
    for name, value in changes.items():
        if isinstance(value, list | tuple):
            del getattr(message.inputs[0], name)[:]
            getattr(message.inputs[0], name).extend(value)
        else:
            setattr(message.inputs[0], name, value)
    return message


def parameter_message(name: str, **value: Any) -> Any:
    """A request whose input has this parameter."""
    message = request_message()
    message.inputs[0].parameters[name].MergeFrom(CLASSES["InferParameter"](**value))
    return message


def many(name: str, count: int) -> Any:
    """A request with many entries of a list."""
    message = request_message()
    for _ in range(count):
        getattr(message, name).add(name="x")
    return message


def with_contents() -> Any:
    """A request with raw contents and typed ones."""
    message = request_message()
    message.inputs[0].contents.fp32_contents.extend([0.0] * 16)
    return message


REFUSED = {
    "no input": (Request(model_name="a"), "inputs is missing"),
    "huge shape": (input_message(shape=[2**62, 2**62, 2**62, 2**62]), "takes 1809251394333065553493296640760748560207"),
    "negative size": (input_message(shape=[1, 1, -4, -4]), "whole number from 0"),
    "many dimensions": (input_message(shape=[1] * 33), "33 dimensions"),
    "very many dimensions": (input_message(shape=[1] * 100_000), "100000 dimensions"),
    "short raw contents": (input_message(shape=[1, 1, 4, 5]), "takes 80 bytes, and its raw_input_contents has 64"),
    "no name": (input_message(name=""), "name of /inputs/0"),
    "unknown datatype": (input_message(datatype="FP31"), "FP31"),
    "no datatype": (input_message(datatype=""), "datatype"),
    "two raw contents": (request_message(raw_input_contents=[b""]), "1 more than inputs"),
    "two inputs, one raw content": (request_message(inputs=[{"name": "b"}]), "fewer raw_input_contents"),
    "17 inputs": (many("inputs", 16), ""),
    "65 outputs": (many("outputs", 65), "at most 64"),
    "output twice": (many("outputs", 2), "twice"),
    "300 fields": (many("outputs", 300), "more than 256"),
    "both contents": (with_contents(), "has contents, and the request has raw_input_contents"),
    "binary_data_size": (parameter_message("binary_data_size", int64_param=63), "its binary_data_size is 63"),
    "parameter without value": (parameter_message("x"), "has no value"),
    "unknown parameter": (parameter_message("x", bool_param=True), "unknown member"),
    "contents of another type": (typed_request("FP32", "int_contents", [1, 2]), "send its elements in fp32_contents"),
    "typed FP16": (typed_request("FP16", "fp32_contents", [1, 2]), "raw_input_contents"),
    "typed BF16": (typed_request("BF16", "fp32_contents", [1, 2]), "raw_input_contents"),
    "BYTES": (typed_request("BYTES", "bytes_contents", [b"1"] * 2), "send one PNG or JPEG file as [1]"),
    "wide INT8": (typed_request("INT8", "int_contents", [1, 128]), "it holds -128 to 127"),
    "wide UINT16": (typed_request("UINT16", "uint_contents", [1, 2**16]), "it holds 0 to 65535"),
    "wide UINT8": (typed_request("UINT8", "uint_contents", [1, 256]), "it holds 0 to 255"),
    "too few elements": (
        typed_request("FP32", "fp32_contents", [1]),
        "1 elements in fp32_contents, and its shape takes 2",
    ),
    "no elements": (typed_request("FP32", "fp32_contents", []), "0 elements"),
    "huge shape, no elements": (typed_request("FP32", "fp32_contents", [], (2**62,) * 4), "0 elements"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_request_is_refused_with_the_reason(case: str) -> None:
    """Nothing is allocated for it, and the text says how to correct it."""
    message, words = REFUSED[case]

    with pytest.raises(PoolhouseError) as raised:
        parse(message)

    assert raised.value.status in (400, 422)
    assert words in raised.value.detail


def test_elements_are_not_copied() -> None:
    """Protobuf would copy them twice."""
    encoded = memoryview(request_message().SerializeToString())

    (raw,) = split_message(encoded).raw

    assert raw.obj is encoded.obj
    assert raw == ELEMENTS.tobytes()
