"""Pipelined requests, and bytes that a proxy could parse as different requests, sent on plain sockets.

Bytes behind a request in progress must not change its response, must be parsed as a proxy in front of the service would
parse them, and must cost a bounded amount per connection.
"""

from __future__ import annotations

import gc
import json
import select
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poolhouse.rest.http.asgi_exchange import AsgiExchange
from poolhouse.rest.http.handler_exchange import HandlerExchange
from tests.hypothesis_profiles import scaled_examples
from tests.rest.conftest import LIMITS
from tests.rest.gated_service import GatedService, becomes_true, run_gated_service
from tests.rest.live_server import LiveServer, read_all
from tests.rest.service_process import service_process
from tests.rest.test_protocol import JSON_BODY, LIVE, parse, posting, refusal

ONE = posting(b"Content-Length: %d" % len(JSON_BODY)) + JSON_BODY
ALIVE = b'{"status":"alive"}'
UPGRADE_OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")
SMUGGLED = b"GET /version HTTP/1.1\r\nHost: x\r\nX-Request-ID: smuggled\r\n\r\n"


def split_responses(received: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each response."""
    responses = []
    while received:
        status, headers, body = parse(received)
        length = int(headers["content-length"])
        responses.append((status, body[:length]))
        received = body[length:]
    return responses


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service whose device can be blocked."""
    limits: dict[str, object] = {**LIMITS, "body_timeout_s": 5.0}
    with run_gated_service(1 << 30, "cpu", **limits) as running:
        yield running


@given(st.lists(st.integers(1, 400), max_size=6), st.booleans())
@scaled_examples(40, HealthCheck.function_scoped_fixture)
def test_an_upgrade_offer_hides_no_request(live_server: LiveServer, cuts: list[int], second: bool) -> None:
    """The parser ends a request that offers an upgrade with its head. If the offer came in two segments, or in a
    pipelined request, its body was parsed as a request (200)."""
    sent = (ONE if second else b"") + posting(*UPGRADE_OFFER, b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED
    sent += LIVE + b"Connection: close\r\n\r\n"
    with live_server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in cuts:
            connection.sendall(sent[:cut])
            sent = sent[cut:]
        connection.sendall(sent)
        received = read_all(connection)

    responses = split_responses(received)
    assert b"smuggled" not in received
    assert [status for status, _ in responses] == [200] * second + [400, 200]
    assert responses[-1][1] == ALIVE


def test_an_upgrade_offer_in_two_segments_is_ignored(live_server: LiveServer) -> None:
    """RFC 9110 section 7.8: a server may ignore it; Java's client sends its first body with one."""
    head = posting(*UPGRADE_OFFER, b"Content-Length: %d" % len(JSON_BODY))
    at = head.index(b"grade: h2c")
    with live_server.connect() as connection:
        connection.sendall(head[:at])
        assert not select.select([connection], [], [], 0.05)[0]
        connection.sendall(head[at:] + JSON_BODY + LIVE + b"Connection: close\r\n\r\n")
        received = read_all(connection)

    (status, body), (_, alive) = split_responses(received)
    assert status == 200
    assert json.loads(body)["output"]["shape"] == [1, 1, 2, 2]
    assert alive == ALIVE


@pytest.mark.parametrize("more", [b"", b"Transfer-Encoding: chunked"])
def test_chunked_bodies_with_an_upgrade_offer_are_read(live_server: LiveServer, more: bytes) -> None:
    """A body without a length is as vulnerable."""
    head = posting(*UPGRADE_OFFER, b"Transfer-Encoding: chunked", b"Connection: close")
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON_BODY), JSON_BODY)

    assert [status for status, _ in split_responses(live_server.exchange(head + chunk))] == [200]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        b"POST /livez HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_ambiguous_head_is_refused(live_server: LiveServer, head: bytes) -> None:
    """A proxy that parses it differently would let a client send another client's request (RFC 9112 section 11)."""
    document = refusal(live_server.exchange(head))

    assert (document["status"], document["code"]) == (400, "malformed_request")


