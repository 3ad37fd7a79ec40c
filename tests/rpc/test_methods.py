"""Every method of Triton's clients, synchronous and asynchronous, apart from inference."""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any
from uuid import uuid4

import grpc
import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, shared_memory

from poolhouse.rpc.messages import CLASSES, HEALTH_CLASSES
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.rpc.conftest import MAX_BODY_BYTES, Call
from tests.rpc.raw_calls import ELEMENTS, MAXIMA, refusal


def refused(call: Call, *words: Any, **options: Any) -> tuple[str, str]:
    """The status and the text of a refused call."""
    with pytest.raises(InferenceServerException) as raised:
        call(*words, **options)
    return raised.value.status().removeprefix("StatusCode."), raised.value.message()


def test_the_service_is_live_and_ready(call: Call) -> None:
    """Orchestrators and load generators wait for it."""
    assert call("is_server_live") is True
    assert call("is_server_ready") is True


@pytest.mark.parametrize(
    ("model", "version", "ready"),
    [
        ("max_pool2d", "", True),
        ("max_pool2d", "1", True),
        ("max_pool2d.k2s2", "", True),
        ("max_pol2d", "", False),
        ("max_pool2d", "2", False),
        ("", "", False),
    ],
)
def test_readiness_of_models(call: Call, model: str, version: str, ready: bool) -> None:
    """Clients ask in a loop until a model is there, so an unknown one is not ready rather than an error."""
    assert call("is_model_ready", model, version) is ready


def test_the_metadata_are_those_of_http(call: Call, server: LiveServer) -> None:
    """A client must not care which of the two it speaks."""
    with server.client() as http:
        of_server, of_model, config = (
            http.get(f"/v2{path}").json() for path in ("", "/models/max_pool2d", "/models/max_pool2d/config")
        )
        index = http.post("/v2/repository/index").json()

    found = call("get_server_metadata", as_json=True)
    model = call("get_model_metadata", "max_pool2d", as_json=True)
    configured = call("get_model_config", "max_pool2d", "1", as_json=True)["config"]

    assert found == of_server
    # JSON of protobuf has 64-bit integers as strings.
    assert [(each["name"], each["datatype"], [*map(int, each["shape"])]) for each in model["outputs"]] == [
        (each["name"], each["datatype"], each["shape"]) for each in of_model["outputs"]
    ]
    assert (configured["name"], configured["backend"]) == (config["name"], config["backend"])
    assert [each["data_type"] for each in configured["output"]] == [each["data_type"] for each in config["output"]]
    assert [each.name for each in call("get_model_repository_index").models] == [each["name"] for each in index]


def test_statistics_count_requests_of_both_protocols(call: Call, server: LiveServer) -> None:
    """The two serve the same models."""
    given = InferInput("input", ELEMENTS.shape, "FP32")
    given.set_data_from_numpy(ELEMENTS)
    name = "max_pool2d.k2s2"
    before = call("get_inference_statistics", name).model_stats[0].inference_count

    call("infer", name, [given])
    with server.client() as http:
        data = ELEMENTS.ravel().tolist()
        body = {"inputs": [{"name": "input", "shape": ELEMENTS.shape, "datatype": "FP32", "data": data}]}
        http.post(f"/v2/models/{name}/infer", json=body).raise_for_status()
    after = call("get_inference_statistics", name, "1").model_stats[0]

    assert after.inference_count == before + 2
    assert after.inference_stats.success.ns > 0
    assert len(call("get_inference_statistics").model_stats) > 20


def test_models_cannot_be_changed(call: Call) -> None:
    """Loading runs code in Triton; here the models are fixed."""
    assert refused(call, "load_model", "max_pool2d")[0] == "UNIMPLEMENTED"
    assert refused(call, "load_model", "max_pool2d", config="{}", files={"file:1/x": b"x"})[0] == "UNIMPLEMENTED"
    assert refused(call, "unload_model", "max_pool2d")[0] == "UNIMPLEMENTED"
    assert refused(call, "unload_model", "max_pol2d")[0] == "NOT_FOUND"


def test_an_unknown_model_is_not_found(call: Call) -> None:
    """The text names where the models are listed, in the words of gRPC."""
    for method in ("get_model_metadata", "get_model_config", "get_inference_statistics"):
        assert refused(call, method, "zzz") == (
            "NOT_FOUND",
            "there is no model 'zzz'; RepositoryIndex lists them.",
        )


def test_settings_are_read_and_not_changed_without_an_admin_key(call: Call) -> None:
    """They concern all clients."""
    log = call("get_log_settings").settings
    trace = call("get_trace_settings").settings

    assert (log["log_info"].bool_param, log["log_verbose_level"].uint32_param) == (True, 0)
    assert log["log_format"].string_param == "default"
    assert (trace["trace_rate"].value, trace["trace_level"].value) == (["1"], ["OFF"])
    assert call("get_trace_settings", "max_pool2d").settings == trace
    assert refused(call, "get_trace_settings", "zzz")[0] == "NOT_FOUND"
    assert refused(call, "update_log_settings", {"log_info": False})[0] == "PERMISSION_DENIED"
    assert refused(call, "update_trace_settings", settings={"trace_rate": "5"})[0] == "PERMISSION_DENIED"


