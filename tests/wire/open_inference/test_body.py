"""The JSON part of a body, and the bytes behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.http import InferenceServerClient, InferInput

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES
from poolhouse.errors import Malformed, PoolhouseError, Unprocessable
from poolhouse.tensors import Tensor
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.scanner import MAX_TENSORS
from poolhouse.wire.open_inference.body import check_binary_length, read_tensors, read_text, split_body
from poolhouse.wire.open_inference.request import InferInput as Given
from poolhouse.wire.open_inference.request import InferRequest, RegionRange
from tests.checked_requests import comparable_bits
from tests.hypothesis_profiles import scaled_examples
from tests.wire.tensor_strategies import tensors

TENSOR = Tensor(ELEMENT_TYPES["float32"], np.arange(6, dtype=np.float32).reshape(1, 6))


@pytest.fixture(params=["compiled", "python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read with the compiled loops, and without, as where numba is not installed."""
    assert compiled_reader.is_ready()
    if request.param == "python":
        monkeypatch.setattr(compiled_reader, "is_ready", lambda: False)
    name: str = request.param
    return name


def no_region(given: Given, source: RegionRange) -> Tensor:
    raise AssertionError("no input is in shared memory")


def read(body: bytes, length: int | None) -> tuple[InferRequest, Mapping[str, Tensor]]:
    """The request and the tensors of a body."""
    text, binary = split_body(memoryview(bytearray(body)), length)
    parsed = read_text(text)
    request = parsed.parse()
    check_binary_length(request, len(binary))
    return request, read_tensors(request, parsed.lists, binary, no_region)


def client_body(given_tensors: Mapping[str, tuple[Tensor, bool]], **options: Any) -> tuple[bytes, int | None]:
    """The body that Triton's client makes, and the length of its JSON part; it has no JSON form of bfloat16."""
    inputs = []
    for name, (tensor, binary) in given_tensors.items():
        is_bfloat16 = tensor.dtype is BFLOAT16
        array = tensor.array.view(ml_dtypes.bfloat16) if is_bfloat16 else tensor.array
        entry = InferInput(name, list(tensor.shape), tensor.dtype.open_inference_name)
        inputs.append(entry.set_data_from_numpy(array, binary_data=binary or is_bfloat16))
    body, length = InferenceServerClient.generate_request_body(inputs, **options)
    return body, length


@pytest.mark.parametrize("is_compiled", [True, False])
def test_what_the_client_sends_is_read_bit_for_bit(is_compiled: bool) -> None:
    """Two tensors of any datatype, shape and form: NaN, infinities, minus zero, denormals, 2^63-1, none at all."""

    @given(st.tuples(tensors(), st.booleans()), st.tuples(tensors(), st.booleans()), st.text(max_size=9))
    def law(one: tuple[Tensor, bool], other: tuple[Tensor, bool], name: str) -> None:
        body, length = client_body({"input": one, "indices": other}, request_id=name)

        request, found = read(body, length)

        expected = {"input": one[0], "indices": other[0]}
        assert request.id == name
        assert list(found) == ["input", "indices"]
        assert comparable_bits(found) == comparable_bits(expected)
        assert all(tensor.array.flags.aligned and tensor.array.flags.c_contiguous for tensor in found.values())

    with pytest.MonkeyPatch.context() as patch:
        if not is_compiled:
            patch.setattr(compiled_reader, "is_ready", lambda: False)
        law()


EDITS = (
    "",
    "0",
    "-",
    ".5",
    "1e400",
    '"',
    "\\",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "NaN",
    "Infinity",
    "-0",
    "null",
    "\x00",
    " ",
)


def outcome(text: bytes) -> tuple[object, ...]:
    """What a text is read as: its request and tensors, or the status of its refusal."""
    try:
        parsed = read_text(memoryview(text))
        request = parsed.parse()
        check_binary_length(request, 0)
        return request, comparable_bits(read_tensors(request, parsed.lists, memoryview(b""), no_region))
    except PoolhouseError as error:
        # The protocol has one status for what is no JSON and for what is no request.
        return (400 if error.status == 422 else error.status,)


@scaled_examples(400)
@given(
    st.integers(0, 2**32 - 1).map(Random),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.sampled_from(EDITS)), max_size=3),
)
def test_both_readers_agree_on_damaged_texts(random: Random, edits: list[tuple[int, int, str]]) -> None:
    """A service without compiled loops takes the same requests, and refuses the same."""
    document = {
        "id": random.choice(["", "a", "é"]),
        "parameters": {"kernel_size": [2, 2], "a": {"data": [1]}},
        "inputs": [
            {"name": "input", "shape": [1, 2], "datatype": random.choice(["FP32", "INT8"]), "data": [[1, -0.0]]},
            {"name": "indices", "datatype": "INT64", "data": [2**63 - 1, 0], "shape": [2]},
            {"name": "mask", "shape": [2], "data": [True, False], "datatype": "BOOL"},
        ][: random.choice([1, 2, 3])],
    }
    text = json.dumps(document)
    for place, length, replacement in edits:
        text = text[:place] + replacement + text[place + length :]
    encoded = text.encode()

    found = outcome(encoded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_reader, "is_ready", lambda: False)
        assert outcome(encoded) == found


