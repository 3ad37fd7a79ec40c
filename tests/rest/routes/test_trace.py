"""Traces over HTTP: the outputs of pooling, the refusals of a plan, bounds, and memory that is given back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.rest.app import App, create_app
from poolhouse.rest.openapi.traces import Trace, TracedElement
from poolhouse.rest.routes.trace import MAX_BODY_BYTES
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.trace import MAX_INPUT_ELEMENTS, trace_card
from poolhouse.wire.json.encoder import encode_json
from tests.hypothesis_profiles import scaled_examples
from tests.operator_selection import covered_operators
from tests.operators.random_cases import round_to_type

CATALOGUE = discover()
NAMES = CATALOGUE.names
X = [[[[1, 3, 2], [5, 4, 6], [7, 9, 8]]]]


@pytest.fixture(scope="module")
def app() -> App:
    """An application on the CPU."""
    return create_app(Settings.model_validate({"device": "cpu"}))


@pytest.fixture(scope="module")
def local(app: App) -> Iterator[TestClient]:
    """A client of it; it is started once."""
    with TestClient(app) as client:
        yield client


def body_of(member: type[Operator], fields: Mapping[str, object], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """A JSON request with random elements of the input."""
    given = tensors["input"]
    rng = np.random.default_rng(5)
    if given.dtype.kind == "float":
        elements = round_to_type(rng.integers(-8, 9, given.shape) / 2, given.dtype)
    else:
        elements = rng.integers(0, 2 if given.dtype.kind == "boolean" else 7, given.shape).astype(given.dtype.storage)
    message = Message({**tensors, "input": Tensor(given.dtype, elements)})
    return {**json.loads(bytes(encode_json(message))), **fields}


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_those_of_pooling(local: TestClient, name: str) -> None:
    """Page, trace and pooling show the same numbers."""
    for member in CATALOGUE.find(name).variants():
        for sample in member.samples:
            body = body_of(member, sample.fields, member.example_inputs(sample))
            pooled = local.post(f"/v1/pool/{name}", json=body)
            assert pooled.status_code == 200

            traced = local.post(f"/v1/trace/{name}", json=body)

            if traced.status_code == 413:
                assert traced.json()["code"] == "trace_too_large"
                continue
            assert traced.status_code == 200, traced.text
            assert traced.json()["outputs"] == pooled.json()
            for key in ("pool-seed", "pool-warning"):
                assert traced.headers.get(key) == pooled.headers.get(key)


@pytest.mark.parametrize(
    "name", [each.name for each in covered_operators(CATALOGUE) if issubclass(each, PlaneOperator)]
)
def test_refusals_are_those_of_a_plan(local: TestClient, name: str) -> None:
    """A trace is no way around them."""
    member = CATALOGUE.find(name)
    for refusal in member.refusals:
        shape = (1, *refusal.spatial[-member.rank :])
        dtype = ELEMENT_TYPES[refusal.dtype]
        inputs = {each: Tensor(dtype, np.zeros(shape, dtype.storage)) for each in ("input",)}
        if "indices" in member.inputs:
            inputs["indices"] = Tensor(ELEMENT_TYPES["int64"], np.zeros(shape, np.int64))
        metadata = {each: {"shape": list(shape), "dtype": tensor.dtype.name} for each, tensor in inputs.items()}

        planned = local.post(f"/v1/plan/{name}", json={**metadata, **refusal.fields})
        traced = local.post(
            f"/v1/trace/{name}", json={**json.loads(bytes(encode_json(Message(inputs)))), **refusal.fields}
        )

        assert traced.status_code == planned.status_code
        assert traced.json()["code"] == planned.json()["code"] == refusal.code
        assert traced.json()["detail"] == planned.json()["detail"]


def test_the_models_declare_every_key(local: TestClient) -> None:
    """A client generated from the document drops keys that it does not declare."""
    traced = local.post("/v1/trace/max_pool2d", json={"input": X, "kernel_size": 2}).json()

    assert set(traced) == set(Trace.model_fields)
    assert all(set(each) == set(TracedElement.model_fields) for each in traced["elements"])
    Trace.model_validate(traced)


def test_a_window_is_spelled_out(local: TestClient) -> None:
    """The contract of the page, in one example."""
    body = {"input": X, "kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}

    response = local.post("/v1/trace/max_pool2d", json=body)

    traced = response.json()
    assert traced["padding"] == {"before": [1, 1], "after": [1, 1], "value": "-Infinity"}
    assert traced["spatial_axes"] == {"input": [2, 3], "output": [2, 3]}
    assert traced["formula"][0] == {
        "output": "output",
        "axis": 2,
        "length": 3,
        "outputs": 2,
        "text": "floor((3 + 1 + 1 - 1·(3 - 1) - 1) / 2) + 1 = 2",
    }
    assert traced["elements"][1] == {
        "output": "output",
        "index": [0, 0, 0, 1],
        "window": [{"start": -1, "step": 1, "count": 3}, {"start": 1, "step": 1, "count": 3}],
        "of": "input",
        "positions": [[0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 1, 1], [0, 0, 1, 2]],
        "values": [3.0, 2.0, 4.0, 6.0],
        "weights": None,
        "counted": [True] * 4,
        "winner": 3,
        "samples": None,
        "results": {"output": 6.0, "indices": 5},
        "arithmetic": "max(3, 2, 4, 6) = 6",
    }
    timings = [part.partition(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert timings == ["decode", "compute", "encode"]


@scaled_examples(60)
@given(
    length=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 5),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
def test_a_formula_gives_the_number_of_windows(
    local: TestClient, length: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil_mode: bool
) -> None:
    """Its numbers, put into a calculator, are the size of the output, also where the last window is left out."""
    fields = {"kernel_size": kernel, "stride": stride, "padding": [[before, after]], "dilation": dilation}
    body = {"input": [list(range(length))], **fields, "ceil_mode": ceil_mode, "count_include_pad": True}

    response = local.post("/v1/trace/avg_pool1d", json=body)

    if response.status_code != 200:
        assert response.json()["code"] == "window_does_not_fit"
        return
    (row,) = response.json()["formula"]
    formula, _, rest = row["text"].partition(" = ")
    count = eval(formula.replace("·", "*"), {"floor": lambda x: x // 1, "ceil": lambda x: -(-x // 1)})
    size = response.json()["outputs"]["output"]["shape"][1]
    assert row["outputs"] == size == count - rest.count("less 1")
    assert int(rest.partition(",")[0]) == count
    starts = [each["window"][0]["start"] for each in response.json()["elements"]]
    assert starts == [number * stride - before for number in range(size)]
    if "less 1" in rest:
        assert ceil_mode
        assert starts[-1] + stride >= length


def test_the_same_seed_gives_the_same_windows(local: TestClient) -> None:
    """Without one the trace draws it, and says which."""
    body = {"input": np.arange(81.0).reshape(1, 9, 9).tolist(), "kernel_size": 2, "output_size": 4}

    first = local.post("/v1/trace/fractional_max_pool2d", json=body)
    again = local.post("/v1/trace/fractional_max_pool2d", json={**body, "seed": int(first.headers["pool-seed"])})

    assert again.json()["elements"] == first.json()["elements"]
    for each in first.json()["elements"]:
        assert each["values"][each["winner"]] == each["results"]["output"]


def test_numbers_have_the_forms_of_pooling(local: TestClient) -> None:
    """Short digits, exact integers, and strings for what JSON has not."""
    floats = local.post(
        "/v1/trace/max_pool1d", json={"input": [[0.1, "NaN", "-Infinity", -0.0]], "kernel_size": 1}
    ).json()
    wide = {"input": {"dtype": "uint64", "shape": [1, 2], "data": [2**64 - 1, 3]}, "kernel_size": 1}
    integers = local.post("/v1/trace/max_pool1d", json=wide).json()
    booleans = {"input": {"dtype": "bool", "shape": [1, 2], "data": [True, False]}, "kernel_size": 2}

    assert [each["values"] for each in floats["elements"]] == [[0.1], ["NaN"], ["-Infinity"], [-0.0]]
    assert [each["results"]["output"] for each in floats["elements"]] == [0.1, "NaN", "-Infinity", -0.0]
    assert [each["arithmetic"] for each in floats["elements"]] == [
        "max(0.1) = 0.1",
        "max(NaN) = NaN",
        "max(-Infinity) = -Infinity",
        "max(-0) = -0",
    ]
    assert [each["values"] for each in integers["elements"]] == [[2**64 - 1], [3]]
    assert local.post("/v1/trace/max_pool1d", json=booleans).json()["elements"][0]["values"] == [True, False]


def test_outputs_may_be_base64(local: TestClient) -> None:
    """As pooling's, if the body asks for it; the elements of the trace are numbers all the same."""
    body = {"input": X, "kernel_size": 2, "encoding": "base64"}

    traced = local.post("/v1/trace/max_pool2d", json=body).json()

    assert traced["outputs"] == local.post("/v1/pool/max_pool2d", json=body).json()
    assert traced["elements"][0]["results"] == {"output": 5.0}


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"Content-Type": "application/x-npy"}, b"{}", 415, "unsupported_media_type"),
        ({"Accept": "application/x-npy"}, b"{}", 406, "not_acceptable"),
        ({}, b"{", 400, "malformed_body"),
        ({}, b'{"input":[[1,2]],"kernel_size":2,"kernel_size":3}', 422, "invalid_fields"),
        ({"Request-Timeout": "0.000001"}, b'{"input":[[1,2]],"kernel_size":2}', 504, "deadline_passed"),
        ({"Content-Encoding": "br"}, b"{}", 415, "unsupported_encoding"),
        ({}, b" " * (MAX_BODY_BYTES + 1), 413, "body_too_large"),
    ],
)
def test_a_bad_request_is_refused(
    local: TestClient, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    """With the codes of pooling."""
    response = local.post(
        "/v1/trace/max_pool1d", content=content, headers={"Content-Type": "application/json", **headers}
    )

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_an_unknown_operator_is_refused_before_its_body(local: TestClient) -> None:
    """With the nearest names."""
    response = local.post("/v1/trace/maxpool2d", content=b"")

    assert (response.status_code, response.json()["code"]) == (404, "unknown_operator")
    assert "max_pool2d" in response.json()["detail"]


def test_the_largest_input_fits_into_a_body(local: TestClient) -> None:
    """Also with all digits of float64."""
    rng = np.random.default_rng(0)
    elements = (rng.standard_normal(MAX_INPUT_ELEMENTS) * 1e-300).tolist()
    body = {"input": {"dtype": "float64", "shape": [1, MAX_INPUT_ELEMENTS], "data": elements}, "kernel_size": 4}

    response = local.post("/v1/trace/max_pool1d", json=body)

    assert response.status_code == 200
    assert len(response.json()["elements"]) == 4096


def test_a_large_trace_is_refused(local: TestClient) -> None:
    """413, with the bound and the advice."""
    elements = [[0] * (MAX_INPUT_ELEMENTS + 1)]

    response = local.post("/v1/trace/max_pool1d", json={"input": elements, "kernel_size": 9})

    assert (response.status_code, response.json()["code"]) == (413, "trace_too_large")
    assert response.json()["detail"] == (
        "input has 16385 elements, and the limit of a trace is 16384. Send a smaller input, or pool without a trace."
    )


@pytest.mark.parametrize(
    "body",
    [
        {"input": X, "kernel_size": 2},
        {"input": X, "kernel_size": 9},
        {"input": [[[0] * 5000]], "kernel_size": 1},
        {"input": X, "kernel_size": 2, "encoding": "other"},
    ],
)
def test_memory_is_given_back(app: App, local: TestClient, body: dict[str, object]) -> None:
    """After a response and after a refusal."""
    local.post("/v1/trace/max_pool2d", json=body)

    assert app.service.pooling.status.lease_count == app.service.pooling.status.held_bytes == 0


def test_a_trace_needs_memory(app: App, local: TestClient) -> None:
    """Its text is larger than the tensors, so it is reserved before it is made."""
    pooling = app.service.pooling
    budget = pooling.status.capacity_bytes
    lease = pooling.admission.reserve(budget - 2**22)
    try:
        response = local.post("/v1/trace/max_pool1d", json={"input": [[0] * 4096], "kernel_size": 4, "stride": 1})
    finally:
        lease.release()

    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert "retry-after" in response.headers


def test_a_live_server_traces(client: httpx.Client) -> None:
    """Through the HTTP layer, which passes it to the application."""
    response = client.post("/v1/trace/avg_pool2d?kernel_size=2", json={"input": X})

    assert response.status_code == 200
    assert response.json()["elements"][0]["arithmetic"] == "(1 + 3 + 5 + 4) / 4 = 3.25"
    assert response.headers["x-request-id"]


def test_a_trace_is_made_in_a_thread(local: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one takes a second of plain Python, in which the event loop serves other requests."""
    names = list[str]()

    def recorded(*arguments: Any) -> dict[str, object]:
        names.append(threading.current_thread().name)
        return trace_card(*arguments)

    monkeypatch.setattr("poolhouse.rest.routes.trace.trace_card", recorded)

    assert local.post("/v1/trace/max_pool2d", json={"input": X, "kernel_size": 2}).status_code == 200
    assert len(names) == 1
    assert names[0].startswith("offload-offload-gil")
