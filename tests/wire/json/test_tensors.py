"""The entry of one tensor in a parsed body: its metadata, its elements, and the error for each fault."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.json.python_reader import ParsedBase64, ParsedList
from poolhouse.wire.json.tensors import read_metadata, read_tensor
from tests.hypothesis_profiles import scaled_examples

FLAT = ParsedList([1, 2, 3, 4, 5, 6])
TEXT = ParsedBase64(base64.b64encode(bytes(24)).decode())


def refused(name: str, value: object) -> tuple[str, list[tuple[str, str]]]:
    """The code of the error, and the pointer and code of each problem."""
    with pytest.raises(Unprocessable) as caught:
        read_tensor(name, value)
    return caught.value.code, [(problem.pointer, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(("name", "dtype"), [*TENSOR_TYPES.items(), ("inputs/mask", FLOAT32)])
def test_a_bare_list_has_the_default_type_of_its_name(name: str, dtype: ElementType) -> None:
    """The shortest request needs no dtype; indices as floats would lose digits."""
    tensor = read_tensor(name, ParsedList([[1, 2], [3, 4]]))

    assert (tensor.dtype, tensor.shape) == (dtype, (2, 2))
    assert tensor.array.tolist() == [[1, 2], [3, 4]]


@scaled_examples(100)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.sampled_from(["flat", "nested", "floats", "base64"]))
def test_every_form_of_the_same_tensor_is_the_same(sizes: list[int], form: str) -> None:
    """Flat with a shape, nested with or without one, sizes as 4.0, or base64."""
    x = np.arange(math.prod(sizes), dtype=np.int16).reshape(sizes)
    shape = [float(size) for size in sizes] if form == "floats" else sizes
    if form == "base64":
        entry = {"base64": ParsedBase64(base64.b64encode(x.tobytes()).decode())}
    else:
        entry = {"data": ParsedList(x.tolist() if form == "nested" else x.reshape(-1).tolist())}  # type: ignore[dict-item]

    tensor = read_tensor("input", {**entry, "shape": shape, "dtype": "int16"})

    assert tensor.shape == x.shape
    assert all(type(size) is int for size in tensor.shape)
    assert np.array_equal(tensor.array, x)


@pytest.mark.parametrize(
    ("value", "code", "pointer", "problem"),
    [
        (None, "invalid_data", "/input", "type"),
        (True, "invalid_data", "/input", "type"),
        ("text", "invalid_data", "/input", "type"),
        ({}, "invalid_data", "/input", "type"),
        ({"data": FLAT, "base64": TEXT, "shape": [6]}, "invalid_data", "/input", "type"),
        ({"data": "1,2"}, "invalid_data", "/input/data", "type"),
        ({"base64": [1], "shape": [6]}, "invalid_data", "/input/base64", "type"),
        ({"base64": TEXT}, "invalid_data", "/input/shape", "type"),
        ({"base64": TEXT, "shape": [7]}, "invalid_data", "/input/base64", "type"),
        ({"base64": ParsedBase64("?"), "shape": [6]}, "invalid_data", "/input/base64", "type"),
        ({"base64": TEXT, "shape": [-6]}, "invalid_data", "/input/shape", "range"),
        ({"base64": TEXT, "shape": [2**62, 4, 0]}, "invalid_data", "/input/shape", "range"),
        ({"data": FLAT, "shape": [2, 2]}, "invalid_data", "/input/data", "type"),
        ({"data": ParsedList([[1, 2, 3], [4, 5, 6]]), "shape": [3, 2]}, "invalid_data", "/input/data", "type"),
        ({"data": ParsedList([[], []]), "shape": [0, 2]}, "invalid_data", "/input/data", "type"),
        ({"data": FLAT, "shape": 6}, "invalid_data", "/input/shape", "type"),
        ({"data": FLAT, "shape": [6.5]}, "invalid_data", "/input/shape", "type"),
        ({"data": FLAT, "shape": [True, 6]}, "invalid_data", "/input/shape", "type"),
        ({"data": FLAT, "shape": ["6"]}, "invalid_data", "/input/shape", "type"),
        ({"data": FLAT, "shape": [2.0**63]}, "invalid_data", "/input/shape", "type"),
        ({"data": FLAT, "dtype": 32}, "invalid_data", "/input/dtype", "type"),
        ({"data": FLAT, "dtype": "float8"}, "unsupported_dtype", "/input/dtype", "type"),
        ({"data": FLAT, "dtypes": "int8"}, "invalid_fields", "/input/dtypes", "unknown"),
        ({"data": FLAT, "x" * 90: 1}, "invalid_fields", "/input/" + "x" * 60, "unknown"),
    ],
)
def test_a_fault_is_refused_with_its_code_and_place(value: object, code: str, pointer: str, problem: str) -> None:
    """A client shows the message beside the field; a fault that passed would pool other elements than it sent."""
    assert refused("input", value) == (code, [(pointer, problem)])


@pytest.mark.parametrize("shape", [[], [1] * 33])
def test_a_shape_of_no_rank_that_can_be_pooled_is_refused(shape: list[int]) -> None:
    """numpy itself would fail on more than its largest rank."""
    assert refused("input", {"base64": ParsedBase64("AAAAAA=="), "shape": shape})[0] == "wrong_rank"


def test_empty_lists_take_the_sizes_behind_the_first_zero_from_the_shape() -> None:
    """Nested lists cannot say how long the lists inside of an empty one are."""
    assert read_tensor("input", {"data": ParsedList([[], []]), "shape": [2, 0, 7]}).shape == (2, 0, 7)
    assert read_tensor("input", {"data": ParsedList([]), "shape": [3, 0]}).shape == (3, 0)


def test_metadata_is_read_without_elements() -> None:
    """A plan takes any shape that a request may have, and needs no memory for it."""
    whole = {"shape": [8, 64.0, 2**20], "dtype": "float16"}

    assert read_metadata("input", whole) == TensorMetadata(ELEMENT_TYPES["float16"], (8, 64, 2**20))
    assert read_metadata("indices", {"shape": [1]}).dtype is INT64


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        (FLAT, "/input"),
        ({"dtype": "int8"}, "/input"),
        ({"shape": [6], "data": FLAT}, "/input/data"),
        ({"shape": [6], "base64": TEXT}, "/input/base64"),
        ({"shape": [-1]}, "/input/shape"),
        ({"shape": [2**61, 8]}, "/input/shape"),
    ],
)
def test_a_plan_refuses_elements_and_impossible_shapes(entry: object, pointer: str) -> None:
    """A client that sends elements to the plan route meant to pool."""
    with pytest.raises(Unprocessable) as caught:
        read_metadata("input", entry)

    assert [problem.pointer for problem in caught.value.problems] == [pointer]