TEXT = '{"id": "a", "inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]]}]}'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"a"', "NaN"),
        ('"id"', "NaN"),
        ("[1, 2]", "[1, Infinity]"),
        ("[[1, 2]]", "NaN"),
        ("[[1, 2]]", "[[NaN1, 2]]"),
        ("[[1, 2]]", "[[1NaN, 2]]"),
        ("[[1, 2]]", "[[1 NaN, 2]]"),
        ("[[1, 2]]", "[[-NaN, 2]]"),
        ("[[1, 2]]", "[[+Infinity, 2]]"),
        ("[[1, 2]]", "[[NaN, 1e400]]"),
        ("[[1, 2]]", '[[NaN, "\\ud800"]]'),
        ("[[1, 2]]", '[[NaN, {"a": NaN}]]'),
        ("[[1, 2]]", "[" * 990 + "NaN" + "]" * 990),
        ('"a"', '"\\ud800", "b": NaN'),
        ('"a"', '"\\ud800'),
    ],
)
def test_bare_nan_is_read_in_lists_only(reader: str, old: str, new: str) -> None:
    """The lenient parser that they need would take much else that the strict one refuses."""
    with pytest.raises(PoolhouseError) as caught:
        read(TEXT.replace(old, new, 1).encode(), None)

    assert caught.value.status in (400, 422)


def test_bare_nan_beside_quoted_and_named_ones(reader: str) -> None:
    """A string that looks like a token is a string, also behind an escaped quote."""
    text = TEXT.replace('"a"', '"NaN \\" Infinity"').replace("[[1, 2]]", '[[NaN, "-Infinity"]]')
    parsed = read_text(memoryview(text.encode()))

    request = parsed.parse()
    [[one, other]] = read_tensors(request, parsed.lists, memoryview(b""), no_region)["input"].array.tolist()

    assert request.id == 'NaN " Infinity'
    assert np.isnan(one)
    assert other == -np.inf


@given(st.binary(max_size=20), st.none() | st.integers(0, 30))
def test_a_body_is_split_exactly(body: bytes, length: int | None) -> None:
    """No byte is lost or read twice, and neither part begins outside of the body."""
    whole = len(body) if length is None else length
    if not 0 < whole <= len(body):
        with pytest.raises(Malformed):
            split_body(memoryview(body), length)
        return

    text, binary = split_body(memoryview(body), length)

    assert (len(text), bytes(text) + bytes(binary)) == (whole, body)


@pytest.mark.parametrize("missing", [-24, -1, 1, 100])
def test_the_bytes_behind_the_text_are_counted(missing: int) -> None:
    """More or fewer than announced: every tensor but the first would begin at the wrong byte."""
    body, length = client_body({"input": (TENSOR, True)})
    parsed = read_text(split_body(memoryview(body), length)[0])

    check_binary_length(parsed.parse(), 24)
    with pytest.raises(Malformed, match=f"add up to 24, and {24 + missing} bytes follow"):
        check_binary_length(parsed.parse(), 24 + missing)


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("count", [6, 20_000])
@pytest.mark.parametrize("offset", range(9))
def test_elements_may_begin_at_any_address(name: str, count: int, offset: int) -> None:
    """Aligned ones are a view of the body; others are copied once, since compiled loops need aligned elements."""
    dtype = ELEMENT_TYPES[name]
    elements = (np.arange(count) % 2).astype(dtype.storage)
    memory = bytearray(elements.nbytes + 128)
    start = -np.frombuffer(memory, np.uint8).ctypes.data % 64 + offset
    binary = memoryview(memory)[start : start + elements.nbytes]
    binary[:] = elements.tobytes()
    request = InferRequest("", {}, (Given("input", dtype, (1, count), binary_bytes=elements.nbytes),), ())

    found = read_tensors(request, {}, binary, no_region)["input"]

    assert found.array.flags.aligned
    assert found.array.tobytes() == elements.tobytes()
    assert np.shares_memory(found.array, np.frombuffer(memory, np.uint8)) == (offset % dtype.itemsize == 0)


