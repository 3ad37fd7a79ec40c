"""The bound of a response's JSON text by shape and type."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType, bfloat16_to_float32
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json.encoded_size import MAX_ELEMENT_CHARS, max_text_bytes, nested_list_bytes
from poolhouse.wire.json.encoder import encode_json
from tests.wire.tensor_strategies import ALL_TYPES, NAMES, tensors

by_type = pytest.mark.parametrize("dtype", ALL_TYPES, ids=lambda dtype: dtype.name)


@given(NAMES, tensors(), st.sampled_from(["list", "base64"]))
def test_no_text_is_longer_than_its_bound(name: str, tensor: Tensor, encoding: str) -> None:
    """Memory is reserved by the bound before the text is printed."""
    text = encode_json(Message({name: tensor}, json_encoding=encoding))

    assert len(text) <= max_text_bytes(tensor.metadata, encoding)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_brackets_and_commas_are_counted_to_the_last(shape: list[int]) -> None:
    """The text of an empty tensor consists of them alone; a loose bound would refuse requests that fit."""
    tensor = Tensor(ELEMENT_TYPES["uint8"], np.zeros(shape, np.uint8))

    data = orjson.dumps(tensor.array, option=orjson.OPT_SERIALIZE_NUMPY)

    assert nested_list_bytes(shape, 1) == len(data)


def numbers_with_many_digits(dtype: ElementType) -> list[float]:
    """The limits of the type, and for every power of ten random numbers of that size, which have the most digits."""
    limits = np.iinfo(dtype.name) if dtype.kind == "integer" else None
    if limits:
        return [limits.min, limits.max]
    return [sign * mantissa * 10.0**power for sign in (1, -1) for mantissa in MANTISSAS for power in range(-330, 309)]


MANTISSAS = np.random.default_rng(7).uniform(1, 10, 200).tolist()


@by_type
def test_no_element_is_longer_than_its_bound(dtype: ElementType) -> None:
    """In plain and in exponent notation."""
    if dtype is BFLOAT16:
        array = bfloat16_to_float32(np.arange(2**16, dtype=np.uint16))
    elif dtype.name == "float16":
        array = np.arange(2**16, dtype=np.uint16).view(np.float16)
    else:
        with np.errstate(over="ignore", under="ignore"):
            numbers = numbers_with_many_digits(dtype)
            array = np.array(numbers, None if dtype.kind == "float" else dtype.storage).astype(dtype.storage)

    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)

    longest = max(map(len, text[1:-1].split(b",")))
    assert longest <= MAX_ELEMENT_CHARS[dtype.name] <= longest + 1


def test_the_bound_of_an_enormous_shape_is_known_at_once() -> None:
    """The closed form needs no time for shapes that no memory could hold."""
    metadata = TensorMetadata(ELEMENT_TYPES["float32"], (2**31, 2**31, 0))

    assert max_text_bytes(metadata, "list") > 2**62
    assert max_text_bytes(metadata, "base64") < 1000
