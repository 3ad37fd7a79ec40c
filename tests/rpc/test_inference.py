"""``ModelInfer`` with Triton's clients, and with messages that they cannot send."""

from __future__ import annotations

import asyncio
import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import grpc
import ml_dtypes
import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput

from poolhouse.errors import PoolhouseError
from poolhouse.rest.app import create_app
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rpc.exchange import Exchange
from poolhouse.rpc.inference import Inference
from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.request_message import PARSE_FACTOR
from poolhouse.settings import Settings
from tests.rest.gated_service import becomes_true, parse_metrics
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.rpc.conftest import MAX_BODY_BYTES, MAX_HEAD_BYTES, Call
from tests.rpc.raw_calls import ELEMENTS, MAXIMA, PATH, output_of, refusal, request_message, send
from tests.rpc.test_methods import refused
from tests.rpc.test_request_message import REFUSED, TYPED, typed_request

DATATYPES = {
    "FP16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": np.float32,
    "FP64": np.float64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "BOOL": np.bool_,
}


def input_of(array: Any, datatype: str = "FP32") -> InferInput:
    """The input of a request."""
    found = InferInput("input", list(array.shape), datatype)
    found.set_data_from_numpy(array)
    return found


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_comes_back(call: Call, datatype: str) -> None:
    """Windows of one element return the input, so each bit is compared."""
    array = np.arange(-8, 8).astype(DATATYPES[datatype]).reshape(1, 1, 4, 4)

    found = call("infer", "max_pool2d", [input_of(array, datatype)], parameters={"kernel_size": 1})

    assert found.get_output("output").datatype == datatype
    assert found.as_numpy("output").tobytes() == array.tobytes()


POOLINGS = (
    '[{"operator": "max_pool2d", "name": "a", "kernel_size": 2, "return_indices": true},'
    ' {"operator": "max_unpool2d", "of": "a", "kernel_size": 2}]'
)


def test_several_poolings(call: Call) -> None:
    """The model ``pool`` takes a list of them, of one input and of several."""
    found = call("infer", "pool", [input_of(ELEMENTS)], parameters={"poolings": POOLINGS})

    assert {each.name for each in found.get_response().outputs} == {"a", "a.indices", "max_unpool2d"}
    assert found.as_numpy("a").tolist() == MAXIMA
    assert found.as_numpy("max_unpool2d").shape == ELEMENTS.shape
    named = []
    for name in ("left", "right"):
        named.append(InferInput(name, list(ELEMENTS.shape), "FP32"))
        named[-1].set_data_from_numpy(ELEMENTS)
    both = call("infer", "pool", named, parameters={"poolings": '[{"operator": "max_pool2d", "kernel_size": 2}]'})
    assert both.as_numpy("left").tolist() == both.as_numpy("right").tolist() == MAXIMA


def test_outputs_parameters_and_id(call: Call) -> None:
    """The forms in which clients without lists send sizes; and what a response repeats."""
    outputs = [InferRequestedOutput("indices"), InferRequestedOutput("output", class_count=3)]

    found = call(
        "infer",
        "max_pool2d",
        [input_of(ELEMENTS)],
        outputs=outputs,
        request_id="a-1",
        priority=1,
        timeout=10_000_000,
        parameters={"kernel_size": "2,2", "stride": "[2, 2]", "ceil_mode": False, "stats": True},
    )

    response = found.get_response()
    assert (response.model_name, response.model_version, response.id) == ("max_pool2d", "1", "a-1")
    assert found.as_numpy("indices").tolist() == MAXIMA
    assert found.as_numpy("output").tolist() == [[b"15.000000:3", b"13.000000:2", b"7.000000:1"]]
    assert response.parameters["queue_us"].int64_param >= 0


def test_the_generic_model_and_random_operators(call: Call) -> None:
    """The seed of a random operator is in the response, and repeats it."""
    parameters = {"op": "fractional_max_pool2d", "kernel_size": 2, "output_size": 2}
    found = call("infer", "pool", [input_of(ELEMENTS)], parameters=parameters)
    seed = found.get_response().parameters["seed"].int64_param

    again = call("infer", "pool", [input_of(ELEMENTS)], parameters={**parameters, "seed": seed})

    assert again.as_numpy("output").tolist() == found.as_numpy("output").tolist()


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_messages_may_be_compressed(call: Call, algorithm: str) -> None:
    """Triton's clients offer both."""
    options = {"parameters": {"kernel_size": 2}, "compression_algorithm": algorithm}

    assert call("infer", "max_pool2d", [input_of(ELEMENTS)], **options).as_numpy("output").tolist() == MAXIMA


def test_empty_and_large_tensors(call: Call) -> None:
    """Large ones are copied and encoded in threads."""
    large = np.random.default_rng(1).standard_normal((1, 1, 511, 512), dtype=np.float32)

    pooled = call("infer", "max_pool2d", [input_of(large)], parameters={"kernel_size": 1}).as_numpy("output")
    empty = call("infer", "max_pool2d", [input_of(large[:0])], parameters={"kernel_size": 1}).as_numpy("output")

    assert pooled.tobytes() == large.tobytes()
    assert empty.shape == (0, 1, 511, 512)


