"""JSON: the standard library's parser and numpy are the oracles."""

from __future__ import annotations

import base64
import json
import math

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, FLOAT32, bfloat16_to_float32
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json.codec import JSON, decode_plan
from tests.wire.tensor_strategies import NAMES, body_of, round_trip, same_bits, tensors

INPUTS = st.dictionaries(st.sampled_from(("input", "indices")), tensors(), min_size=1)


def decode(body: object, query: dict[str, str] | None = None) -> Message:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return JSON.decode(memoryview(text), query or {}, 2**25)


def refused(body: object, query: dict[str, str] | None = None) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        decode(body, query)
    return caught.value


def same_values(one: Tensor, other: Tensor) -> bool:
    """Bit for bit, but for the payload of a NaN, which JSON cannot carry."""
    if one.metadata != other.metadata:
        return False
    if one.dtype.kind != "float":
        return same_bits(one, other)
    a, b = readable(one), readable(other)
    return bool(np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b) | np.isnan(b)))


def readable(tensor: Tensor) -> npt.NDArray[np.generic]:
    values = bfloat16_to_float32(tensor.array.view(np.uint16)) if tensor.dtype is BFLOAT16 else tensor.array
    if tensor.dtype.kind == "float":
        # The sign of a NaN is part of what is lost.
        return np.where(np.isnan(values), -np.abs(values), values)
    return values


def spelled(value: object) -> object:
    if isinstance(value, list):
        return [spelled(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@given(INPUTS, st.sampled_from(("list", "base64")))
def test_what_is_written_is_read_back(arrays: dict[str, Tensor], encoding: str) -> None:
    """An answer is a good request: its digits, NaN, infinities and minus zero come back."""
    back = round_trip(JSON, Message(arrays, encoding=encoding)).tensors

    assert back.keys() == arrays.keys()
    compare = same_bits if encoding == "base64" else same_values
    assert all(compare(back[name], tensor) for name, tensor in arrays.items())


@given(st.dictionaries(NAMES, tensors(), min_size=1))
def test_any_parser_reads_the_same_values(arrays: dict[str, Tensor]) -> None:
    """An answer is strict JSON, and its numbers are the array's."""

    def no_constant(token: str) -> float:
        raise AssertionError(token)

    answer = json.loads(body_of(JSON.encode(Message(arrays))), parse_constant=no_constant)

    assert list(answer) == list(arrays)
    for name, tensor in arrays.items():
        assert answer[name]["dtype"] == tensor.dtype.name
        assert answer[name]["shape"] == list(tensor.shape)
        storage = np.float32 if tensor.dtype is BFLOAT16 else tensor.dtype.storage
        read = np.array(answer[name]["data"], dtype=storage).reshape(tensor.shape)
        np.testing.assert_array_equal(read, readable(tensor) if tensor.dtype is BFLOAT16 else tensor.array)


@given(tensors(), st.booleans())
def test_numbers_of_any_writer_are_read(tensor: Tensor, flat: bool) -> None:
    """Nested, or flat with a shape; as the standard library prints them, twice as long as needed."""
    values = readable(tensor) if tensor.dtype is BFLOAT16 else tensor.array
    data = spelled((values.reshape(-1) if flat else values).tolist())

    read = decode({"input": {"dtype": tensor.dtype.name, "shape": tensor.shape, "data": data}})

    assert same_values(read.tensors["input"], tensor)


@given(tensors())
def test_base64_of_any_writer_is_read(tensor: Tensor) -> None:
    """Ten times as fast as numbers, for callers that have only JSON."""
    text = base64.b64encode(tensor.buffer).decode()

    read = decode({"input": {"dtype": tensor.dtype.name, "shape": tensor.shape, "base64": text}})

    assert same_bits(read.tensors["input"], tensor)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_is_printed_with_the_shortest_digits(value: float) -> None:
    """0.1 is 0.1 and not 0.10000000149011612."""
    tensor = Tensor(FLOAT32, np.array([value], np.float32))
    text = body_of(JSON.encode(Message({"output": tensor})))

    digits = text.rpartition(b"[")[2].rstrip(b"]}").decode()

    assert np.float32(digits) == tensor.array[0]
    shortest = np.format_float_scientific(tensor.array[0], unique=True, trim="-")
    assert len(digits.strip("-").lower().partition("e")[0].replace(".", "").strip("0")) <= len(
        shortest.strip("-").partition("e")[0].replace(".", "").strip("0")
    )


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_bfloat16_is_rounded_as_elsewhere(value: float) -> None:
    """The oracle is ml_dtypes; what rounds to infinity is refused as too large."""
    with np.errstate(over="ignore"):
        expected = np.array([value], np.float32).astype(ml_dtypes.bfloat16)
    body = {"input": {"dtype": "bfloat16", "data": [value]}}

    if np.isinf(expected.astype(np.float32))[0]:
        assert refused(body).code == "invalid_data"
    else:
        assert bytes(decode(body).tensors["input"].buffer) == expected.tobytes()


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1])
def test_64_bit_integers_are_exact(value: int) -> None:
    """An index that has been through a float points elsewhere."""
    read = decode({"indices": [[value, 0]]}).tensors["indices"]

    assert read.dtype.name == "int64"
    assert read.array.tolist() == [[value, 0]]