def test_no_response_follows_the_last_one() -> None:
    """Our side of the socket is then shut down, and a further write logged an error."""
    query = "shape=64,1024,1024&dtype=uint8&kernel_size=2"
    head = f"POST /v1/pool/avg_pool2d?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Content-Type: application/octet-stream\r\nContent-Length: {64 << 20}\r\n\r\n"
    # This request would be refused by its head.
    behind = b"POST /v1/pool/none HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabcd"
    with service_process() as running:
        with running.server.connect() as connection:
            connection.sendall(head.encode() + bytes(64 << 20))
            connection.sendall(behind)
            received = read_all(connection)
        log = running.log_until_stopped()

    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert "Traceback" not in log


def test_no_100_continue_follows_a_refusal() -> None:
    """A body that breaks in the segment of its head is refused before its application task has started."""
    head = b"POST /v1/plan/max_pool2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    broken = head + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\nzz\r\n"
    with service_process() as running:
        received = running.server.exchange(broken)
        log = running.log_until_stopped()

    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1 + received.count(b"a valid HTTP/1.1 request")
    assert "Traceback" not in log


def test_http_1_0_needs_no_host(live_server: LiveServer) -> None:
    """Health checks of load balancers use HTTP/1.0."""
    assert live_server.exchange(b"GET /livez HTTP/1.0\r\n\r\n").endswith(ALIVE)


@pytest.mark.parametrize(
    "invalid",
    [
        b"GARBAGE\r\n\r\n",
        posting(b"Transfer-Encoding: chunked") + b"zz\r\n",
        posting(b"Transfer-Encoding: chunked") + b"3\r\nabcdef\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        LIVE + b"X-Long: " + b"a" * 2 * int(LIMITS["max_header_bytes"]) + b"\r\n\r\n",
        posting(b"Transfer-Encoding: chunked") + b"1;" + b"e" * 2 * int(LIMITS["max_header_bytes"]),
        LIVE + b"X-Slow: 1",
    ],
)
@pytest.mark.parametrize("queued", [0, 1, 5])
def test_an_invalid_request_waits_for_earlier_responses(gated: GatedService, invalid: bytes, queued: int) -> None:
    """Its 400 would be read as the response to the request in progress."""
    with gated.gate.closed(), gated.server.connect() as connection:
        connection.sendall(ONE)
        assert gated.gate.batch_arrived.wait(20)
        connection.sendall(LIVE + b"\r\n")
        connection.sendall((LIVE + b"\r\n") * queued + invalid)
        assert not select.select([connection], [], [], 0.05)[0], "a response was sent before the first one"
        gated.gate.open()
        responses = split_responses(read_all(connection))

    assert [status for status, _ in responses[:-1]] == [200] * (2 + queued)
    assert json.loads(responses[0][1])["output"]["shape"] == [1, 1, 2, 2]
    assert 400 <= responses[-1][0] < 500


def exchanges() -> int:
    """The number of exchanges in memory, of all servers in this process."""
    gc.collect()
    return sum(isinstance(each, AsgiExchange | HandlerExchange) for each in gc.get_objects())


def test_pipelined_requests_wait_unparsed(gated: GatedService) -> None:
    """50 connections with 64 KiB of requests each blocked the event loop for seconds, and held 180,000 uncounted
    requests."""
    flood = (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 4000)[: 128 * 1024]
    before = exchanges()
    connections = []
    with gated.gate.closed():
        for _ in range(20):
            connection = gated.server.connect()
            connection.sendall(ONE)
            connections.append(connection)
        assert becomes_true(lambda: gated.pooling.status.job_count == len(connections))
        for connection in connections:
            connection.setblocking(False)
            connection.send(flood)

        with gated.server.client() as client:
            for _ in range(20):
                assert client.get("/livez").status_code == 200
        count = exchanges() - before

    assert count <= len(connections) * 64
    for connection in connections:
        connection.close()
    assert becomes_true(lambda: gated.pooling.status.lease_count == 0)


