"""Whatever goes wrong below ``/v2``, the clients can read what and why."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from tritonclient.http import InferenceServerClient
from tritonclient.utils import InferenceServerException

from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.open_inference.raw_http import (
    HEADER_LENGTH,
    MAX_POOL,
    MAXIMA,
    Reply,
    binary_request,
    infer,
    infer_json,
    json_request,
    send,
)
from tests.open_inference.test_clients import input_of
from tests.rest.live_server import LiveServer, run_live_server

BODY, LENGTH = binary_request()


def parse(received: bytes) -> Reply:
    """The response in the bytes of a connection."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v2/none", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/none", 404),
        ("GET", "/v2/models/%ed%a0%80", 404),
        ("GET", "/v2/models/%00", 404),
        ("GET", "/v2/models/max_pool2d/versions/2", 404),
        ("GET", "/v2/models/max_pool2d/versions/x", 404),
        ("POST", "/v2/models/none/infer", 404),
        ("POST", "/v2/models/max_pool2d/versions/2/infer", 404),
        ("POST", "/v2/models/max_pool2d/versions/9999999999999999999/infer", 404),
        ("POST", "/v2/models/a%2Fb/infer", 404),
        ("POST", "/v2/models/%ed%a0%80/infer", 404),
        ("POST", "/v2/models/" + "m" * 5000 + "/infer", 404),
        ("POST", "/v2/models//infer", 404),
        ("GET", MAX_POOL, 405),
        ("PUT", MAX_POOL, 405),
        ("POST", "/v2/health/live", 405),
        ("POST", "/v2/models/max_pool2d", 405),
        ("DELETE", "/v2", 405),
    ],
)
def test_a_wrong_path_or_method(server: LiveServer, method: str, target: str, status: int) -> None:
    """The clients decode ``error``, and call everything else an unreadable response."""
    reply = send(server, method, target, [("Accept-Encoding", "gzip")], b"" if method == "POST" else None)

    assert (reply.status, len(reply.refusal()) < 4097) == (status, True)
    assert "x-request-id" in reply.headers
    assert (status == 405) == ("allow" in reply.headers)


def test_a_similar_model_is_suggested(server: LiveServer) -> None:
    """A misspelt name is the most common cause of 404."""
    assert "max_pool2d" in infer_json(server, json_request(), model="max_pol2d").refusal()