def test_fields_stand_beside_the_tensors() -> None:
    """The example of the contract."""
    message = decode({"input": [[[1, 2], [3, 4]]], "kernel_size": 2, "stride": [2, None], "ceil_mode": True})

    assert message.tensors["input"].metadata == TensorMetadata(FLOAT32, (1, 2, 2))
    assert message.json_fields == {"kernel_size": 2, "stride": [2, None], "ceil_mode": True}
    assert message.encoding == "list"


def test_the_encoding_of_the_answer_is_taken_out() -> None:
    """It is no field of an operator."""
    message = decode({"input": [[[1]]], "encoding": "base64"})

    assert message.encoding == "base64"
    assert message.json_fields == {}


@pytest.mark.parametrize(
    "field",
    [
        {"note": "true"},
        {"note": 'null: "NaN"'},
        {"note": '\\" NaN" "NaN'},
        {"true": 1},
        {"null": None},
        {"NaN": "NaN"},
        {"a:b": {"c:d": [True, None, "x:y", "Infinity"]}},
        {"note": "\u00e9\u4e2d"},
    ],
)
@pytest.mark.parametrize("data", [[[[1.0, 2.0]]], [[["NaN", 2.0]]], [[["-Infinity", -0.0]]]])
def test_words_in_other_fields_are_no_elements(field: dict[str, object], data: list[object]) -> None:
    """The counts of the raw text see them too, and must not be led astray."""
    message = decode({"input": data, **field})

    assert message.json_fields == field
    assert spelled(message.tensors["input"].array.tolist()) == data


