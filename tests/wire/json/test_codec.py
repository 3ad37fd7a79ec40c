"""JSON bodies, compared with the standard library's parser and numpy."""

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
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json.codec import JSON, decode_plan
from tests.wire.tensor_strategies import NAMES, body_of, round_trip, same_bits, tensors

INPUTS = st.dictionaries(st.sampled_from(TENSOR_NAMES), tensors(), min_size=1, max_size=4)


def decode(body: object, query: dict[str, str] | None = None) -> Message:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return JSON.decode(memoryview(text), query or {}, 2**25)


def refused(body: object, query: dict[str, str] | None = None) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        decode(body, query)
    return caught.value


def same_values(one: Tensor, other: Tensor) -> bool:
    """Equal in every bit, except for the sign and payload of NaNs, which JSON cannot represent."""
    if one.metadata != other.metadata:
        return False
    if one.dtype.kind != "float":
        return same_bits(one, other)
    a, b = numpy_values(one), numpy_values(other)
    return bool(np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b) | np.isnan(b)))


def numpy_values(tensor: Tensor) -> npt.NDArray[np.generic]:
    values = bfloat16_to_float32(tensor.array.view(np.uint16)) if tensor.dtype is BFLOAT16 else tensor.array
    if tensor.dtype.kind == "float":
        # Every NaN gets the same sign, which JSON cannot represent.
        return np.where(np.isnan(values), -np.abs(values), values)
    return values


def with_nonfinite_strings(value: object) -> object:
    if isinstance(value, list):
        return [with_nonfinite_strings(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@given(INPUTS, st.sampled_from(("list", "base64")))
def test_encoding_and_decoding_keep_every_value(arrays: dict[str, Tensor], encoding: str) -> None:
    """A response is a valid request, with the same digits, NaN, infinities and minus zero."""
    back = round_trip(JSON, Message(arrays, json_encoding=encoding)).tensors

    assert back.keys() == arrays.keys()
    compare = same_bits if encoding == "base64" else same_values
    assert all(compare(back[name], tensor) for name, tensor in arrays.items())


@given(st.dictionaries(NAMES, tensors(), min_size=1))
def test_any_parser_reads_the_same_values(arrays: dict[str, Tensor]) -> None:
    """A response is strict JSON, and its numbers are those of the array."""

    def refuse_constant(token: str) -> float:
        raise AssertionError(token)

    document = json.loads(body_of(JSON.encode(Message(arrays))), parse_constant=refuse_constant)

    assert list(document) == list(arrays)
    for name, tensor in arrays.items():
        assert document[name]["dtype"] == tensor.dtype.name
        assert document[name]["shape"] == list(tensor.shape)
        storage = np.float32 if tensor.dtype is BFLOAT16 else tensor.dtype.storage
        read = np.array(document[name]["data"], dtype=storage).reshape(tensor.shape)
        np.testing.assert_array_equal(read, numpy_values(tensor) if tensor.dtype is BFLOAT16 else tensor.array)


@given(tensors(), st.booleans())
def test_numbers_of_any_writer_are_read(tensor: Tensor, flat: bool) -> None:
    """Nested, or flat with a shape; the standard library prints float32 with the digits of a float64."""
    values = numpy_values(tensor) if tensor.dtype is BFLOAT16 else tensor.array
    data = with_nonfinite_strings((values.reshape(-1) if flat else values).tolist())

    read = decode({"input": {"dtype": tensor.dtype.name, "shape": tensor.shape, "data": data}})

    assert same_values(read.tensors["input"], tensor)


@given(tensors())
def test_base64_of_any_writer_is_read(tensor: Tensor) -> None:
    """It is ten times as fast as lists of numbers, for clients that have only JSON."""
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
def test_bfloat16_is_rounded_as_by_ml_dtypes(value: float) -> None:
    """Numbers that round to infinity are refused as too large."""
    with np.errstate(over="ignore"):
        expected = np.array([value], np.float32).astype(ml_dtypes.bfloat16)
    body = {"input": {"dtype": "bfloat16", "data": [value]}}

    if np.isinf(expected.astype(np.float32))[0]:
        assert refused(body).code == "invalid_data"
    else:
        assert bytes(decode(body).tensors["input"].buffer) == expected.tobytes()


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1])
def test_64_bit_integers_are_exact(value: int) -> None:
    """Rounding to a float would change the index."""
    read = decode({"indices": [[value, 0]]}).tensors["indices"]

    assert read.dtype.name == "int64"
    assert read.array.tolist() == [[value, 0]]


