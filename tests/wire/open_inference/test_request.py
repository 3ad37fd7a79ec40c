"""The JSON part of a request: each member is checked, and a refusal points at it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.wire.open_inference.request import (
    ELEMENT_TYPE_BY_DATATYPE,
    MAX_ID_CHARS,
    MAX_TENSORS,
    InferInput,
    InferRequest,
    RegionRange,
    RequestedOutput,
    element_type_of,
    read_request,
)

FLOAT32 = ELEMENT_TYPES["float32"]
REGION = {"shared_memory_region": "r", "shared_memory_byte_size": 24}


def an_input(**changed: object) -> dict[str, object]:
    """A valid input, with an empty list as the reader leaves it; None removes a member."""
    entry: dict[str, object] = {"name": "input", "shape": [2, 3], "datatype": "FP32", "data": []} | changed
    return {name: value for name, value in entry.items() if value is not None}


def refusal(document: dict[str, object]) -> tuple[str, str]:
    """The pointer and the message of the refusal of a document."""
    with pytest.raises(Unprocessable) as caught:
        read_request(document)
    [problem] = caught.value.problems or [None]
    return ("" if problem is None else problem.pointer), caught.value.detail


def test_a_whole_request() -> None:
    """Every member that the protocol and its extensions have."""
    found = read_request(
        {
            "id": "a",
            "model_name": "ignored",
            "model_version": 7,
            "parameters": {"kernel_size": 2, "any": [None]},
            "inputs": [
                an_input(),
                an_input(name="b", data=None, parameters={"binary_data_size": 24}),
                an_input(name="c", data=None, parameters=REGION | {"shared_memory_offset": 2**63 - 1}),
                an_input(name="d", data=None, parameters=REGION),
            ],
            "outputs": [
                {"name": "output"},
                {"name": "b", "parameters": {"binary_data": True}},
                {"name": "c", "parameters": {"binary_data": False, "classification": 3}},
                {"name": "d", "parameters": {**REGION, "binary_data": False}},
                {"name": "e", "parameters": {}},
            ],
        }
    )

    assert found == InferRequest(
        "a",
        {"kernel_size": 2, "any": [None]},
        (
            InferInput("input", FLOAT32, (2, 3), list_number=0),
            InferInput("b", FLOAT32, (2, 3), binary_bytes=24),
            InferInput("c", FLOAT32, (2, 3), region=RegionRange("r", 24, 2**63 - 1)),
            InferInput("d", FLOAT32, (2, 3), region=RegionRange("r", 24, 0)),
        ),
        (
            RequestedOutput("output"),
            RequestedOutput("b", True),
            RequestedOutput("c", False, 3),
            RequestedOutput("d", False, 0, RegionRange("r", 24, 0)),
            RequestedOutput("e"),
        ),
    )
    assert found.inputs[0].metadata.nbytes == 24


def test_the_least_request() -> None:
    """All but the inputs may be left out."""
    assert read_request({"inputs": [an_input()]}) == InferRequest(
        "", {}, (InferInput("input", FLOAT32, (2, 3), list_number=0),), ()
    )


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_every_element_type_has_a_datatype(name: str) -> None:
    """The names are those of the protocol."""
    dtype = ELEMENT_TYPES[name]

    assert element_type_of(dtype.open_inference_name, "/") is dtype
    assert len(ELEMENT_TYPE_BY_DATATYPE) == len(ELEMENT_TYPES)


@pytest.mark.parametrize("datatype", ["UINT128", "BYTES", "float32", "", None, 32, ["FP32"], {"a": 1}])
def test_another_datatype_is_refused_with_the_known_ones(datatype: object) -> None:
    """The client converts to one of them."""
    with pytest.raises(Unprocessable, match="FP16, BF16, FP32, FP64, INT8") as caught:
        element_type_of(datatype, "/inputs/0/datatype")

    assert (caught.value.code, caught.value.problems[0].pointer) == ("unsupported_dtype", "/inputs/0/datatype")


@pytest.mark.parametrize(
    ("changed", "pointer", "words"),
    [
        ({"name": None}, "/inputs/0/name", "name"),
        ({"name": ""}, "/inputs/0/name", "write a string"),
        ({"name": 1}, "/inputs/0/name", "write a string"),
        ({"shape": None}, "/inputs/0/shape", "write a list"),
        ({"shape": 6}, "/inputs/0/shape", "write a list"),
        ({"shape": [2, -3]}, "/inputs/0/shape/1", "whole number"),
        ({"shape": [2.0, 3]}, "/inputs/0/shape/0", "whole number"),
        ({"shape": [True, 3]}, "/inputs/0/shape/0", "whole number"),
        ({"shape": [2**63]}, "/inputs/0/shape/0", "whole number"),
        ({"shape": [2**32, 2**31]}, "/inputs/0/shape", "more than"),
        ({"shape": [4, 2**60 + 2]}, "/inputs/0/shape", "more than"),
        ({"shape": [2**40, 2**40, 0]}, "/inputs/0/shape", "more than"),
        ({"shape": [1] * 33}, "", "33 dimensions"),
        ({"shape": []}, "", "no dimension"),
        ({"datatype": "X"}, "/inputs/0/datatype", "FP32"),
        ({"data": None}, "/inputs/0", "exactly one"),
        ({"parameters": REGION}, "/inputs/0", "exactly one"),
        ({"parameters": {"binary_data_size": 24}}, "/inputs/0", "exactly one"),
        ({"data": None, "parameters": {"binary_data_size": 24, **REGION}}, "/inputs/0", "exactly one"),
        ({"data": "1,2"}, "/inputs/0/data", "list of numbers"),
        ({"data": 0}, "/inputs/0/data", "list of numbers"),
        ({"data": [1]}, "/inputs/0/data", "list of numbers"),
        ({"dat": []}, "/inputs/0/dat", "unknown member"),
        ({"parameters": []}, "/inputs/0/parameters", "write an object"),
        ({"parameters": {"binary_data": 1}}, "/inputs/0/parameters/binary_data", "unknown member"),
        ({"data": None, "parameters": {"binary_data_size": -1}}, "/inputs/0/parameters/binary_data_size", "whole"),
        ({"data": None, "parameters": {"binary_data_size": 24.0}}, "/inputs/0/parameters/binary_data_size", "whole"),
        ({"data": None, "parameters": {"binary_data_size": None}}, "/inputs/0/parameters/binary_data_size", "whole"),
        ({"data": None, "parameters": {"binary_data_size": 23}}, "/inputs/0/parameters/binary_data_size", "24 bytes"),
        (
            {"data": None, "parameters": REGION | {"shared_memory_byte_size": 25}},
            "/inputs/0/parameters/shared_memory_byte_size",
            "24 bytes",
        ),
        ({"data": None, "parameters": {"shared_memory_region": "r"}}, "/inputs/0/parameters", "needs"),
        ({"data": None, "parameters": {"shared_memory_byte_size": 24}}, "/inputs/0/parameters", "needs"),
        ({"data": None, "parameters": {"shared_memory_offset": 0}}, "/inputs/0/parameters", "needs"),
        ({"data": None, "parameters": REGION | {"shared_memory_region": 1}}, "/inputs/0/parameters", "needs"),
        (
            {"data": None, "parameters": REGION | {"shared_memory_offset": 2**64 - 32}},
            "/inputs/0/parameters/shared_memory_offset",
            "whole",
        ),
    ],
    ids=repr,
)
def test_an_invalid_input_is_refused_at_its_member(changed: dict[str, object], pointer: str, words: str) -> None:
    """The message says what to write instead."""
    found, detail = refusal({"inputs": [an_input(**changed)]})

    assert found == pointer
    assert words in detail


@pytest.mark.parametrize(
    ("output", "pointer", "words"),
    [
        ("output", "/outputs/0", "write an object"),
        ({}, "/outputs/0/name", "write a string"),
        ({"name": "o", "data": []}, "/outputs/0/data", "unknown member"),
        ({"name": "o", "parameters": 1}, "/outputs/0/parameters", "write an object"),
        ({"name": "o", "parameters": {"binary": True}}, "/outputs/0/parameters/binary", "unknown member"),
        ({"name": "o", "parameters": {"binary_data": 1}}, "/outputs/0/parameters/binary_data", "true or false"),
        ({"name": "o", "parameters": {"classification": "2"}}, "/outputs/0/parameters/classification", "whole"),
        ({"name": "o", "parameters": {"classification": 2**31}}, "/outputs/0/parameters/classification", "whole"),
        ({"name": "o", "parameters": {**REGION, "classification": 1}}, "/outputs/0/parameters", "excludes"),
        ({"name": "o", "parameters": {**REGION, "binary_data": True}}, "/outputs/0/parameters", "excludes"),
        ({"name": "o", "parameters": {"shared_memory_region": "r"}}, "/outputs/0/parameters", "needs"),
    ],
    ids=repr,
)
def test_an_invalid_output_is_refused_at_its_member(output: object, pointer: str, words: str) -> None:
    """The message says what to write instead."""
    found, detail = refusal({"inputs": [an_input()], "outputs": [output]})

    assert found == pointer
    assert words in detail


@pytest.mark.parametrize(
    ("members", "pointer", "words"),
    [
        ({"id": 1}, "/id", "write a string"),
        ({"id": None}, "/id", "write a string"),
        ({"id": "a" * (MAX_ID_CHARS + 1)}, "/id", "at most 1024"),
        ({"inputs": None}, "/inputs", "write a list"),
        ({"inputs": []}, "/inputs", "missing or empty"),
        ({"inputs": {}}, "/inputs", "write a list"),
        ({"inputs": [an_input()] * (MAX_TENSORS + 1)}, "/inputs", f"at most {MAX_TENSORS}"),
        ({"inputs": [an_input(), an_input()]}, "/inputs", "twice"),
        ({"inputs": [1]}, "/inputs/0", "write an object"),
        ({"outputs": None}, "/outputs", "write a list"),
        ({"outputs": "output"}, "/outputs", "write a list"),
        ({"outputs": [{"name": str(index)} for index in range(MAX_TENSORS + 1)]}, "/outputs", f"at most {MAX_TENSORS}"),
        ({"outputs": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, "/outputs", "twice"),
        ({"parameters": None}, "/parameters", "write an object"),
        ({"input": []}, "/input", "did you mean inputs"),
        ({"kernel_size": 2}, "/kernel_size", "into parameters"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_invalid_member_is_refused(members: dict[str, object], pointer: str, words: str) -> None:
    """A misspelt one is not ignored."""
    found, detail = refusal({"inputs": [an_input()]} | members)

    assert found == pointer
    assert words in detail


def test_inputs_are_needed() -> None:
    """The message has an example."""
    pointer, detail = refusal({})

    assert pointer == "/inputs"
    example = json.loads(detail[detail.index("{") :].rstrip("."))
    example["inputs"][0]["data"] = []
    assert read_request(example).inputs[0].metadata.element_count == 4


def test_limits_include_their_ends() -> None:
    """The longest id, and the most tensors."""
    found = read_request(
        {
            "id": "é" * MAX_ID_CHARS,
            "inputs": [an_input(name=str(index)) for index in range(MAX_TENSORS)],
            "outputs": [{"name": str(index)} for index in range(MAX_TENSORS)],
        }
    )

    assert (len(found.id), len(found.inputs), len(found.outputs)) == (MAX_ID_CHARS, MAX_TENSORS, MAX_TENSORS)
    assert [each.list_number for each in found.inputs] == list(range(MAX_TENSORS))


KEYS = st.sampled_from(
    ["id", "inputs", "outputs", "parameters", "name", "shape", "datatype", "data", "binary_data_size", "binary_data"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["FP32", "INT64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(KEYS, JSON, max_size=4),
    st.lists(st.dictionaries(KEYS, JSON, max_size=4).map(lambda more: an_input() | more), max_size=2),
)
def test_any_document_is_read_or_refused(document: dict[str, Any], inputs: list[dict[str, Any]]) -> None:
    """No value of any type in any place is a bug of the service, or a message without end."""
    refused = None
    try:
        assert read_request(document | ({"inputs": inputs} if inputs else {})).inputs
    except Unprocessable as error:
        refused = error
    if refused is not None:
        assert len(refused.detail) < 1000
        assert all(len(problem.pointer) <= 120 for problem in refused.problems)
