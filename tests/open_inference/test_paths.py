"""The paths of the protocol: with and without versions, slashes and a path prefix."""

from __future__ import annotations

import json

import pytest
from tritonclient.http import InferenceServerClient

from poolhouse.describe import needed_inputs
from poolhouse.operators.catalogue import discover
from poolhouse.settings import Settings
from tests.open_inference.raw_http import HEADER_LENGTH, MAXIMA, binary_request, infer_json, send
from tests.open_inference.test_clients import input_of
from tests.rest.live_server import LiveServer, run_live_server

BODY, LENGTH = binary_request()

CATALOGUE = discover()


def test_both_forms_of_the_first_path_are_the_same(server: LiveServer) -> None:
    """The clients ask for /v2, and the protocol's document has /v2/; a redirect counts as a failure."""
    one, other = send(server, "GET", "/v2"), send(server, "GET", "/v2/")

    assert one.status == other.status == 200
    assert one.body == other.body
    assert json.loads(one.body)["name"] == "poolhouse"


@pytest.mark.parametrize(
    "target",
    [
        "/v2/models/max_pool2d/infer",
        "/v2/models/max_pool2d/versions/1/infer",
        "/v2/models/max_pool2d/infer?a=1&b=%20",
        "/v2/models/%6dax_pool2d/infer",
        "/v2/models/max%5Fpool2d/versions/1/infer?",
    ],
)
def test_the_paths_of_an_inference(server: LiveServer, target: str) -> None:
    """Clients may add a version, a query, and escapes; the response is the same byte for byte."""
    reply = send(server, "POST", target, [(HEADER_LENGTH, str(LENGTH))], BODY)

    assert reply.document()["outputs"][0]["data"] == MAXIMA
    assert reply.document()["model_version"] == "1"


@pytest.mark.parametrize("target", ["/v2/health/live", "/v2/health/ready", "/v2/models/max_pool2d/ready"])
def test_health_is_json(server: LiveServer, target: str) -> None:
    """The protocol's text gives bodies; KServe's client reads them, and others only the status."""
    reply = send(server, "GET", target)

    assert reply.status == 200
    assert json.loads(reply.body).get("live", json.loads(reply.body).get("ready")) is True


def test_below_a_path_prefix() -> None:
    """A proxy may publish the service below a path; the clients take it as a part of the URL."""
    settings = Settings.model_validate({"port": 0, "device": "cpu", "root_path": "/pools"})
    with (
        run_live_server(settings) as server,
        InferenceServerClient(f"127.0.0.1:{server.port}/pools") as below,
        InferenceServerClient(f"127.0.0.1:{server.port}") as at_root,
    ):
        for client in (below, at_root):
            found = client.infer("max_pool2d", [input_of()], parameters={"kernel_size": 2})
            assert found.as_numpy("output").ravel().tolist() == MAXIMA
            assert client.is_server_ready()
        assert send(server, "GET", "/pools/v2/none").refusal()
        assert send(server, "POST", "/pools/v2/models/none/infer", (), b"").refusal()


def test_every_model_answers_without_parameters(server: LiveServer) -> None:
    """Load generators send none over HTTP, so every required field has a default."""
    assert len(CATALOGUE.names) > 100
    for member in CATALOGUE:
        tensors = member.example_inputs(member.samples[0])
        inputs = [
            {
                "name": name,
                "datatype": tensors[name].dtype.open_inference_name,
                "shape": list(tensors[name].shape),
                "data": tensors[name].array.reshape(-1).tolist(),
            }
            for name in needed_inputs(member)
        ]

        reply = infer_json(server, {"inputs": inputs}, model=member.name)

        if member.name == "segment_pool":
            # The shape of its answer follows from elements, which are read later.
            assert reply.status == 400
            assert "num_segments" in reply.document()["error"]
            continue
        assert reply.status == 200, (member.name, reply.body)
        assert reply.document()["model_name"] == member.name
