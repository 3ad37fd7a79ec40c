"""Elements of every datatype, and their extreme values, through Triton's client in both forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import triton_to_np_dtype

from poolhouse.dtypes import ELEMENT_TYPES
from tests.open_inference.raw_http import HEADER_LENGTH, Reply, infer, infer_json, json_request
from tests.rest.live_server import LiveServer

Array = np.ndarray[Any, Any]
DATATYPES = [row.open_inference_name for row in ELEMENT_TYPES.values()]
JSON_DATATYPES = [name for name in DATATYPES if name != "BF16"]
"""The client refuses bfloat16 in JSON."""

FLOATS = {
    "FP16": (np.float16, 2.0**-24, 65504.0),
    "FP32": (np.float32, 2.0**-149, float(np.finfo(np.float32).max)),
    "FP64": (np.float64, 5e-324, float(np.finfo(np.float64).max)),
}


def identity(client: InferenceServerClient, array: Array, datatype: str, *, given: bool, wanted: bool) -> Array:
    """Send a tensor through max pooling with windows of one element, which returns it unchanged."""
    tensor = InferInput("input", list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=given)
    result = client.infer(
        "max_pool1d",
        [tensor],
        outputs=[InferRequestedOutput("output", binary_data=wanted)],
        parameters={"kernel_size": 1},
    )
    assert result.get_output("output")["datatype"] == datatype
    found: Array = result.as_numpy("output")
    return found


def extremes(datatype: str) -> Array:
    """Elements of a datatype, with its least and its greatest."""
    dtype: Any = triton_to_np_dtype(datatype)
    if datatype == "BOOL":
        return np.array([[True, False, True]])
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([[limits.min, limits.min + 1, 0, 1, limits.max - 1, limits.max]], dtype)
    return np.array([[-1.5, -0.0, 0.0, 0.1, 1.5, 3.0, np.inf, -np.inf]]).astype(dtype)


@pytest.mark.parametrize(
    ("datatype", "given", "wanted"),
    [
        *((name, True, True) for name in DATATYPES),
        *((name, *forms) for name in JSON_DATATYPES for forms in ((False, True), (True, False), (False, False))),
    ],
)
def test_every_datatype_keeps_every_bit(
    triton: InferenceServerClient, datatype: str, given: bool, wanted: bool
) -> None:
    """Pooling with windows of one element changes nothing, and neither must the transport."""
    array = extremes(datatype)

    found = identity(triton, array, datatype, given=given, wanted=wanted)

    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("datatype", FLOATS)
@pytest.mark.parametrize(("given", "wanted"), [(False, False), (True, False), (False, True)])
def test_special_floats_pass_through_json(
    triton: InferenceServerClient, datatype: str, given: bool, wanted: bool
) -> None:
    """JSON of other servers loses NaN, infinities, the sign of zero, and the last bit of denormals."""
    dtype, least, greatest = FLOATS[datatype]
    values = [np.nan, np.inf, -np.inf, -0.0, 0.0, least, -least, 3 * least, greatest, -greatest, 1 / 3, 0.1, 1e-5]
    array = np.array([values], dtype)

    found = identity(triton, array, datatype, given=given, wanted=wanted)

    assert np.isnan(found[0, 0])
    assert found[0, 1:].tobytes() == array[0, 1:].tobytes()


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        *(("INT64", value) for value in (2**63 - 1, -(2**63), 2**62 + 1, 2**53 + 1)),
        *(("UINT64", value) for value in (2**64 - 1, 2**63, 2**63 + 1, 2**53 + 1)),
    ],
)
def test_64_bit_integers_are_no_floats(triton: InferenceServerClient, datatype: str, value: int) -> None:
    """Through a float, 2^53 + 1 would lose its last bit."""
    array = np.array([[value]], triton_to_np_dtype(datatype))

    assert identity(triton, array, datatype, given=False, wanted=False).tolist() == [[value]]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("shape", [(0, 4), (0, 1, 4)])
def test_empty_tensors(triton: InferenceServerClient, datatype: str, shape: tuple[int, ...]) -> None:
    """A batch of none is valid in both forms, and its response has the shape."""
    array = np.zeros(shape, triton_to_np_dtype(datatype))
    forms = (True,) if datatype == "BF16" else (True, False)
    for given in forms:
        for wanted in forms:
            assert identity(triton, array, datatype, given=given, wanted=wanted).shape == shape


def test_an_empty_binary_tensor_has_its_header(server: LiveServer) -> None:
    """The client sends the header length even if no byte follows the JSON part; the response has none and says JSON."""
    text = (
        b'{"inputs":[{"name":"input","shape":[0,1,4,4],"datatype":"FP32","parameters":{"binary_data_size":0}}],'
        b'"parameters":{"binary_data_output":true}}'
    )
    reply = infer(server, text, [(HEADER_LENGTH, str(len(text)))])

    assert reply.document()["outputs"] == [
        {"name": "output", "datatype": "FP32", "shape": [0, 1, 2, 2], "parameters": {"binary_data_size": 0}}
    ]
    assert (reply.headers["content-type"], HEADER_LENGTH.lower() in reply.headers) == ("application/json", False)


def test_bfloat16_is_two_bytes_in_little_endian(server: LiveServer) -> None:
    """Clients of several ages convert it differently; the bytes are the same."""
    text = (
        b'{"inputs":[{"name":"input","shape":[1,2],"datatype":"BF16","parameters":{"binary_data_size":4}}],'
        b'"parameters":{"binary_data_output":true,"kernel_size":2}}'
    )
    reply = infer(server, text + bytes.fromhex("c03f 4040"), [(HEADER_LENGTH, str(len(text)))], "max_pool1d")

    assert reply.body[int(reply.headers[HEADER_LENGTH.lower()]) :] == bytes.fromhex("4040")


def test_bfloat16_as_json(server: LiveServer) -> None:
    """An extension: other clients may write it as numbers."""
    assert element(server, "BF16", 1.5).document()["outputs"][0]["data"] == [1.5]


def element(server: LiveServer, datatype: object, value: object) -> Reply:
    """Send one element as JSON."""
    return infer_json(
        server, json_request(shape=[1, 1, 1, 1], datatype=datatype, data=[value]) | {"parameters": {"kernel_size": 1}}
    )


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("INT8", 128),
        ("INT8", -129),
        ("UINT8", 256),
        ("UINT8", -1),
        ("INT16", 32768),
        ("INT32", 2**31),
        ("INT64", 2**63),
        ("INT64", -(2**63) - 1),
        ("INT64", 2**64),
        ("INT64", 1.5),
        ("INT64", "1"),
        ("INT64", True),
        ("FP16", 65520),
        ("FP32", 1e39),
        ("FP32", "1"),
        ("FP32", None),
        ("FP32", False),
        ("BF16", 1e39),
        ("BOOL", 1),
        ("BOOL", 0.0),
        ("BOOL", "true"),
    ],
)
def test_an_element_that_is_none_of_its_datatype_is_refused(server: LiveServer, datatype: str, value: object) -> None:
    """Triton narrows integers silently and makes 1e39 Infinity."""
    reply = element(server, datatype, value)

    assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize("datatype", ["UINT128", "fp32", "float32", "FP8", "", None, 32, ["FP32"]])
def test_an_unsupported_datatype_is_refused(server: LiveServer, datatype: object) -> None:
    """The refusal lists the supported ones, so that the client converts."""
    document = json_request()
    document["inputs"][0]["datatype"] = datatype
    reply = infer_json(server, document)

    assert reply.status == 400
    assert "FP32" in reply.refusal()


def test_a_boolean_byte_other_than_0_and_1_is_refused(server: LiveServer) -> None:
    """torch treats it as true in some kernels and as its value in others."""
    text = (
        b'{"inputs":[{"name":"input","shape":[1,2],"datatype":"BOOL","parameters":{"binary_data_size":2}}],'
        b'"parameters":{"kernel_size":1}}'
    )
    reply = infer(server, text + b"\x01\x02", [(HEADER_LENGTH, str(len(text)))], "max_pool1d")

    assert (reply.status, "0 nor 1" in reply.refusal()) == (400, True)


@pytest.mark.parametrize("bits", [b"\x00\x00\xa0\x7f", b"\x01\x00\x80\xff"], ids=["signaling", "negative"])
def test_nan_bits_pass_as_bytes(server: LiveServer, bits: bytes) -> None:
    """JSON has one NaN; bytes keep that it is one."""
    text = (
        b'{"inputs":[{"name":"input","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}],'
        b'"parameters":{"kernel_size":1}}'
    )
    reply = infer(server, text + bits, [(HEADER_LENGTH, str(len(text)))], "max_pool1d")

    assert reply.body.endswith(b'"data":[NaN]}]}')
