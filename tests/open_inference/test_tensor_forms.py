"""Tensors as JSON and as bytes, in requests and in responses, in every mixture."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from tritonclient.http import InferInput, InferRequestedOutput

from tests.open_inference.conftest import Call
from tests.open_inference.raw_http import (
    ELEMENTS,
    HEADER_LENGTH,
    MAXIMA,
    binary_request,
    infer,
    infer_json,
    json_request,
)
from tests.rest.live_server import LiveServer

REGION = {"shared_memory_region": "none", "shared_memory_byte_size": 64}


@pytest.mark.parametrize(("given", "wanted"), list(itertools.product([True, False], repeat=2)))
def test_each_form_of_input_and_output(call: Call, given: bool, wanted: bool) -> None:
    """JSON to JSON, JSON to bytes, bytes to JSON, bytes to bytes."""
    tensor = InferInput("input", list(ELEMENTS.shape), "FP32")
    tensor.set_data_from_numpy(ELEMENTS, binary_data=given)
    output = InferRequestedOutput("output", binary_data=wanted)

    result = call("infer", "max_pool2d", [tensor], outputs=[output], parameters={"kernel_size": 2})

    entry = result.get_output("output")
    assert result.as_numpy("output").ravel().tolist() == MAXIMA
    assert ("data" in entry) is not wanted
    assert entry.get("parameters", {}).get("binary_data_size") == (16 if wanted else None)


def test_outputs_that_are_left_out_come_back_as_the_request_says(server: LiveServer) -> None:
    """The clients say binary_data_output when no output is listed; without it, the protocol's form is JSON."""
    for wanted, name in ((None, "data"), (False, "data"), (True, "parameters")):
        document = json_request()
        if wanted is not None:
            document["parameters"]["binary_data_output"] = wanted
        [entry] = infer_json(server, document).document()["outputs"]
        assert name in entry
    document["outputs"] = []
    assert "parameters" in infer_json(server, document).document()["outputs"][0]


def test_an_output_decides_before_the_request(server: LiveServer) -> None:
    """The precedence is that of the protocol's extension: the output, then the request, then JSON."""
    document = json_request()
    document["parameters"]["binary_data_output"] = True
    document["outputs"] = [
        {"name": "indices", "parameters": {"binary_data": False}},
        {"name": "output", "parameters": {"binary_data": True}},
    ]

    reply = infer_json(server, document)

    indices, output = reply.document()["outputs"]
    assert (indices["name"], indices["data"]) == ("indices", [5, 7, 13, 15])
    assert output["parameters"] == {"binary_data_size": 16}
    assert reply.body[int(reply.headers[HEADER_LENGTH.lower()]) :] == np.array(MAXIMA, "<f4").tobytes()


@pytest.mark.parametrize("order", list(itertools.permutations(["input", "indices"])))
@pytest.mark.parametrize("binary", list(itertools.product([True, False], repeat=2)))
def test_the_bytes_of_two_inputs_follow_in_their_order(
    call: Call, order: tuple[str, str], binary: tuple[bool, bool]
) -> None:
    """Unpooling takes two inputs; each may have either form, and either may be first."""
    arrays = {"input": np.array([[[[7.5, -3]]]], "<f4"), "indices": np.array([[[[1, 2]]]], "<i8")}
    inputs = []
    for name, as_bytes in zip(order, binary, strict=True):
        tensor = InferInput(name, [1, 1, 1, 2], {"input": "FP32", "indices": "INT64"}[name])
        inputs.append(tensor.set_data_from_numpy(arrays[name], binary_data=as_bytes))

    result = call("infer", "max_unpool2d", inputs, parameters={"kernel_size": [2, 1]})

    assert result.as_numpy("output").tolist() == [[[[0, 7.5], [-3, 0]]]]


def test_the_request_and_response_of_the_documentation(server: LiveServer) -> None:
    """Byte for byte, so that a client author can check an implementation against it."""
    text = (
        b'{"id":"p1","inputs":[{"name":"input","shape":[1,1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}],'
        b'"outputs":[{"name":"output","parameters":{"binary_data":true}},{"name":"indices","parameters":{"binary_data":'
        b'true}}],"parameters":{"kernel_size":2}}'
    )
    assert len(text) == 260
    elements = bytes.fromhex("0000803f 00000040 00004040 00008040")

    reply = infer(server, text + elements, [(HEADER_LENGTH, "260")])

    assert reply.status == 200
    assert reply.headers[HEADER_LENGTH.lower()] == "251"
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.body == (
        b'{"model_name":"max_pool2d","model_version":"1","id":"p1","outputs":[{"name":"output","datatype":"FP32",'
        b'"shape":[1,1,1,1],"parameters":{"binary_data_size":4}},{"name":"indices","datatype":"INT64","shape":'
        b'[1,1,1,1],"parameters":{"binary_data_size":8}}]}'
    ) + bytes.fromhex("00008040 0300000000000000")


def test_a_response_without_bytes_is_json(server: LiveServer) -> None:
    """A client without the extension for bytes reads it as any JSON."""
    reply = infer_json(server, json_request())

    assert reply.headers["content-type"] == "application/json"
    assert HEADER_LENGTH.lower() not in reply.headers
    assert json.loads(reply.body)["outputs"] == [
        {"name": "output", "datatype": "FP32", "shape": [1, 1, 2, 2], "data": MAXIMA}
    ]


@pytest.mark.parametrize(
    "data",
    [list(range(16)), [[[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]]]],
    ids=["flat", "nested"],
)
def test_data_is_flat_or_nested_as_the_shape(server: LiveServer, data: object) -> None:
    """Both forms are the protocol's."""
    assert infer_json(server, json_request(data=data)).document()["outputs"][0]["data"] == MAXIMA


