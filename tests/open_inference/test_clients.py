"""Every method of Triton's clients, synchronous and asynchronous."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.http.auth import BasicAuth
from tritonclient.utils import InferenceServerException, shared_memory

from tests.open_inference.conftest import Call
from tests.open_inference.raw_http import ELEMENTS, MAXIMA
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

PARAMETERS = {"kernel_size": 2}


def input_of(array: np.ndarray[Any, Any] = ELEMENTS, *, binary: bool = True) -> InferInput:
    """The input of a request."""
    found = InferInput("input", list(array.shape), "FP32")
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def test_the_service_is_live_and_ready(call: Call) -> None:
    """Orchestrators and load generators wait for it."""
    assert call("is_server_live") is True
    assert call("is_server_ready") is True


@pytest.mark.parametrize(("model", "version"), [("max_pool2d", ""), ("max_pool2d", "1"), ("max_pool2d.k2s2", "")])
def test_a_model_is_ready(call: Call, model: str, version: str) -> None:
    """Operators and presets are models, with and without a version."""
    assert call("is_model_ready", model, version) is True


@pytest.mark.parametrize(("model", "version"), [("max_pol2d", ""), ("max_pool2d", "2"), ("max_pool2d", "01")])
def test_another_model_is_not_ready(call: Call, model: str, version: str) -> None:
    """A client that misspells a name must not wait for an answer of another model."""
    assert call("is_model_ready", model, version) is False


def test_the_metadata_of_the_service(call: Call) -> None:
    """perf_analyzer reads the extensions, which must be strings."""
    found = call("get_server_metadata")

    assert found["name"] == "poolhouse"
    assert {"binary_tensor_data", "parameters", "model_configuration", "classification"} <= set(found["extensions"])
    assert all(isinstance(name, str) for name in found["extensions"])


@pytest.mark.parametrize("version", ["", "1"])
def test_the_metadata_of_a_model(call: Call, version: str) -> None:
    """Clients take names, datatypes and ranks from it."""
    found = call("get_model_metadata", "max_pool2d", version)

    assert (found["name"], found["versions"]) == ("max_pool2d", ["1"])
    assert [(each["name"], each["datatype"], each["shape"]) for each in found["inputs"] + found["outputs"]] == [
        ("input", "FP32", [-1] * 4),
        ("output", "FP32", [-1] * 4),
        ("indices", "INT64", [-1] * 4),
    ]


def test_the_configuration_agrees_with_the_metadata(call: Call) -> None:
    """perf_analyzer requires each input of the configuration in the metadata."""
    config, metadata = call("get_model_config", "max_unpool2d"), call("get_model_metadata", "max_unpool2d")

    for key, plural in (("input", "inputs"), ("output", "outputs")):
        assert [(each["name"], each["data_type"], each["dims"]) for each in config[key]] == [
            (each["name"], f"TYPE_{each['datatype']}", each["shape"]) for each in metadata[plural]
        ]
    assert config["max_batch_size"] == 0


def test_the_index_lists_every_model(call: Call) -> None:
    """The index is how a client finds a model's name; each of them is ready."""
    rows = call("get_model_repository_index")

    assert {"max_pool2d", "pool", "max_pool2d.k2s2"} <= {row["name"] for row in rows}
    assert {(row["version"], row["state"]) for row in rows} == {("1", "READY")}
    assert call("is_model_ready", rows[-1]["name"], rows[-1]["version"])


@pytest.mark.parametrize("method", ["load_model", "unload_model"])
def test_models_can_be_neither_loaded_nor_unloaded(call: Call, method: str) -> None:
    """The catalogue is fixed: a client must not replace an operator for all others."""
    with pytest.raises(InferenceServerException) as caught:
        call(method, "max_pool2d")

    assert caught.value.status() in ("400", "501")
    assert "decoding the response" not in caught.value.message()
    assert call("is_model_ready", "max_pool2d")


@pytest.mark.parametrize("binary", [True, False])
def test_an_inference(call: Call, binary: bool) -> None:
    """The method that all of this is for."""
    result = call("infer", "max_pool2d", [input_of(binary=binary)], request_id="mine", parameters=PARAMETERS)

    assert result.as_numpy("output").ravel().tolist() == MAXIMA
    assert result.as_numpy("indices") is None
    assert {name: result.get_response()[name] for name in ("model_name", "model_version", "id")} == {
        "model_name": "max_pool2d",
        "model_version": "1",
        "id": "mine",
    }


def test_an_inference_of_a_version_and_of_a_preset(call: Call) -> None:
    """A preset fixes the fields, for tools that send no parameters."""
    one = call("infer", "max_pool2d", [input_of()], model_version="1", parameters=PARAMETERS)
    other = call("infer", "max_pool2d.k2s2", [input_of()])

    assert one.as_numpy("output").tobytes() == other.as_numpy("output").tobytes()