def test_a_refusal_has_a_code_and_pointers(server: LiveServer) -> None:
    """Programs decide by the code, and forms show a message at its field."""
    document = json_request()
    document["parameters"] |= {"kernel_size": 0, "strid": 1}

    found = json.loads(infer_json(server, document).body)

    assert found["code"] == "invalid_fields"
    assert {each["pointer"] for each in found["errors"]} <= {"/parameters/kernel_size", "/parameters/strid"}
    assert found["errors"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n", 400),
        (b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
        (b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nHost: x\r\nno colon\r\n", 400),
        (b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nContent-Length: 0\r\n", 400),
        (b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n", 400),
        (b"POST /v2/models/max_pool2d/infer?a=b HTTP/9.9\r\nHost: x\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000 + b"\r\n", 431),
    ],
)
def test_a_request_that_is_no_http(server: LiveServer, head: bytes, status: int) -> None:
    """The server itself refuses it, before any route, in the form of the path."""
    reply = parse(server.exchange(head + b"\r\n"))

    assert (reply.status, bool(reply.refusal())) == (status, True)


def test_a_chunk_that_is_none(server: LiveServer) -> None:
    """The body is cut off in the middle, when the route has begun."""
    head = b"POST /v2/models/max_pool2d/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n"

    reply = parse(server.exchange(head))

    assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.fixture(scope="module")
def broken() -> Iterator[tuple[LiveServer, PoolingService]]:
    """A server of its own, for what would disturb other tests."""
    settings = Settings.model_validate({"port": 0, "device": "cpu", "max_queue_bytes": 1 << 16, "body_timeout_s": 0.3})
    pooling = PoolingService.from_settings(settings)
    with run_live_server(settings, pooling) as running:
        yield running, pooling


def test_a_bug_of_the_service(
    broken: tuple[LiveServer, PoolingService], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns that it is not to blame, and the id to find the traceback in the log; no more."""

    def fail(*arguments: object) -> object:
        raise RuntimeError("the secret")

    server, pooling = broken
    monkeypatch.setattr(pooling, "prepare_planned", fail)
    with caplog.at_level(logging.ERROR):
        for headers in ([], [("Content-Encoding", "identity")], [("Accept-Encoding", "gzip")]):
            reply = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH)), *headers])

            assert (reply.status, json.loads(reply.body)["code"]) == (500, "internal")
            assert "secret" not in reply.refusal()
    assert json.loads(reply.body)["request_id"] in caplog.text


def test_more_memory_than_is_free(broken: tuple[LiveServer, PoolingService]) -> None:
    """The client is told to come back."""
    server, pooling = broken
    lease = pooling.admission.reserve(1 << 16)
    try:
        reply = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH))])
    finally:
        lease.release()

    assert (reply.status, bool(reply.refusal()), int(reply.headers["retry-after"]) >= 1) == (503, True, True)


def test_a_client_that_stops_sending(broken: tuple[LiveServer, PoolingService]) -> None:
    """It gets 408 and why."""
    head = f"POST {MAX_POOL} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n{HEADER_LENGTH}: {LENGTH}\r\n\r\n"
    reply = parse(broken[0].exchange(head.encode() + BODY[:50]))

    assert (reply.status, bool(reply.refusal())) == (408, True)


def test_a_timeout_that_has_passed(server: LiveServer) -> None:
    """A client that no longer waits gets no result; a timeout of 0 means none, and a long one is allowed."""
    statuses = {}
    for timeout in (0, 1, 2**62):
        document = json_request()
        document["parameters"]["timeout"] = timeout
        reply = infer_json(server, document)
        statuses[timeout] = reply.status
        assert reply.status == 200 or reply.refusal()
    assert statuses[0] == statuses[2**62] == 200
    assert statuses[1] in (200, 503, 504)


def test_a_client_after_a_refusal(server: LiveServer) -> None:
    """The connection of the client is in order, so the next call works."""
    with InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        for _ in range(3):
            with pytest.raises(InferenceServerException, match="kernal_size"):
                client.infer("max_pool2d", [input_of()], parameters={"kernal_size": 2})
            found = client.infer("max_pool2d", [input_of()], parameters={"kernel_size": 2}).as_numpy("output")
            assert found.ravel().tolist() == MAXIMA


def test_keys_are_asked_for_in_the_same_form() -> None:
    """401 is an error as any other; the clients send keys as headers."""
    settings = Settings.model_validate(
        {"port": 0, "device": "cpu", "api_keys": "client=0123456789abcdef0123456789abcdef"}
    )
    with run_live_server(settings) as server:
        reply = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH))])
        with InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            headers = {"Authorization": "Bearer 0123456789abcdef0123456789abcdef"}
            found = client.infer("max_pool2d", [input_of()], parameters={"kernel_size": 2}, headers=headers)
            assert found.as_numpy("output").ravel().tolist() == MAXIMA

    assert (reply.status, bool(reply.refusal())) == (401, True)


def test_a_service_that_shuts_down() -> None:
    """It is live and no longer ready, so load balancers and clients go elsewhere; what it refuses can be read."""
    settings = Settings.model_validate({"port": 0, "device": "cpu"})
    pooling = PoolingService.from_settings(settings)
    with run_live_server(settings, pooling) as server:
        pooling.admission.drain(30)
        reply = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH))])
        with InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            assert client.is_server_live()
            assert not client.is_server_ready()
            assert not client.is_model_ready("max_pool2d")

    assert (reply.status, bool(reply.refusal()), reply.headers["connection"]) == (503, True, "close")
