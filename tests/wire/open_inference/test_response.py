"""Encoded responses, as Triton's client reads them."""

from __future__ import annotations

import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.http import InferenceServerClient

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.json.encoded_size import max_text_bytes
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from poolhouse.wire.open_inference.classification import max_class_bytes
from poolhouse.wire.open_inference.response import (
    BINARY_TYPE,
    JSON_TYPE,
    OutputForm,
    ResponseHead,
    encode_response,
    max_response_text_bytes,
    static_text,
)
from tests.checked_requests import comparable_bits
from tests.wire.tensor_strategies import body_of, tensors

HEAD = ResponseHead("max_pool2d", "1")
FLOAT32 = ELEMENT_TYPES["float32"]


def parse(encoded: EncodedBody) -> Any:
    """The result that the client makes of a response."""
    headers = dict(encoded.headers)
    length = headers.get(HEADER_LENGTH)
    return InferenceServerClient.parse_response_body(
        body_of(encoded), header_length=None if length is None else int(length)
    )


def tensor_of(array: np.ndarray[Any, Any], like: Tensor) -> Tensor:
    """The client's array as a tensor; it gives an empty one any type."""
    if not array.size:
        return Tensor(like.dtype, np.empty(array.shape, like.dtype.storage))
    found = array.view(np.uint16) if array.dtype == ml_dtypes.bfloat16 else array
    return Tensor(like.dtype, found)


@given(st.lists(st.tuples(tensors(), st.booleans()), min_size=1, max_size=4))
def test_the_client_reads_every_bit(given_outputs: list[tuple[Tensor, bool]]) -> None:
    """NaN, infinities, minus zero, denormals and 2^63-1, as JSON and as bytes; JSON has one NaN."""
    outputs = {f"output{index}": tensor for index, (tensor, _) in enumerate(given_outputs)}
    forms = [OutputForm(name, binary) for name, (_, binary) in zip(outputs, given_outputs, strict=True)]

    encoded = encode_response(HEAD, forms, outputs)

    result = parse(encoded)
    assert [each["name"] for each in result.get_response()["outputs"]] == list(outputs)
    found = {name: tensor_of(result.as_numpy(name), tensor) for name, tensor in outputs.items()}
    assert comparable_bits(found) == comparable_bits(outputs)
    for form in forms:
        assert ("data" in result.get_output(form.name)) is not form.is_binary
        if form.is_binary and outputs[form.name].dtype is not BFLOAT16:
            assert found[form.name].array.tobytes() == outputs[form.name].array.tobytes()
    text_bytes = encoded.nbytes - sum(outputs[form.name].metadata.nbytes for form in forms if form.is_binary)
    metadata = {name: tensor.metadata for name, tensor in outputs.items()}
    assert text_bytes <= max_response_text_bytes(HEAD, forms, metadata)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_json_of_special_floats(name: str) -> None:
    """The tokens are those that the client's parser writes and reads; null would become NaN."""
    numbers = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5])
    dtype = ELEMENT_TYPES[name]
    array = (
        (numbers.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
        if dtype is BFLOAT16
        else numbers.astype(dtype.storage)
    )

    encoded = body_of(encode_response(HEAD, [OutputForm("output")], {"output": Tensor(dtype, array)}))

    assert encoded.endswith(b'"data":[NaN,Infinity,-Infinity,-0.0,0.0,1.5]}]}')


@given(
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=5), st.text() | st.booleans() | st.integers(-(2**53), 2**53), max_size=3),
    st.lists(tensors().filter(lambda tensor: tensor.metadata.nbytes > 0), min_size=1, max_size=3),
)
def test_the_text_of_a_static_response_is_that_of_encoding(
    request_id: str, parameters: dict[str, object], given_tensors: list[Tensor]
) -> None:
    """It is made once for many requests, before their outputs exist."""
    outputs = {f"output{index}": tensor for index, tensor in enumerate(given_tensors)}
    head = ResponseHead("m", "1", request_id, parameters)
    forms = [OutputForm(name, True) for name in outputs]

    encoded = encode_response(head, forms, outputs)

    assert encoded.chunks[0] == static_text(head, forms, {name: tensor.metadata for name, tensor in outputs.items()})
    assert encoded.headers == ((HEADER_LENGTH, str(len(encoded.chunks[0]))),)
    document = json.loads(bytes(encoded.chunks[0]))
    assert document.get("id", "") == request_id
    assert document.get("parameters", {}) == parameters