@pytest.mark.skipif(not hasattr(shared_memory, "create_shared_memory_region"), reason="needs POSIX shared memory")
def test_tensors_pass_through_shared_memory(call: Call) -> None:
    """Then neither the request nor the response holds elements."""
    key = f"/test-{uuid4().hex}"
    region = shared_memory.create_shared_memory_region("both", key, 256)
    try:
        shared_memory.set_shared_memory_region(region, [ELEMENTS])
        call("register_system_shared_memory", "both", key, 256)
        status = call("get_system_shared_memory_status", "both").regions["both"]
        given = InferInput("input", ELEMENTS.shape, "FP32")
        given.set_shared_memory("both", ELEMENTS.nbytes)
        wanted = InferRequestedOutput("output")
        wanted.set_shared_memory("both", 16, offset=64)
        indices = InferRequestedOutput("indices")
        found = call("infer", "max_pool2d", [given], outputs=[wanted, indices], parameters={"kernel_size": 2})
        pooled = shared_memory.get_contents_as_numpy(region, np.float32, [1, 1, 2, 2], offset=64)

        assert (status.key, status.offset, status.byte_size) == (key, 0, 256)
        assert pooled.tolist() == MAXIMA
        assert found.get_output("output").shape == [1, 1, 2, 2]
        assert found.get_response().raw_output_contents[0] == b""
        assert found.as_numpy("indices").tolist() == MAXIMA
        assert refused(call, "register_system_shared_memory", "both", key, 256)[0] == "INVALID_ARGUMENT"
        # A range outside of the region.
        given.set_shared_memory("both", ELEMENTS.nbytes, offset=2**63 - 64)
        assert refused(call, "infer", "max_pool2d", [given])[0] == "INVALID_ARGUMENT"
    finally:
        call("unregister_system_shared_memory", "both")
        shared_memory.destroy_shared_memory_region(region)
    assert not call("get_system_shared_memory_status").regions
    assert refused(call, "get_system_shared_memory_status", "both")[0] == "NOT_FOUND"
    assert refused(call, "infer", "max_pool2d", [given])[0] == "INVALID_ARGUMENT"


def test_regions_of_a_gpu_are_refused_without_one(call: Call) -> None:
    """The status stays readable, and clients forget their regions at the end."""
    assert not call("get_cuda_shared_memory_status").regions
    for nbytes, code in ((64, "UNIMPLEMENTED"), (63, "INVALID_ARGUMENT")):
        handle = base64.b64encode(b"x" * nbytes)
        assert refused(call, "register_cuda_shared_memory", "gpu", handle, 0, 64)[0] == code
    call("unregister_cuda_shared_memory")


def test_grpc_health_checks(channel: grpc.Channel, triton: InferenceServerClient) -> None:
    """Kubernetes calls them."""
    check = channel.unary_unary("/grpc.health.v1.Health/Check")

    def status(service: bytes) -> Any:
        message = b"\x0a%c%b" % (len(service), service)
        return HEALTH_CLASSES["HealthCheckResponse"].FromString(check(message, timeout=WAIT_TIMEOUT_S)).status

    assert status(b"") == status(b"inference.GRPCInferenceService") == 1


def test_messages_of_all_methods_may_be_compressed(channel: grpc.Channel) -> None:
    """A client chooses that for its channel."""
    for compress in (gzip.compress, zlib.compress):
        assert refusal(channel, compress(b""), "RepositoryIndex") == ("OK", "")
        assert refusal(channel, compress(b"")[:-1], "RepositoryIndex")[0] == "INVALID_ARGUMENT"
        assert refusal(channel, compress(bytes(2**20)), "RepositoryIndex")[0] == "RESOURCE_EXHAUSTED"


def test_a_message_that_needs_no_key_is_not_received(channel: grpc.Channel) -> None:
    """Otherwise anybody could make the service hold large messages. gRPC refuses this one, if it is received."""
    assert refusal(channel, bytes(4 * MAX_BODY_BYTES), "ServerLive") == ("OK", "")
    assert refusal(channel, bytes(4 * MAX_BODY_BYTES), "ServerReady") == ("OK", "")
    assert refusal(channel, bytes(4 * MAX_BODY_BYTES), "ServerMetadata")[0] == "RESOURCE_EXHAUSTED"


def test_invalid_messages_are_refused(channel: grpc.Channel) -> None:
    """A client may send any bytes to any method."""
    for method in ("ServerMetadata", "ModelReady", "ModelConfig", "RepositoryIndex", "TraceSetting", "LogSettings"):
        assert refusal(channel, b"\x0a\xff", method)[0] == "INVALID_ARGUMENT"
    assert refusal(channel, CLASSES["ModelRequest"](name="x" * 100_000).SerializeToString(), "ModelReady") == (
        "RESOURCE_EXHAUSTED",
        "The message has 100004 bytes, and those of this method have at most 65536.",
    )
    assert refusal(channel, b"", "NoSuchMethod")[0] == "UNIMPLEMENTED"