def test_fields_are_separated_from_tensors() -> None:
    """The example of the documentation."""
    message = decode({"input": [[[1, 2], [3, 4]]], "kernel_size": 2, "stride": [2, None], "ceil_mode": True})

    assert message.tensors["input"].metadata == TensorMetadata(FLOAT32, (1, 2, 2))
    assert message.json_fields == {"kernel_size": 2, "stride": [2, None], "ceil_mode": True}
    assert message.json_encoding == "list"


def test_encoding_is_no_field_of_the_spec() -> None:
    """It selects the encoding of the response."""
    message = decode({"input": [[[1]]], "encoding": "base64"})

    assert message.json_encoding == "base64"
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
    """Counting characters of the raw text counts these, too, and must not change the result."""
    message = decode({"input": data, **field})

    assert message.json_fields == field
    assert with_nonfinite_strings(message.tensors["input"].array.tolist()) == data


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
def test_data_is_read_exactly_or_refused(data: object, dtype: str, field: dict[str, object]) -> None:
    """No value becomes an element of another kind, on the fast path or the slow one."""
    body = {"input": {"data": with_nonfinite_strings(data), "dtype": dtype}, **field}
    row = ELEMENT_TYPES[dtype]

    def is_valid(value: object) -> bool:
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
    assert all(is_valid(leaf) for leaf in leaves(with_nonfinite_strings(data)))
    assert len(leaves(data)) == tensor.metadata.element_count


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
def test_an_error_has_a_pointer_to_the_fault(body: object, pointer: str, code: str) -> None:
    """A user interface can show the message beside the field."""
    (problem,) = refused(body).problems

    assert (problem.pointer, problem.code) == (pointer, code)


def test_a_field_in_query_and_body_is_refused() -> None:
    """One of the two values would be ignored silently."""
    refusal = refused({"input": [[[1]]], "stride": 2}, {"stride": "2"})

    assert refusal.problems[0].code == "duplicate"
    assert decode({"input": [[[1]]], "stride": 2}, {"padding": "1"}).text_fields == {"padding": "1"}


def test_the_error_for_an_unquoted_nan_suggests_quotes() -> None:
    """Python's json module writes NaN without quotes."""
    with pytest.raises(Malformed, match='"NaN"'):
        decode({"input": [[[math.nan]]]})


def test_a_small_response_is_one_chunk() -> None:
    """Each chunk is an ASGI message of its own."""
    encoded = JSON.encode(Message({"output": Tensor(FLOAT32, np.ones((1, 2, 2), np.float32))}))

    assert len(encoded.chunks) == 1


def test_a_response_has_fields_beside_its_tensors() -> None:
    """Such as the seed that the service chose."""
    tensor = Tensor(FLOAT32, np.ones(1, np.float32))

    assert json.loads(body_of(JSON.encode(Message({"output": tensor}, {"seed": 7}))))["seed"] == 7
    assert json.loads(body_of(JSON.encode(Message({}, {"seed": 7})))) == {"seed": 7}
    assert json.loads(body_of(JSON.encode(Message({})))) == {}


def test_a_request_for_a_plan_has_shapes_without_elements() -> None:
    """The example of the documentation, and the default types."""
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
def test_a_request_for_a_plan_with_elements_or_without_shape_is_refused(tensor: object) -> None:
    """A client that sends elements probably meant to pool."""
    with pytest.raises(Unprocessable):
        decode_plan(memoryview(json.dumps({"input": tensor}).encode()), {}, 2**20)