@pytest.mark.parametrize("value", [[2, 1], "2,1", "[2, 1]"])
def test_sizes_per_axis_in_three_forms(call: Call, value: object) -> None:
    """Clients that can send no lists, as those of gRPC, send them as text."""
    result = call("infer", "max_pool2d", [input_of()], parameters={"kernel_size": value, "stride": value})

    assert result.as_numpy("output").tolist() == [[[[4, 5, 6, 7], [12, 13, 14, 15]]]]


def test_the_generic_model_takes_the_operator_as_a_parameter(call: Call) -> None:
    """A client with one configured model reaches every operator."""
    result = call("infer", "pool", [input_of()], parameters={"op": "avg_pool2d", "kernel_size": 4})

    assert result.as_numpy("output").ravel().tolist() == [7.5]


def test_two_inputs_and_two_outputs(call: Call) -> None:
    """Unpooling inverts the pooling whose indices it gets."""
    outputs = [InferRequestedOutput("indices", binary_data=True), InferRequestedOutput("output", binary_data=False)]
    pooled = call("infer", "max_pool2d", [input_of()], outputs=outputs, parameters=PARAMETERS)
    indices = InferInput("indices", [1, 1, 2, 2], "INT64")
    indices.set_data_from_numpy(pooled.as_numpy("indices"), binary_data=True)

    found = call(
        "infer", "max_unpool2d", [input_of(pooled.as_numpy("output")), indices], parameters=PARAMETERS
    ).as_numpy("output")

    assert found[found != 0].tolist() == MAXIMA
    assert np.array_equal(found, np.where(np.isin(ELEMENTS, MAXIMA), ELEMENTS, 0))


def test_a_pyramid_has_the_outputs_of_its_metadata_and_shares_by_name(call: Call) -> None:
    """Load generators request every output that the metadata lists, and send no parameters."""
    listed = [each["name"] for each in call("get_model_metadata", "pyramid_pool2d")["outputs"]]
    requested = [InferRequestedOutput(name) for name in (*listed, "valid1", "valid2")]

    found = call("infer", "pyramid_pool2d", [input_of()], outputs=requested)

    assert listed == ["level1", "level2", "level3"]
    assert found.as_numpy("level3").tolist() == [[[[ELEMENTS.mean()]]]]
    assert (found.as_numpy("valid1") == 1).all()
    assert found.as_numpy("valid2").shape == (1, 1, 1, 1)


def test_a_classification(call: Call) -> None:
    """The largest elements as texts of value and index, in both forms."""
    for binary in (True, False):
        outputs = [InferRequestedOutput("output", binary_data=binary, class_count=2)]
        result = call("infer", "max_pool2d", [input_of()], outputs=outputs, parameters=PARAMETERS)

        texts = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("output").ravel()]
        assert texts == ["15.000000:3", "13.000000:2"]
        assert result.get_output("output")["datatype"] == "BYTES"


@pytest.mark.parametrize("options", [{"priority": 1}, {"timeout": 30_000_000}, {"query_params": {"any": ["1", "2"]}}])
def test_options_of_an_inference(call: Call, options: dict[str, Any]) -> None:
    """The client sends them as parameters and as a query; they change no result."""
    result = call("infer", "max_pool2d", [input_of()], parameters=PARAMETERS, **options)

    assert result.as_numpy("output").ravel().tolist() == MAXIMA


def test_a_sequence_is_refused(call: Call) -> None:
    """Pooling keeps no state between requests, and must not pretend to."""
    with pytest.raises(InferenceServerException, match="sequence_id"):
        call("infer", "max_pool2d", [input_of()], sequence_id=7, sequence_start=True, parameters=PARAMETERS)


def test_asynchronous_inferences(triton: InferenceServerClient) -> None:
    """A synchronous client has several requests in flight, and each handle gets its own response."""
    handles = [
        triton.async_infer("max_pool2d", [input_of(ELEMENTS + index)], parameters=PARAMETERS) for index in range(4)
    ]

    for index, handle in enumerate(handles):
        found = handle.get_result(timeout=WAIT_TIMEOUT_S).as_numpy("output")
        assert found.ravel().tolist() == [each + index for each in MAXIMA]


def test_static_methods_build_and_parse_a_request(triton: InferenceServerClient) -> None:
    """Load generators build bodies once and send them by other libraries."""
    body, length = triton.generate_request_body([input_of()], parameters=PARAMETERS)

    assert length is not None
    assert len(body) == length + ELEMENTS.nbytes


