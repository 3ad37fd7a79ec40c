"""JSON bodies with several tensors by name."""

from __future__ import annotations

import json
import math
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, PoolhouseError, TooLarge, Unprocessable
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.json.named_inputs import NamedMessage, decode_named, decode_named_plan
from tests.hypothesis_profiles import scaled_examples


def accept(names: Collection[str]) -> None:
    """Check nothing."""


def decode(text: str | bytes) -> NamedMessage:
    """Decode a body."""
    body = text.encode() if isinstance(text, str) else text
    return decode_named(memoryview(body), {}, 1 << 20, accept)


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda name: name.isprintable()),
    st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=3),
    min_size=1,
    max_size=5,
)


@scaled_examples(100)
@given(TENSORS, st.sampled_from((None, 2)))
def test_each_tensor_is_read_as_the_only_one(tensors: dict[str, list[list[float]]], indent: int | None) -> None:
    """In order, with the same elements, however the text is laid out; other fields are kept."""
    poolings = [{"operator": "a", "inputs": {"b": [1]}}]
    text = json.dumps({"x": {"data": 1}, "inputs": tensors, "poolings": poolings}, indent=indent)

    message, are_named = decode(text)

    assert are_named
    assert message.json_fields == {"x": {"data": 1}, "poolings": poolings}
    assert list(message.tensors) == list(tensors)
    for name, rows in tensors.items():
        alone = JSON.decode(memoryview(json.dumps({"input": rows}).encode()), {}, 1 << 20).tensors["input"]
        assert message.tensors[name].metadata == alone.metadata
        assert message.tensors[name].array.tobytes() == alone.array.tobytes()


def test_long_forms() -> None:
    """Type, shape, base64 and NaN as for one tensor."""
    message, _ = decode(
        '{"inputs": {"a": {"dtype": "int16", "shape": [1, 2, 1], "data": [1, 2]}, "b": {"base64": "AQI=", "dtype": '
        '"uint8", "shape": [2, 1]}, "c": [["NaN", "]", 1]]}, "encoding": "base64"}'.replace('"]", ', "")
    )

    assert message.tensors["a"].array.tolist() == [[[1], [2]]]
    assert message.tensors["b"].dtype is ELEMENT_TYPES["uint8"]
    assert math.isnan(float(message.tensors["c"].array[0, 0]))
    assert message.json_encoding == "base64"


@pytest.mark.parametrize(
    "text",
    [
        '{"input": [[1, 2]], "indices": [[0, 1]], "poolings": []}',
        '{"input": [[1, 2]], "a": {"inputs": {"b": [1]}}}',
        '{"input": [[1, 2]], "a": "\\"inputs\\": {"}',
    ],
)
def test_without_the_key_a_body_is_read_as_for_one_pooling(text: str) -> None:
    """Also if the key is somewhere else in it."""
    message, are_named = decode(text)

    assert not are_named
    assert message.tensors["input"].array.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        ('{"inputs": {"a": 1}}', "invalid_data", "/inputs/a"),
        ('{"inputs": {"a": 0}}', "invalid_data", "/inputs"),
        ('{"inputs": {"a": false}}', "invalid_data", "/inputs/a"),
        ('{"inputs": {"a": null}}', "invalid_data", "/inputs/a"),
        ('{"inputs": {"a": "[1]"}}', "invalid_data", "/inputs/a"),
        ('{"inputs": {"a": []}, "input": [[1]]}', "invalid_fields", "/inputs"),
        ('{"inputs": [1]}', "invalid_data", "/inputs"),
        ('{"inputs": "a"}', "invalid_data", "/inputs"),
        ('{"inp\\u0075ts": {"a": 1}}', "invalid_data", "/inputs"),
        ('{"inputs": {"a": [[1], [2, 3]]}}', "invalid_data", "/inputs/a"),
        ('{"inputs": {"a": [["x"]]}}', "invalid_data", "/inputs/a/0/0"),
        ('{"inputs": {"a": {"data": [1], "what": 2}}}', "invalid_fields", "/inputs/a/what"),
        ('{"inputs": {"a": {"data": [1], "shape": "x"}}}', "invalid_data", "/inputs/a/shape"),
        ('{"inputs": {"a": {"data": [1], "dtype": "int4"}}}', "unsupported_dtype", "/inputs/a/dtype"),
        ('{"inputs": {"a": ' + "[" * 99 + "]" * 99 + "}}", "wrong_rank", "/inputs/a"),
        ('{"inputs": {"a": [[1]], "a": [[1]]}}', "invalid_fields", "/a"),
        ('{"inputs": {"a": [[1]]}, "inputs": {"a": [[1]]}}', "invalid_fields", "/inputs"),
        ('{"inputs": {"a": [[1]]}, "encoding": "hex"}', "invalid_fields", "/encoding"),
    ],
)
def test_refusals_name_the_tensor(text: str, code: str, pointer: str) -> None:
    """By a JSON pointer."""
    with pytest.raises(Unprocessable) as refusal:
        decode(text)

    assert (refusal.value.code, [each.pointer for each in refusal.value.problems]) == (code, [pointer])


