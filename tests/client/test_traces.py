"""Traces of the client: typed results of both clients, and responses that are refused."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Response
from poolhouse.client.pictures import Picture
from poolhouse.client.results import Trace
from poolhouse.client.traces import TraceCall
from poolhouse.errors import PoolhouseError, TooLarge, Unprocessable
from tests.client.conftest import AnyClient

ELEMENT = {
    "output": "output",
    "index": [0, 1],
    "window": [{"start": 1, "step": 1, "count": 2}],
    "of": "input",
    "positions": [[0, 1], [0, 2]],
    "values": [2.0, "Infinity"],
    "weights": [0.5, "NaN"],
    "counted": [True, False],
    "winner": 1,
    "samples": [[0.5]],
    "results": {"output": 3.5},
    "arithmetic": "max(2, 3) = 3",
}
DOCUMENT = {
    "operator": "max_pool1d",
    "spec": {"kernel_size": [2]},
    "outputs": {"output": {"dtype": "float32", "shape": [1, 1], "base64": "AABgQA=="}},
    "elements": [ELEMENT],
    "formula": [{"text": "4 / 2 = 2"}],
}


def read(document: object, headers: Mapping[str, str] | None = None) -> Trace:
    """The trace in a response."""
    call = TraceCall("max_pool1d", {"input": [[1.0, 2.0]]}, {"kernel_size": 2})
    return call.read_result(Response(200, dict(headers or {}), (memoryview(json.dumps(document).encode()),)))


def test_a_request_has_its_tensors_and_fields() -> None:
    """Fields are in the query, as for other calls; elements are exact."""
    call = TraceCall(
        "max_unpool1d", {"input": np.array([[1]], np.float32), "indices": [[0]]}, {"kernel_size": (2,), "stride": None}
    )

    assert call.request.target == "/v1/trace/max_unpool1d?kernel_size=2"
    assert json.loads(b"".join(call.request.body)) == {
        "input": {"dtype": "float32", "shape": [1, 1], "base64": "AACAPw=="},
        "indices": {"dtype": "int64", "shape": [1, 1], "base64": "AAAAAAAAAAA="},
        "encoding": "base64",
    }


def test_a_trace_is_typed() -> None:
    """Spans are ranges, and numbers are numbers."""
    found = read(DOCUMENT, {"pool-seed": "7", "pool-warning": '"odd"', "server-timing": "decode;dur=1.5"})

    (element,) = found.elements
    assert element.window == (range(1, 3),)
    assert element.positions == ((0, 1), (0, 2))
    assert element.values == (2.0, math.inf)
    assert element.weights is not None
    assert math.isnan(element.weights[1])
    assert (element.counted, element.winner, element.samples) == ((True, False), 1, ((0.5,),))
    assert element.results == {"output": 3.5}
    assert found.outputs == {"output": [[3.5]]}
    assert found.formulas == ("4 / 2 = 2",)
    assert (found.seed, found.warnings, found.timings) == (7, ("odd",), {"decode": 1.5})


@pytest.mark.parametrize("missing", ["operator", "spec", "outputs", "elements", "formula"])
def test_a_document_without_a_part_is_refused(missing: str) -> None:
    """The server may be newer, or none of ours."""
    with pytest.raises(UnexpectedAnswer, match="not a trace"):
        read({name: each for name, each in DOCUMENT.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("output", 1),
        ("index", [-1]),
        ("index", "0"),
        ("window", [{"start": 0, "step": 0, "count": 1}]),
        ("window", [{"start": 0.5, "step": 1, "count": 1}]),
        ("window", [1]),
        ("window", 1),
        ("of", None),
        ("positions", [[0, 1]]),
        ("positions", [[0, 1], 2]),
        ("values", [1, "2"]),
        ("values", [1, None]),
        ("weights", [1]),
        ("weights", "1"),
        ("counted", [True]),
        ("winner", 2),
        ("samples", [["x"]]),
        ("results", [1]),
        ("results", {"output": None}),
        ("arithmetic", 3),
    ],
)
def test_an_invalid_element_is_refused(name: str, value: object) -> None:
    """Nothing in a trace is guessed."""
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    document["elements"][0][name] = value

    with pytest.raises(UnexpectedAnswer, match="not a trace"):
        read(document)


@pytest.mark.parametrize(
    "output",
    [
        {"dtype": "float32", "shape": [1, 2], "base64": "AABgQA=="},
        {"dtype": "float32", "shape": [1, 1], "base64": "AABgQA"},
        {"dtype": "float32", "shape": [1, 1], "data": [[3.5]]},
        {"dtype": "float31", "shape": [1, 1], "base64": "AABgQA=="},
        {"dtype": "float32", "shape": [1] * 100, "base64": "AABgQA=="},
        {"dtype": "float32", "shape": [0, 2**62], "base64": ""},
        3,
    ],
)
def test_an_invalid_output_is_refused(output: object) -> None:
    """The elements must be those of the shape."""
    with pytest.raises(UnexpectedAnswer):
        read({**DOCUMENT, "outputs": {"output": output}})


def test_control_characters_of_a_response_are_escaped() -> None:
    """The texts are printed to terminals."""
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    document["elements"][0]["arithmetic"] = "\x1b[2J"

    assert "\x1b" not in read(document).elements[0].arithmetic


def test_a_picture_is_refused() -> None:
    """It is sent as it is, and the service traces JSON alone."""
    with pytest.raises(Unprocessable, match="picture"):
        TraceCall("max_pool2d", {"input": Picture(b"\x89PNG\r\n\x1a\n")}, {})


def test_both_clients_trace(any_client: AnyClient) -> None:
    """With arrays of their kind."""
    x = torch.arange(16.0).reshape(1, 1, 4, 4)

    found = any_client.call("trace", "max_pool2d", x, kernel_size=2, return_indices=True)

    assert isinstance(found, Trace)
    expected = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    for name, tensor in zip(("output", "indices"), expected, strict=True):
        output = found.outputs[name]
        assert isinstance(output, torch.Tensor)
        assert torch.equal(output, tensor)
    assert [each.results["output"] for each in found.elements] == expected[0].reshape(-1).tolist()
    assert found.elements[-1].arithmetic == "max(10, 11, 14, 15) = 15"
    assert found.formulas == ("floor((4 + 0 + 0 - 1·(2 - 1) - 1) / 2) + 1 = 2",) * 2


def test_both_clients_trace_tensors_beside_the_input(any_client: AnyClient) -> None:
    """By their names."""
    found = any_client.call("trace", "token_pool", [[1.0], [2.0], [9.0]], mask=[1, 1, 0], modes="mean")

    assert isinstance(found, Trace)
    (element,) = found.elements
    assert (element.values, element.counted) == ((1.0, 2.0, 9.0), (True, True, False))
    assert found.outputs == {"output": [1.5]}


def test_both_clients_get_refusals(any_client: AnyClient) -> None:
    """As those of pooling."""
    with pytest.raises(TooLarge) as large:
        any_client.call("trace", "max_pool2d", np.zeros((1, 200, 200)), kernel_size=2)
    with pytest.raises(PoolhouseError) as odd:
        any_client.call("trace", "max_pool2d", np.zeros((1, 2, 2)), kernel_size=3)

    assert large.value.code == "trace_too_large"
    assert odd.value.code == "window_does_not_fit"


def test_an_empty_batch_has_outputs_of_its_shape(any_client: AnyClient) -> None:
    """And no elements."""
    found = any_client.call("trace", "max_pool1d", np.zeros((0, 2, 8), np.float32), kernel_size=2)

    assert isinstance(found, Trace)
    assert found.elements == ()
    output = found.outputs["output"]
    assert isinstance(output, np.ndarray)
    assert output.shape == (0, 2, 4)
