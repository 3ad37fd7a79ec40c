"""The text of a response: its entries and fields, in lists or base64, by whichever printer."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.json import compiled_reader, encoder
from poolhouse.wire.json.encoder import encode_json, list_elements
from tests.hypothesis_profiles import scaled_examples
from tests.wire.tensor_strategies import tensors


@given(tensors())
def test_lists_of_any_shape_are_printed_alike(tensor: Tensor) -> None:
    """By orjson and by the compiled loop, with non-finite elements anywhere."""
    message = Message({"a": tensor, "b": tensor}, {"seed": 7})

    whole = bytes(encode_json(message))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_ORJSON_MAX_BYTES", 0)
        patch.setattr(encoder, "_CHUNK_ELEMENTS", 3)
        by_loop = bytes(encode_json(message))
        patch.setattr(compiled_reader, "is_ready", lambda: False)
        by_orjson = bytes(encode_json(message))

    assert whole == by_loop == by_orjson


@scaled_examples(60)
@given(tensors())
def test_base64_holds_the_bytes_of_the_tensor(tensor: Tensor) -> None:
    """By either printer; a client reads the elements from these bytes and the shape beside them."""
    message = Message({"x": tensor}, {"seed": 7}, json_encoding="base64")

    short = bytes(encode_json(message))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_ORJSON_MAX_BYTES", 0)
        by_loop = bytes(encode_json(message))

    assert short == by_loop
    entry = json.loads(short)["x"]
    assert base64.b64decode(entry["base64"], validate=True) == bytes(tensor.buffer)
    assert (entry["dtype"], entry["shape"]) == (tensor.dtype.name, list(tensor.shape))


@pytest.mark.parametrize("encoding", ["list", "base64"])
@pytest.mark.parametrize("is_ready", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("fields", [{}, {"seed": 7, "note": 'a"}'}])
def test_every_number_of_tensors_and_fields_is_one_object(
    encoding: str, is_ready: bool, count: int, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comma or a brace too many makes the whole response unreadable."""
    monkeypatch.setattr(compiled_reader, "is_ready", lambda: is_ready)
    monkeypatch.setattr(encoder, "_ORJSON_MAX_BYTES", 0)
    named = {f"t{place}": Tensor(FLOAT32, np.ones((1, 2), np.float32)) for place in range(count)}

    document = json.loads(bytes(encode_json(Message(named, fields, json_encoding=encoding))))

    assert list(document) == [*named, *fields]
    assert {name: document[name] for name in fields} == fields


def test_a_name_is_escaped() -> None:
    """The names of outputs are ours today; a quote in one must not end the key."""
    tensor = Tensor(ELEMENT_TYPES["uint8"], np.zeros(1, np.uint8))

    assert list(json.loads(bytes(encode_json(Message({'a"b\n': tensor}))))) == ['a"b\n']


@pytest.mark.parametrize("longest", [0, 1 << 20])
def test_signs_of_nonfinite_elements_are_kept(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """orjson prints null for each of the three, so their order must not change."""
    monkeypatch.setattr(encoder, "_ORJSON_MAX_BYTES", longest)
    values = np.array([np.inf, 1, -np.inf, np.nan, -0.0, -np.nan], np.float32)

    text = bytes(encode_json(Message({"x": Tensor(FLOAT32, values)})))

    assert json.loads(text)["x"]["data"] == ["Infinity", 1.0, "-Infinity", "NaN", 0.0, "NaN"]
    assert b"-0.0" in text


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint64", "bool"])
def test_elements_as_values_are_those_of_the_text(dtype: str) -> None:
    """A trace names them one by one, and the answer has them in lists."""
    storage = ELEMENT_TYPES[dtype].storage
    tensor = Tensor(ELEMENT_TYPES[dtype], np.arange(6).reshape(2, 3).astype(storage))

    document = json.loads(bytes(encode_json(Message({"output": tensor}))))

    assert list_elements(tensor) == [value for row in document["output"]["data"] for value in row]
    assert list_elements(Tensor(ELEMENT_TYPES["float32"], np.array([np.nan, -np.inf, 0.1], np.float32))) == [
        "NaN",
        "-Infinity",
        0.1,
    ]
