"""``ModelStreamInfer`` with Triton's clients: order, errors of single requests, and bounded concurrency."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import tritonclient.grpc.aio
from tritonclient.grpc import InferenceServerClient

from poolhouse.rest.app import create_app
from poolhouse.rpc.calls import Calls
from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.receiving import Receiver
from poolhouse.rpc.stream import MAX_PENDING, MAX_STREAMS, StreamInference
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.rpc.raw_calls import ELEMENTS, MAXIMA, PATH, request_message
from tests.rpc.test_inference import input_of

COUNT = 100


def parameters_of(number: int) -> dict[str, int]:
    """Every tenth request is invalid."""
    return {"kernel_size": 9 if number % 10 == 5 else 2}


def check(responses: list[tuple[Any, Any]]) -> None:
    """Check that each response is that of the request in the same place."""
    assert len(responses) == COUNT
    for number, (result, error) in enumerate(responses):
        if number % 10 == 5:
            assert result is None
            assert "no window fits" in str(error)
        else:
            response = result.get_response()
            assert error is None
            assert response.id == str(number)
            assert response.parameters["triton_final_response"].bool_param
            assert result.as_numpy("output").tolist() == [[[[5 + number, 7 + number], [13 + number, 15 + number]]]]


def test_responses_come_in_the_order_of_the_requests(triton: InferenceServerClient) -> None:
    """Triton's synchronous client passes responses to a callback without telling whose they are."""
    received: queue.Queue[tuple[Any, Any]] = queue.Queue()

    triton.start_stream(lambda result, error: received.put((result, error)))
    for number in range(COUNT):
        triton.async_stream_infer(
            "max_pool2d",
            [input_of(ELEMENTS + number)],
            request_id=str(number),
            parameters=parameters_of(number),
            enable_empty_final_response=number % 2 == 0,
        )
    responses = [received.get(timeout=WAIT_TIMEOUT_S) for _ in range(COUNT)]
    triton.stop_stream()

    check(responses)


def test_the_asynchronous_client_streams(server: LiveServer) -> None:
    """Its requests come from an iterator, and its responses are one."""

    async def requests() -> AsyncIterator[dict[str, Any]]:
        for number in range(COUNT):
            yield {
                "model_name": "max_pool2d",
                "inputs": [input_of(ELEMENTS + number)],
                "request_id": str(number),
                "parameters": parameters_of(number),
            }

    async def run() -> list[tuple[Any, Any]]:
        async with tritonclient.grpc.aio.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
            return [each async for each in client.stream_infer(requests())]

    check(asyncio.run(run()))


def test_an_error_has_the_id_of_its_request(channel: grpc.Channel) -> None:
    """Otherwise a client that sends many could not tell which one failed; the stream goes on."""
    invalid = request_message(id="bad")
    invalid.model_name = "zzz"
    messages = [invalid.SerializeToString(), b"\xff", request_message(id="good").SerializeToString()]

    stream = channel.stream_stream(PATH + "ModelStreamInfer")(iter(messages), timeout=WAIT_TIMEOUT_S)
    found = [CLASSES["ModelStreamInferResponse"].FromString(each) for each in stream]

    assert ["there is no model" in each.error_message for each in found] == [True, False, False]
    assert [each.infer_response.id for each in found] == ["bad", "", "good"]
    assert "no message of the method" in found[1].error_message
    assert len(found[2].infer_response.raw_output_contents[0]) == 4 * len(MAXIMA[0][0]) * 2


class FakeContext:
    """A call whose client sends without end and reads nothing."""

    def __init__(self) -> None:
        self.messages_read = 0

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def time_remaining(self) -> None:
        return None

    async def read(self) -> bytes:
        self.messages_read += 1
        await asyncio.sleep(0)
        return b""

    async def write(self, _response: bytes) -> None:
        await asyncio.Event().wait()


class FakeInference:
    """Responds at once."""

    async def infer(self, *_words: object) -> bytes:
        return b""


def test_a_stream_is_not_read_while_its_responses_wait() -> None:
    """Otherwise a client that does not read could fill the memory with responses. Nothing is left when it goes."""
    service = create_app(Settings(device=("cpu",))).service
    context = FakeContext()

    async def run() -> int:
        receiver = Receiver(service.settings, None)  # type: ignore[arg-type]
        calls = Calls(service, receiver)
        stream = StreamInference("/s/M", calls, receiver, FakeInference())  # type: ignore[arg-type]
        task = asyncio.ensure_future(stream.handler().stream_stream(None, context))
        for _ in range(20 * MAX_PENDING):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await calls.wait_until_idle()
        return calls.busy

    assert asyncio.run(run()) == 0
    assert context.messages_read == MAX_PENDING
    assert service.pooling.status.held_bytes == 0


def test_the_number_of_streams_is_limited(channel: grpc.Channel) -> None:
    """Each may make gRPC receive a large message before the service can count it."""
    queues = [queue.Queue[bytes | None]() for _ in range(MAX_STREAMS)]
    message = request_message().SerializeToString()
    method = channel.stream_stream(PATH + "ModelStreamInfer")
    streams = [method(iter(each.get, None), timeout=WAIT_TIMEOUT_S) for each in queues]
    try:
        for each, stream in zip(queues, streams, strict=True):
            each.put(message)
            next(stream)

        with pytest.raises(grpc.RpcError) as raised:
            next(method(iter([message]), timeout=WAIT_TIMEOUT_S))
    finally:
        for each in queues:
            each.put(None)
        for stream in streams:
            assert list(stream) == []

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert next(method(iter([message]), timeout=WAIT_TIMEOUT_S))