def test_empty_members_are_left_out() -> None:
    """As Triton does."""
    assert ResponseHead("m", "1", "", {}).start() == b'{"model_name":"m","model_version":"1","outputs":['


def test_a_response_without_bytes_is_json() -> None:
    """Also if a tensor is binary, but empty: then no byte follows."""
    tensor = Tensor(FLOAT32, np.zeros((0, 2), np.float32))

    encoded = encode_response(HEAD, [OutputForm("output", True)], {"output": tensor})

    assert (encoded.media_type, encoded.headers, encoded.owns_memory) == (JSON_TYPE, (), True)
    assert json.loads(body_of(encoded))["outputs"] == [
        {"name": "output", "datatype": "FP32", "shape": [0, 2], "parameters": {"binary_data_size": 0}}
    ]


def test_an_output_in_shared_memory_has_no_elements() -> None:
    """The client finds them in its region."""
    tensor = Tensor(FLOAT32, np.zeros((1, 2), np.float32))
    forms = [OutputForm("output", is_written=True), OutputForm("indices", True)]

    encoded = encode_response(HEAD, forms, {"output": tensor, "indices": tensor})

    written, sent = parse(encoded).get_response()["outputs"]
    assert written == {"name": "output", "datatype": "FP32", "shape": [1, 2]}
    assert sent["parameters"] == {"binary_data_size": 8}
    assert encoded.media_type == BINARY_TYPE
    assert encoded.chunks[1:] == (tensor.buffer,)


@pytest.mark.parametrize("binary", [True, False])
def test_a_classification_has_texts(binary: bool) -> None:
    """The client reads them as an array of strings, whose shape is not that of the tensor."""
    tensor = Tensor(FLOAT32, np.array([[1, 3, 5, 9], [4, 3, 2, 1]], np.float32))
    forms = [OutputForm("output", binary, 2), OutputForm("again", True)]

    result = parse(encode_response(HEAD, forms, {"output": tensor, "again": tensor}))

    found = [each.decode() if isinstance(each, bytes) else each for each in result.as_numpy("output").ravel()]
    assert found == ["9.000000:3", "5.000000:2", "4.000000:0", "3.000000:1"]
    assert (result.get_output("output")["datatype"], result.get_output("output")["shape"]) == ("BYTES", [2, 2])
    assert np.array_equal(result.as_numpy("again"), tensor.array)


def test_binary_outputs_are_not_copied() -> None:
    """A large response is sent from the memory of its tensor."""
    tensor = Tensor(FLOAT32, np.zeros((4, 4), np.float32))

    encoded = encode_response(HEAD, [OutputForm("output", True)], {"output": tensor})

    assert np.shares_memory(np.frombuffer(encoded.chunks[1], np.float32), tensor.array)
    assert not encoded.owns_memory


def test_what_is_made_for_a_response_is_charged() -> None:
    """The text of JSON and of classifications; the views of binary outputs cost nothing beyond their metadata."""
    metadata = {"output": TensorMetadata(FLOAT32, (4, 1000))}
    head_bytes = max_response_text_bytes(HEAD, [OutputForm("output", True)], metadata)

    def charged(form: OutputForm) -> int:
        return max_response_text_bytes(HEAD, [form], metadata) - head_bytes

    assert charged(OutputForm("output", is_written=True)) == 0
    assert charged(OutputForm("output")) == 2 * max_text_bytes(metadata["output"], "list")
    for binary in (True, False):
        assert charged(OutputForm("output", binary, 7)) == max_class_bytes(metadata["output"], 7) > 0
    forms = [OutputForm("output", True)]
    assert max_response_text_bytes(ResponseHead("m", "1", "a" * 1000), forms, metadata) > head_bytes + 990


@pytest.mark.parametrize("is_binary", [True, False])
def test_the_metadata_of_many_empty_outputs_is_charged(is_binary: bool) -> None:
    """A pyramid has an output for each level, and the text of their shapes is longer than their elements."""
    tensors = {f"valid{level}": Tensor(FLOAT32, np.empty((0, 2**31, 3), np.float32)) for level in range(64)}
    forms = [OutputForm(name, is_binary) for name in tensors]

    encoded = encode_response(HEAD, forms, tensors)

    assert encoded.nbytes <= max_response_text_bytes(
        HEAD, forms, {name: each.metadata for name, each in tensors.items()}
    )
