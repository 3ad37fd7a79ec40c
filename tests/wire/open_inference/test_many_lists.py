"""The lists of all inputs that an operator may have are read, by both readers."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.tensor_names import TENSOR_NAMES, TENSOR_TYPES
from poolhouse.tensors import Tensor
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.scanner import MAX_TENSORS
from poolhouse.wire.open_inference.body import read_tensors, read_text
from poolhouse.wire.open_inference.request import InferInput, RegionRange
from tests.hypothesis_profiles import scaled_examples
from tests.wire.tensor_strategies import same_bits

READERS = ("compiled", "python")


def no_region(given_input: InferInput, source: RegionRange) -> Tensor:
    raise AssertionError("no input is in shared memory")


def read(inputs: list[dict[str, object]], reader: str) -> Mapping[str, Tensor]:
    """The tensors of a request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_reader, "is_ready", lambda: reader == "compiled")
        parsed = read_text(memoryview(json.dumps({"id": "a", "inputs": inputs}).encode()))
        return read_tensors(parsed.parse(), parsed.lists, memoryview(b""), no_region)


NUMBERS = {"integer": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), "float": st.floats(width=32)}


@st.composite
def given_tensors(draw: st.DrawFn) -> dict[str, Tensor]:
    """One-dimensional tensors in any order."""
    names = draw(st.permutations(TENSOR_NAMES))[: draw(st.integers(1, MAX_TENSORS))]
    found = {}
    for name in names:
        dtype = TENSOR_TYPES[name]
        found[name] = Tensor(dtype, np.array(draw(st.lists(NUMBERS[dtype.kind], max_size=3)), dtype.storage))
    return found


@scaled_examples(150)
@given(given_tensors(), st.sampled_from(READERS))
def test_every_list_is_read(tensors: dict[str, Tensor], reader: str) -> None:
    """With NaN without quotes, and integers that no float holds."""
    inputs: list[dict[str, object]] = [
        {
            "name": name,
            "shape": list(tensor.shape),
            "datatype": tensor.dtype.open_inference_name,
            "data": tensor.array.tolist(),
        }
        for name, tensor in tensors.items()
    ]

    found = read(inputs, reader)

    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "integer":
            assert same_bits(found[name], tensor)
        else:
            assert found[name].metadata == tensor.metadata
            np.testing.assert_array_equal(found[name].array, tensor.array)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_bare_nan_or_infinity_may_end_the_text(word: str, reader: str) -> None:
    """Behind it are fewer characters than the longest of these words has."""
    inputs: list[dict[str, object]] = [{"name": "input", "shape": [1], "datatype": "FP32", "data": [float(word)]}]

    found = read(inputs, reader)

    np.testing.assert_array_equal(found["input"].array, np.array([float(word)], np.float32))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("index", range(MAX_TENSORS))
def test_a_wrong_element_is_named_in_any_list(index: int, reader: str) -> None:
    """The lists before it are read, and their elements are not disturbed by a second scan."""
    inputs: list[dict[str, object]] = [
        {"name": f"x{number}", "shape": [2], "datatype": "INT64", "data": [1, 1.5 if number == index else 2**60 + 1]}
        for number in range(MAX_TENSORS)
    ]

    with pytest.raises(Unprocessable) as caught:
        read(inputs, reader)

    assert caught.value.problems[0].pointer == f"/inputs/{index}/data/1"


@pytest.mark.parametrize("reader", READERS)
def test_a_list_behind_the_last_one_may_hold_no_bare_nan(reader: str) -> None:
    """It is left to the strict parser."""
    inputs: list[dict[str, object]] = [
        {"name": f"x{number}", "shape": [1], "datatype": "FP32", "data": [1.0]} for number in range(MAX_TENSORS)
    ]
    inputs.append({"name": "more", "shape": [1], "datatype": "FP32", "data": [float("nan")]})

    with pytest.raises(PoolhouseError) as caught:
        read(inputs, reader)

    assert caught.value.code == "malformed_body"