@pytest.mark.parametrize("model", ["", "max_pool2d"])
def test_the_statistics(call: Call, model: str) -> None:
    """perf_analyzer reads all eight durations of each model; an inference is counted in those of its model."""
    before = call("get_inference_statistics", "max_pool2d")["model_stats"][0]
    call("infer", "max_pool2d", [input_of()], parameters=PARAMETERS)

    rows = call("get_inference_statistics", model)["model_stats"]

    after = next(row for row in rows if row["name"] == "max_pool2d")
    assert (len(rows) == 1) == bool(model)
    assert after["version"] == "1"
    assert after["inference_count"] == before["inference_count"] + 1
    assert set(after["inference_stats"]) == {
        *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss")
    }
    assert all(type(each["count"]) is type(each["ns"]) is int for each in after["inference_stats"].values())


def test_settings_of_traces_and_logs(call: Call) -> None:
    """Tools read them; what they say has Triton's keys."""
    trace, log = call("get_trace_settings"), call("get_log_settings")

    assert isinstance(trace["trace_level"], list)
    assert {"log_info", "log_warning", "log_error", "log_verbose_level", "log_format"} <= set(log)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("update_trace_settings", {"trace_file": "/tmp/x"}), ("update_log_settings", {"log_file": "/tmp/x"})],
)
def test_files_of_traces_and_logs_cannot_be_set(call: Call, method: str, settings: dict[str, str]) -> None:
    """A client must not choose where the service writes."""
    with pytest.raises(InferenceServerException) as caught:
        call(method, settings=settings)

    assert caught.value.status() in ("400", "403", "501")


def test_shared_memory_for_an_input_and_an_output(call: Call) -> None:
    """A client on the same machine passes tensors without sending them."""
    key = f"/{uuid4().hex}"
    region = shared_memory.create_shared_memory_region("both", key, 128)
    try:
        shared_memory.set_shared_memory_region(region, [ELEMENTS])
        call("register_system_shared_memory", "both", key, 128)
        rows = call("get_system_shared_memory_status")
        assert rows == [{"name": "both", "key": key, "offset": 0, "byte_size": 128}]
        assert call("get_system_shared_memory_status", "both") == rows
        given = InferInput("input", list(ELEMENTS.shape), "FP32")
        given.set_shared_memory("both", ELEMENTS.nbytes)
        wanted = InferRequestedOutput("output")
        wanted.set_shared_memory("both", 16, offset=64)

        result = call("infer", "max_pool2d", [given], outputs=[wanted], parameters=PARAMETERS)

        assert result.get_output("output")["shape"] == [1, 1, 2, 2]
        found = shared_memory.get_contents_as_numpy(region, np.float32, [4], offset=64)
        assert found.tolist() == MAXIMA
        call("unregister_system_shared_memory", "both")
        assert call("get_system_shared_memory_status") == []
    finally:
        call("unregister_system_shared_memory")
        shared_memory.destroy_shared_memory_region(region)


def test_shared_memory_of_a_gpu(call: Call) -> None:
    """Without a GPU none can be registered; status and unregistering work, since tools call them at their end."""
    assert call("get_cuda_shared_memory_status") == []
    call("unregister_cuda_shared_memory")
    with pytest.raises(InferenceServerException) as caught:
        call("register_cuda_shared_memory", "gpu", b"AAAA", 0, 64)

    assert caught.value.status() in ("400", "501")


@pytest.mark.parametrize(
    ("method", "arguments", "status"),
    [
        ("get_model_metadata", ("max_pol2d",), "404"),
        ("get_model_config", ("max_pool2d", "2"), "404"),
        ("infer", ("max_pol2d", [input_of()]), "404"),
        ("infer", ("max_pool2d", [input_of(ELEMENTS[0, 0])]), "400"),
        ("get_inference_statistics", ("max_pol2d",), "404"),
        ("get_system_shared_memory_status", ("none",), "404"),
    ],
)
def test_a_client_can_read_every_refusal(call: Call, method: str, arguments: tuple[Any, ...], status: str) -> None:
    """The clients decode ``error`` of a JSON object, and call everything else an unreadable response."""
    with pytest.raises(InferenceServerException) as caught:
        call(method, *arguments)

    assert caught.value.status() == status
    assert "decoding the response" not in caught.value.message()
    assert len(caught.value.message()) > 20


def test_a_plugin_adds_a_header(server: LiveServer) -> None:
    """Proxies before the service authenticate this way; the service ignores credentials that it does not ask for."""
    with InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        client.register_plugin(BasicAuth("user", "password"))
        assert client.is_server_ready()
        assert client.get_server_metadata(headers={"X-Any": "1"})["name"] == "poolhouse"