def test_an_input_in_shared_memory_is_read_by_the_caller() -> None:
    """Its range is passed on, and no byte of the body belongs to it."""
    source = RegionRange("r", 24, 8)
    dtype = TENSOR.dtype
    inputs = (Given("indices", dtype, (1, 6), region=source), Given("input", dtype, (1, 6), binary_bytes=24))
    seen = []

    def read_region(given: Given, found: RegionRange) -> Tensor:
        seen.append((given.name, found))
        return TENSOR

    tensors_read = read_tensors(InferRequest("", {}, inputs, ()), {}, memoryview(TENSOR.array.tobytes()), read_region)

    assert seen == [("indices", source)]
    assert tensors_read["indices"] is TENSOR
    assert tensors_read["input"].array.tobytes() == TENSOR.array.tobytes()


def document(**changed: object) -> dict[str, Any]:
    """A request with two lists."""
    return {
        "inputs": [
            {"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]},
            {"name": "indices", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]},
        ],
        "parameters": {"kernel_size": 2},
    } | changed


def key_of(given_document: dict[str, Any]) -> bytes:
    """The key of a request's text."""
    key = read_text(memoryview(json.dumps(given_document).encode())).key
    assert key is not None
    return key


def test_the_key_depends_on_all_but_the_elements() -> None:
    """Requests with the same key share a plan: it must not be that of another shape, datatype or field."""
    first = key_of(document())
    same = document()
    same["inputs"][0]["data"], same["inputs"][1]["data"] = [[9.5, float("nan")]], [0, 0]

    assert key_of(same) == first
    for path, value in (("name", "x"), ("shape", [2, 1]), ("datatype", "FP64"), ("data", "ab"), ("more", 1)):
        other = document()
        other["inputs"][0][path] = value
        assert key_of(other) != first
    for other in (document(id="a"), document(parameters={"kernel_size": 3}), document(parameters={"data": [1, 2]})):
        assert key_of(other) != first


def test_lists_elsewhere_are_no_elements(reader: str) -> None:
    """A parameter named data or inputs is a parameter."""
    parameters = {"data": [1, 2], "inputs": [{"data": [5]}], "nested": {"data": [7]}}
    parsed = read_text(memoryview(json.dumps(document(parameters=parameters)).encode()))

    assert parsed.parse().parameters == parameters
    assert sorted(parsed.lists) == [0, 1]


@pytest.mark.parametrize("data", [[], [1, 2]])
def test_more_lists_than_any_operator_takes_are_refused(reader: str, data: list[int]) -> None:
    """They are not even converted."""
    entry = {"shape": [len(data)], "datatype": "FP32", "data": data}
    inputs = [{"name": f"x{number}", **entry} for number in range(MAX_TENSORS + 1)]
    parsed = read_text(memoryview(json.dumps({"inputs": inputs}).encode()))

    with pytest.raises(Unprocessable, match=f"^There are {MAX_TENSORS + 1} inputs|^data of x{MAX_TENSORS} is a list"):
        read_tensors(parsed.parse(), parsed.lists, memoryview(b""), no_region)


@pytest.mark.parametrize("name", ["\\u0064ata", "d\\u0061ta"])
def test_an_escaped_name_is_the_same_name(reader: str, name: str) -> None:
    """A writer may escape any character."""
    text = json.dumps(document()).replace('"data"', f'"{name}"')
    parsed = read_text(memoryview(text.encode()))

    found = read_tensors(parsed.parse(), parsed.lists, memoryview(b""), no_region)

    assert found["input"].array.tolist() == [[1, 2]]
    assert found["indices"].array.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("index", "data", "pointer"),
    [(0, [1, "x"], "/inputs/0/data"), (1, [1, 2.5], "/inputs/1/data"), (1, [1], "/inputs/1/data")],
)
def test_the_pointer_of_a_wrong_element(reader: str, index: int, data: object, pointer: str) -> None:
    """A form or a program shows the message at the element."""
    given_document = document()
    given_document["inputs"][index]["data"] = data
    parsed = read_text(memoryview(json.dumps(given_document).encode()))

    with pytest.raises(Unprocessable) as caught:
        read_tensors(parsed.parse(), parsed.lists, memoryview(b""), no_region)

    assert caught.value.problems[0].pointer.startswith(pointer)


@pytest.mark.parametrize("byte", [2, 255])
def test_a_boolean_is_0_or_1(byte: int) -> None:
    """Another byte is true in some loops and a number in others, so booleans are never taken as they are."""
    given_input = Given("input", ELEMENT_TYPES["bool"], (1, 2), binary_bytes=2)
    request = InferRequest("", {}, (given_input,), ())

    assert read_tensors(request, {}, memoryview(b"\x01\x00"), no_region)["input"].array.tolist() == [[True, False]]
    with pytest.raises(Unprocessable, match="neither 0 nor 1"):
        read_tensors(request, {}, memoryview(bytes([0, byte])), no_region)