def test_many_pipelined_requests_are_answered_in_order(live_server: LiveServer) -> None:
    """No request is lost, even if it is split between two reads."""
    names = [b"n%d" % number for number in range(3000)]
    sent = b"".join(LIVE + b"X-Request-ID: " + name + b"\r\n\r\n" for name in names)
    received = bytearray()
    with live_server.connect() as connection:
        connection.setblocking(False)
        sent += LIVE + b"Connection: close\r\n\r\n"
        while True:
            readable, writable, _ = select.select([connection], [connection] if sent else [], [], 20)
            assert readable or writable
            if writable:
                sent = sent[connection.send(sent) :]
            if readable:
                piece = connection.recv(1 << 16)
                if not piece:
                    break
                received += piece

    ids = [part.split(b"\r\n", 1)[0] for part in bytes(received).split(b"x-request-id: ")[1:]]
    assert ids[: len(names)] == names


def test_no_request_begins_while_responses_are_unread(gated: GatedService) -> None:
    """An unread response takes memory; a client that pipelines without reading must not accumulate them."""
    query = "?output_size=512,512&shape=1,1,1,1&dtype=float32"
    one = (
        f"POST /v1/pool/adaptive_avg_pool2d{query} HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n"
    ).encode() + bytes(4)
    total, size = 50, 4 * 512 * 512
    with gated.server.connect() as connection:
        before = gated.metric("poolhouse_sent_bytes_total")
        connection.sendall(one * (total - 1) + one.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        with gated.server.client() as client:
            # Each of these takes an iteration of the event loop.
            for _ in range(300):
                client.get("/livez")
        unread = gated.metric("poolhouse_sent_bytes_total") - before
        responses = split_responses(read_all(connection))

    # The socket buffers of both sides, and little more.
    assert unread < 24 * size
    assert [(status, len(body)) for status, body in responses] == [(200, size)] * total


def test_empty_lines_do_not_keep_an_idle_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """One CRLF after a response stopped the idle timer for ever: 400 of 400 connections were open after 230 s."""
    monkeypatch.setattr("poolhouse.rest.server._KEEP_ALIVE_S", 0.3)
    with run_gated_service() as running, running.server.connect() as connection:
        connection.sendall(LIVE + b"\r\n")
        assert connection.recv(65536).endswith(ALIVE)
        connection.sendall(b"\r\n")

        assert connection.recv(1) == b""


def test_the_framing_of_a_chunked_body_is_limited(live_server: LiveServer) -> None:
    """3.3 GB of chunk extensions were accepted for 109 kB of body."""
    chunk = b"1;" + b"e" * 1000 + b"\r\n{\r\n"

    document = refusal(live_server.exchange(posting(b"Transfer-Encoding: chunked") + chunk * 1000))

    assert (document["status"], document["code"]) == (431, "headers_too_large")


def test_chunks_of_one_byte_pass(live_server: LiveServer) -> None:
    """Some clients write a chunk for every byte."""
    text = JSON_BODY + b" " * 10_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in text)

    response = live_server.exchange(
        posting(b"Transfer-Encoding: chunked", b"Connection: close") + chunks + b"0\r\n\r\n"
    )

    assert parse(response)[0] == 200


@pytest.mark.slow
def test_a_reset_is_not_logged_as_an_error() -> None:
    """Clients may reset at any time, also with requests in progress; tracebacks would hide real errors."""
    with service_process() as running:
        for number in range(120):
            connection = running.server.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(ONE * (number % 20 + 1) + ONE[: -(number % 3) * 10 or None])
            if number % 3 == 0:
                connection.recv(100)
            connection.close()
        with running.server.client() as client:
            assert client.get("/readyz").status_code == 200
        log = running.log_until_stopped()

    assert "Traceback" not in log
    assert "ERROR" not in log