@pytest.mark.parametrize(
    "data",
    [
        [[1, 3, 5], [9]],
        [[*range(8)], [*range(8)]],
        list(range(15)),
        list(range(65)),
        [[list(range(16))]],
        [[[[0, 1, 2, 3]] * 3]],
        [],
        [*range(15), "15"],
        [*range(15), None],
        [*range(15), True],
        [*range(15), [15]],
        [*range(15), {"a": 1}],
        "0123456789abcdef",
        16,
        None,
        {"0": 1},
    ],
    ids=repr,
)
def test_data_that_contradicts_the_shape_is_refused(server: LiveServer, data: object) -> None:
    """Triton counts only the leaves, and pools misplaced elements."""
    document = json_request()
    document["inputs"][0]["data"] = data
    reply = infer_json(server, document)

    assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": {"binary_data_size": 64}},
        {"parameters": REGION},
        {"data": None},
        {"data": None, "parameters": {"binary_data_size": 64, **REGION}},
    ],
    ids=["data and bytes", "data and region", "nothing", "bytes and region"],
)
def test_the_elements_are_in_exactly_one_place(server: LiveServer, changed: dict[str, object]) -> None:
    """Of two, neither the client nor the service could say which one counts."""
    reply = infer_json(server, json_request(**changed))

    assert reply.status == 400
    assert "exactly one of" in reply.refusal()


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"outputs": [{"name": "output"}, {"name": "output"}]}, "twice"),
        ({"outputs": [{"name": "none"}]}, "no output"),
        ({"outputs": [{"name": ""}]}, "name"),
        ({"outputs": [{"parameters": {"binary_data": True}}]}, "name"),
        ({"outputs": [{"name": "output", "parameters": {"binary_data": 1}}]}, "binary_data"),
        ({"outputs": [{"name": "output", "parameters": {"classification": -1}}]}, "classification"),
        ({"outputs": [{"name": "output", "parameters": {"clasification": 1}}]}, "clasification"),
        ({"outputs": [{"name": "output", "parameters": {**REGION, "classification": 1}}]}, "classification"),
        ({"outputs": [{"name": "output", "parameters": {**REGION, "binary_data": True}}]}, "binary_data"),
        ({"outputs": {"name": "output"}}, "outputs"),
        ({"outputs": ["output"]}, "object"),
        ({"outputs": [{"name": f"o{index}"} for index in range(65)]}, "at most"),
        ({"inputs": []}, "inputs"),
        ({"inputs": None}, "inputs"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": [[]]}, "object"),
        ({"id": 7}, "id"),
        ({"parameters": []}, "parameters"),
        ({"input": []}, "inputs"),
        ({"kernel_size": 2}, "parameters"),
    ],
    ids=repr,
)
def test_an_invalid_member_is_refused_by_name(server: LiveServer, members: dict[str, object], wrong: str) -> None:
    """A misspelt or misplaced member must not be ignored: it would silently change the result."""
    reply = infer_json(server, json_request() | members)

    assert reply.status == 400
    assert wrong in reply.refusal()


@pytest.mark.parametrize("second", ["input", "other"])
def test_an_input_twice_or_unknown_is_refused(server: LiveServer, second: str) -> None:
    """One of two tensors of the same name would be dropped."""
    document = json_request()
    document["inputs"].append({**document["inputs"][0], "name": second})

    assert infer_json(server, document).refusal()


def test_a_missing_input_is_refused(server: LiveServer) -> None:
    """Unpooling without indices has no meaning."""
    reply = infer_json(server, json_request(), model="max_unpool2d")

    assert (reply.status, "indices" in reply.refusal()) == (400, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strid", 2),
        ("triton_enable_empty_final_response", True),
        ("op", "avg_pool2d"),
        ("priority", -1),
        ("priority", 1.5),
        ("timeout", "soon"),
        ("timeout", -1),
        ("binary_data_output", "yes"),
        ("kernel_size", {"height": 2}),
        ("kernel_size", None),
        ("kernel_size", "two"),
        ("kernel_size", 0),
    ],
)
def test_an_invalid_parameter_is_refused_by_name(server: LiveServer, name: str, value: object) -> None:
    """A typo in stride must not change results silently, nor be the service's fault (500), as Triton says."""
    document = json_request()
    document["parameters"][name] = value
    reply = infer_json(server, document)

    assert reply.status == 400
    assert name in reply.refusal() + json.dumps(json.loads(reply.body).get("errors", ""))


def test_a_preset_refuses_the_fields_that_it_fixes(server: LiveServer) -> None:
    """The caller would believe that the given field had an effect."""
    reply = infer_json(server, json_request(), model="max_pool2d.k2s2")

    assert (reply.status, "kernel_size" in reply.refusal()) == (400, True)


def test_fields_in_a_header(server: LiveServer) -> None:
    """perf_analyzer sends no parameters over HTTP, but headers; parameters of the request win."""
    text, length = binary_request()
    plain = json_request()
    del plain["parameters"]

    of_header = infer(server, json.dumps(plain).encode(), [("Pool-Parameters", "kernel_size=4&stride=1")])
    of_both = infer(server, text, [("Pool-Parameters", "kernel_size=4"), (HEADER_LENGTH, str(length))])
    unknown = infer(server, json.dumps(plain).encode(), [("Pool-Parameters", "kernal_size=4")])

    assert of_header.document()["outputs"][0]["data"] == [15.0]
    assert of_both.document()["outputs"][0]["data"] == MAXIMA
    assert "kernal_size" in unknown.refusal()