def test_unpooling_takes_two_inputs(call: Call) -> None:
    """Their elements lie one after the other in the message."""
    indices = InferInput("indices", [1, 1, 2, 2], "INT64")
    indices.set_data_from_numpy(np.array(MAXIMA))
    values = input_of(np.array(MAXIMA, np.float32))

    found = call("infer", "max_unpool2d", [values, indices], parameters={"kernel_size": 2}).as_numpy("output")

    assert found.ravel()[[5, 7, 13, 15]].tolist() == [5, 7, 13, 15]
    assert found.sum() == 40


@pytest.mark.parametrize("datatype", TYPED)
def test_typed_contents_are_pooled(channel: grpc.Channel, datatype: str) -> None:
    """Clients that are not Triton's may send elements so."""
    field, values = TYPED[datatype]
    message = typed_request(datatype, field, values)
    message.parameters["kernel_size"].string_param = "1"

    response = CLASSES["ModelInferResponse"].FromString(send(channel, message.SerializeToString()))

    kind = np.dtype(DATATYPES[datatype])
    assert np.array_equal(np.frombuffer(response.raw_output_contents[0], kind), np.array(values, kind), equal_nan=True)


@pytest.mark.parametrize("case", [case for case in REFUSED if case != "very many dimensions"])
def test_invalid_requests_are_refused(channel: grpc.Channel, case: str) -> None:
    """It is the client's fault, and no reason to send the same again."""
    assert refusal(channel, REFUSED[case][0].SerializeToString())[0] == "INVALID_ARGUMENT"


def test_changed_bytes_of_a_request_are_no_fault_of_the_service(channel: grpc.Channel) -> None:
    """Whatever a client sends, it is pooled or refused: an internal error would be reported as a bug."""
    message = request_message(id="a", outputs=[{"name": "output"}, {"name": "indices"}])
    message.outputs[0].parameters["classification"].int64_param = 2
    whole = message.SerializeToString()
    numbers = random.Random(2)
    found = set[str]()
    for _ in range(400):
        changed = bytearray(whole)
        for _ in range(numbers.randint(1, 3)):
            changed[numbers.randrange(len(changed) - 64)] ^= 1 << numbers.randrange(8)
        found.add(refusal(channel, bytes(changed))[0])

    # UNIMPLEMENTED: the compression of a message that begins like a compressed one.
    assert found <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED"}


def parameter(name: str, **value: Any) -> bytes:
    """A request with this parameter."""
    message = request_message()
    message.parameters[name].MergeFrom(CLASSES["InferParameter"](**value))
    encoded: bytes = message.SerializeToString()
    return encoded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kernel_size", {"double_param": float("nan")}),
        ("kernel_size", {"double_param": float("inf")}),
        ("kernel_size", {"int64_param": -1}),
        ("kernel_size", {"uint64_param": 2**64 - 1}),
        ("kernel_size", {"string_param": "2,2,2"}),
        ("kernal_size", {"int64_param": 2}),
        ("timeout", {"int64_param": -1}),
        ("priority", {"double_param": 1.0}),
        ("sequence_id", {"int64_param": 1}),
        ("triton_x", {"bool_param": True}),
        ("op", {"string_param": "avg_pool2d"}),
        ("", {"int64_param": 2}),
    ],
)
def test_invalid_parameters_are_refused(channel: grpc.Channel, name: str, value: dict[str, Any]) -> None:
    """A parameter that is ignored would change results silently."""
    assert refusal(channel, parameter(name, **value))[0] == "INVALID_ARGUMENT"


def test_the_status_and_text_of_errors(call: Call, triton: InferenceServerClient, channel: grpc.Channel) -> None:
    """The text says how to correct the request; the metadata have the code and the id."""
    given = [input_of(ELEMENTS)]

    assert refused(call, "infer", "max_pol2d", given) == (
        "NOT_FOUND",
        "there is no model 'max_pol2d'; did you mean max_pool2d, max_unpool2d or max_pool1d?",
    )
    assert refused(call, "infer", "max_pool2d", given, model_version="2")[0] == "NOT_FOUND"
    code, text = refused(call, "infer", "max_pool2d", given, parameters={"kernal_size": 2})
    assert (code, "did you mean kernel_size" in text) == ("INVALID_ARGUMENT", True)
    with pytest.raises(grpc.RpcError) as raised:
        send(channel, b"\xff", metadata=[("x-request-id", "mine")])
    found = dict(raised.value.trailing_metadata())
    assert (found["x-request-id"], found["poolhouse-code"]) == ("mine", "malformed_body")