@pytest.mark.parametrize(
    "text",
    [
        '{"inputs": {"a": [[1]]}',
        '{"inputs": {"a": [[1]]}}}',
        '{"inputs": {"a": [[1}]}}',
        '{"inputs": {"a": [[1] 2]}}',
        '{"inputs": {"a": [[01]]}}',
        '{"inputs": {"a" [[1]]}}',
        '{"inputs": {"a": [[1]] "b": [[1]]}}',
        '{"inputs": {"a": [["x]]}}',
        '{"inputs": {"a": {"data": [1}}}',
        '{"inputs": {"a": [[1]]},}',
        '{"inputs": {"a": [[1]]} "poolings": []}',
        '{"inputs": {',
        '{"inputs": {"a":',
        '{"inputs": {"a": [',
    ],
)
def test_text_that_is_no_json_is_refused(text: str) -> None:
    """Cutting tensors out of the text hides no error."""
    with pytest.raises(ValueError, match=r"."):
        json.loads(text)
    with pytest.raises(Malformed):
        decode(text)


@scaled_examples(200)
@given(st.text(alphabet='{}[]":, 01aeinpstu\\', max_size=40), st.integers(0, 60))
def test_broken_text_is_refused_and_never_read_otherwise(noise: str, at: int) -> None:
    """What is accepted is JSON, and means the same."""
    valid = '{"inputs": {"a": [[1, 2]], "b": {"data": [3]}}, "p": {"inputs": {"c": [1]}}}'
    text = valid[:at] + noise + valid[at:]
    try:
        message, are_named = decode(text)
    except PoolhouseError:
        return
    document = json.loads(text)
    if are_named:
        assert list(message.tensors) == list(document["inputs"])
        for name, value in document["inputs"].items():
            data = value["data"] if isinstance(value, dict) else value
            assert message.tensors[name].array.reshape(-1).tolist() == np.array(data, np.float32).reshape(-1).tolist()


def test_names_are_checked_before_elements() -> None:
    """The elements may be many."""

    def refuse(names: Collection[str]) -> None:
        assert list(names) == ["a/b"]
        raise Unprocessable("invalid_fields", "no")

    for text in ('{"inputs": {"a/b": [["x"]]}}', '{"inputs": {"a/b": {"shape": "x"}}}'):
        with pytest.raises(Unprocessable, match=r"^no$"):
            decode_named(memoryview(text.encode()), {}, 1 << 20, refuse)
    with pytest.raises(Unprocessable, match=r"^no$"):
        decode_named_plan(memoryview(b'{"inputs": {"a/b": {"shape": "x"}}}'), {}, refuse)


def test_many_brackets_are_refused() -> None:
    """Each of them is looked at by Python code."""
    with pytest.raises(Unprocessable, match="more than 32768 lists and strings"):
        decode('{"inputs": {"a": [' + "[]," * 2**15 + "[]]}}")

    rows = json.dumps([[1, 2]] * (2**15 - 100))
    assert decode('{"inputs": {"a": ' + rows + "}}").message.tensors["a"].shape == (2**15 - 100, 2)


def test_a_string_of_many_escapes_is_refused() -> None:
    """It would hold the GIL."""
    with pytest.raises(Unprocessable, match="too many escapes"):
        decode('{"inputs": {"a": [[1]]}, "b": "' + '\\"' * 100_000 + '"}')
    decode('{"inputs": {"a": [[1]]}, "b": "' + '\\"' * 10_000 + "a" * 100_000 + '"}')


def test_a_long_name_is_refused() -> None:
    """The text beside the tensors has a limit."""
    with pytest.raises(TooLarge):
        decode('{"inputs": {"' + "a" * 2**21 + '": [[1]]}}')


def test_a_plan_has_shapes_alone() -> None:
    """By name, or one."""
    text = b'{"inputs": {"a": {"shape": [1, 2]}, "b": {"shape": [3], "dtype": "bool"}}, "poolings": []}'
    metadata, are_named, fields, texts = decode_named_plan(memoryview(text), {"x": "1"}, accept)

    assert are_named
    assert {name: (each.dtype.name, each.shape) for name, each in metadata.items()} == {
        "a": ("float32", (1, 2)),
        "b": ("bool", (3,)),
    }
    assert (fields, texts) == ({"poolings": []}, {"x": "1"})
    one = decode_named_plan(memoryview(b'{"input": {"shape": [1, 2]}}'), {}, accept)
    assert (list(one[0]), one[1]) == (["input"], False)