@given(
    st.recursive(
        st.one_of(
            st.integers(-4, 300),
            st.floats(),
            st.booleans(),
            st.none(),
            st.sampled_from(["NaN", "Infinity", "-Infinity", "nan", "1", "", '"', "\\", "null", "true"]),
        ),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(sorted(ELEMENT_TYPES)),
    st.sampled_from([{}, {"note": "a\\b"}, {"note": '"NaN"'}, {"flag": True, "nothing": None}]),
)
def test_any_data_is_read_as_it_stands_or_refused(data: object, dtype: str, field: dict[str, object]) -> None:
    """No element may be taken for what it is not: the fast way and the exact one are one rule."""
    body = {"input": {"data": spelled(data), "dtype": dtype}, **field}
    row = ELEMENT_TYPES[dtype]

    def legal(value: object) -> bool:
        if isinstance(value, bool):
            return row.kind == "boolean"
        if isinstance(value, int):
            return row.kind != "boolean"
        if isinstance(value, float):
            return row.kind == "float" or (row.kind == "integer" and value.is_integer())
        return row.kind == "float" and value in ("NaN", "Infinity", "-Infinity")

    def leaves(value: object) -> list[object]:
        return [leaf for entry in value for leaf in leaves(entry)] if isinstance(value, list) else [value]

    try:
        tensor = decode(body).tensors["input"]
    except Unprocessable:
        return
    assert isinstance(data, list)
    assert all(legal(leaf) for leaf in leaves(spelled(data)))
    assert len(leaves(data)) == tensor.metadata.elements


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b'{"input": [[[1]]], "stride": 1, "stride": 2}', "/stride", "duplicate"),
        (b'{"input": {"data": [[[1]]], "data": [[[1]]]}}', "/data", "duplicate"),
        ({"input": [[[1, True]]]}, "/input/0/0/1", "type"),
        ({"input": {"data": [[[1, None]]]}}, "/input/data/0/0/1", "type"),
        ({"input": {"data": [[[1], [1, 2]]]}}, "/input/data", "type"),
        ({"indices": [[[1.5]]]}, "/indices/0/0/0", "type"),
        ({"input": {"data": [1], "shape": [True]}}, "/input/shape", "type"),
        ({"input": {"data": [1], "shape": [-1]}}, "/input/data", "range"),
        ({"input": {"data": [1], "dtype": "float8"}}, "/input/dtype", "type"),
        ({"input": {"data": [1], "stride": 1}}, "/input/stride", "unknown"),
        ({"input": [[[1]]], "encoding": "hex"}, "/encoding", "range"),
    ],
)
def test_a_refusal_points_at_the_place(body: object, pointer: str, code: str) -> None:
    """A form can show the message beside the field."""
    (problem,) = refused(body).problems

    assert (problem.pointer, problem.code) == (pointer, code)


def test_a_field_in_query_and_body_is_refused() -> None:
    """Of two values one would be ignored."""
    refusal = refused({"input": [[[1]]], "stride": 2}, {"stride": "2"})

    assert refusal.problems[0].code == "duplicate"
    assert decode({"input": [[[1]]], "stride": 2}, {"padding": "1"}).text_fields == {"padding": "1"}


def test_a_bare_nan_is_told_how_to_be_written() -> None:
    """Python's own json module writes it, so it will come."""
    with pytest.raises(Malformed, match='"NaN"'):
        decode({"input": [[[math.nan]]]})


def test_a_small_answer_is_one_chunk() -> None:
    """Each chunk is a message of its own on the way out."""
    encoded = JSON.encode(Message({"output": Tensor(FLOAT32, np.ones((1, 2, 2), np.float32))}))

    assert len(encoded.chunks) == 1


def test_fields_of_an_answer_stand_beside_its_tensors() -> None:
    """A seed that was drawn for the caller is named to the caller."""
    tensor = Tensor(FLOAT32, np.ones(1, np.float32))

    assert json.loads(body_of(JSON.encode(Message({"output": tensor}, {"seed": 7}))))["seed"] == 7
    assert json.loads(body_of(JSON.encode(Message({}, {"seed": 7})))) == {"seed": 7}
    assert json.loads(body_of(JSON.encode(Message({})))) == {}


def test_a_plan_takes_shapes_without_elements() -> None:
    """The example of the contract, and the default types."""
    body = {
        "input": {"shape": [8, 64, 112, 112], "dtype": "float16"},
        "indices": {"shape": [0, 1, 1]},
        "kernel_size": 3,
    }

    metadata_by_name, values, texts = decode_plan(memoryview(json.dumps(body).encode()), {"stride": "2"}, 2**20)

    assert metadata_by_name == {
        "input": TensorMetadata(ELEMENT_TYPES["float16"], (8, 64, 112, 112)),
        "indices": TensorMetadata(ELEMENT_TYPES["int64"], (0, 1, 1)),
    }
    assert values == {"kernel_size": 3}
    assert texts == {"stride": "2"}


@pytest.mark.parametrize(
    "tensor", [[[[1]]], {"data": [[[1]]]}, {"shape": [1], "data": [1]}, {"dtype": "int8"}, None, {"shape": []}]
)
def test_a_plan_with_elements_or_without_shape_is_refused(tensor: object) -> None:
    """Who sends data to a plan meant the other path."""
    with pytest.raises(Unprocessable):
        decode_plan(memoryview(json.dumps({"input": tensor}).encode()), {}, 2**20)