def test_large_messages_are_refused(channel: grpc.Channel) -> None:
    """Elements over the limit of the service, a head over its limit, and a message over that of gRPC."""
    over = request_message()
    over.raw_input_contents[0] = bytes(MAX_BODY_BYTES + 4)
    typed = request_message()
    typed.inputs[0].contents.fp32_contents.extend([1.0] * (MAX_HEAD_BYTES // 4))

    assert refusal(channel, over.SerializeToString())[0] == "RESOURCE_EXHAUSTED"
    code, text = refusal(channel, typed.SerializeToString())
    assert (code, "Send the elements in raw_input_contents" in text) == ("RESOURCE_EXHAUSTED", True)
    assert refusal(channel, bytes(4 * MAX_BODY_BYTES)) == (
        "RESOURCE_EXHAUSTED",
        f"SERVER: Received message larger than max ({4 * MAX_BODY_BYTES} vs. {2 * MAX_BODY_BYTES})",
    )


def test_compressed_bombs_and_damaged_messages_are_refused(channel: grpc.Channel) -> None:
    """They are recognized by their first bytes."""
    bomb = zlib.compress(bytes(64 * MAX_BODY_BYTES))
    valid = zlib.compress(request_message().SerializeToString())

    code, text = refusal(channel, bomb)
    assert (code, "once inflated" in text) == ("RESOURCE_EXHAUSTED", True)
    assert output_of(send(channel, valid)).tolist() == MAXIMA
    assert refusal(channel, valid[:-1])[0] == "INVALID_ARGUMENT"
    assert refusal(channel, valid + b"x")[0] == "INVALID_ARGUMENT"
    assert refusal(channel, b"")[0] in ("INVALID_ARGUMENT", "NOT_FOUND")


def test_a_long_id_is_refused_as_http_refuses_it(channel: grpc.Channel) -> None:
    """The response repeats it."""
    assert refusal(channel, request_message(id="x" * 1024).SerializeToString())[0] == "OK"
    assert refusal(channel, request_message(id="x" * 1025).SerializeToString())[0] == "INVALID_ARGUMENT"


def test_a_bomb_of_grpc_is_refused(channel: grpc.Channel) -> None:
    """gRPC itself would inflate a message without a limit, and pass all of it on."""
    code, text = refusal(channel, bytes(16 * MAX_BODY_BYTES), compression=grpc.Compression.Gzip)

    assert (code, "once inflated" in text) == ("RESOURCE_EXHAUSTED", True)


def test_memory_is_reserved_before_a_head_is_parsed() -> None:
    """Each byte of it may take twenty in memory."""
    service = create_app(Settings(device=("cpu",))).service
    message = CLASSES["ModelInferRequest"](model_name="x" * 5000).SerializeToString()
    exchange = Exchange(RequestRecord("POST", "/", b"id"), service.pooling.admission, None)
    exchange.admit()
    reserved: list[int] = []

    async def run() -> None:
        with patch.object(Exchange, "reserve", lambda _, nbytes: reserved.append(nbytes)):
            await Inference(service).infer(message, exchange, b"".join)

    with pytest.raises(PoolhouseError, match="inputs is missing"):
        asyncio.run(run())

    assert reserved == [len(message), len(message) + PARSE_FACTOR * len(message)]


def test_a_deadline_that_cannot_be_met_is_reported(call: Call) -> None:
    """The client no longer waits, so nothing is pooled for it."""
    code, text = refused(call, "infer", "max_pool2d", [input_of(ELEMENTS)], timeout=1)

    assert (code, "The deadline of the call" in text) == ("DEADLINE_EXCEEDED", True)


def test_concurrent_calls_get_their_own_results(triton: InferenceServerClient) -> None:
    """Requests of one shape share a batch."""
    arrays = [ELEMENTS + number for number in range(64)]

    def pooled(array: Any) -> Any:
        return triton.infer("max_pool2d", [input_of(array)], parameters={"kernel_size": 4}).as_numpy("output")

    with ThreadPoolExecutor(16) as threads:
        found = [each.item() for each in threads.map(pooled, arrays)]

    assert found == [15 + number for number in range(64)]


def test_cancelled_calls_hold_no_memory(server: LiveServer, channel: grpc.Channel) -> None:
    """Otherwise clients that cancel would fill the budget."""
    message = request_message().SerializeToString()
    method = channel.unary_unary(PATH + "ModelInfer")
    calls = [method.future(message, timeout=WAIT_TIMEOUT_S) for _ in range(50)]

    for each in calls[::2]:
        each.cancel()

    assert all(output_of(each.result()).tolist() == MAXIMA for each in calls[1::2])
    with server.client() as http:
        key = ("poolhouse_held_bytes", frozenset[tuple[str, str]]())
        assert becomes_true(lambda: parse_metrics(http.get("/metrics").text)[key] == 0)


def test_bytes_that_are_no_http_2_end_a_connection_alone(server: LiveServer, channel: grpc.Channel) -> None:
    """Scanners connect to every port."""
    grpc_server = LiveServer("", server.grpc_port or 0)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), preface + b"\xff" * 1000, b"\x16\x03\x01\x00\x05hello"):
        with grpc_server.connect() as connection:
            connection.sendall(garbage)
            connection.settimeout(WAIT_TIMEOUT_S)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass

    assert output_of(send(channel, request_message().SerializeToString())).tolist() == MAXIMA
