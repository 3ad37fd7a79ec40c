"""Bodies that the socket receives directly into the memory of their request: same bytes, limits and refusals."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poolhouse.rest.http.handler_exchange import HandlerExchange
from tests.hypothesis_profiles import scaled_examples
from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.rest.test_disconnects import WITHIN_S

ROWS = 200
ROW_BYTES = 1024
CAPACITY_BYTES = 1 << 24
HEAD = (
    "POST /v1/pool/max_pool2d?shape=1,1,{rows},1024&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
    "Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n{more}\r\n"
)


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with short timeouts."""
    with run_gated_service(capacity_bytes=CAPACITY_BYTES, body_timeout_s=0.4, min_body_bytes_per_s=100_000) as running:
        yield running


@pytest.fixture
def direct_read_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each read directly into a body, the bytes that remained."""
    sizes: list[int] = []
    body_buffer = HandlerExchange.body_buffer

    def recording_body_buffer(self: HandlerExchange) -> memoryview:
        buffer = body_buffer(self)
        sizes.append(len(buffer))
        return buffer

    monkeypatch.setattr(HandlerExchange, "body_buffer", recording_body_buffer)
    return sizes


def head(rows: int = ROWS, more: str = "") -> bytes:
    return HEAD.format(rows=rows, length=rows * ROW_BYTES, more=more).encode()


def body(rows: int = ROWS, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, rows * ROW_BYTES, np.uint8).tobytes()


class ResponseReader:
    """Reads the responses of one connection, one after another."""

    def __init__(self, live_server: LiveServer) -> None:
        self.connection = live_server.connect()
        self._stream = self.connection.makefile("rb")

    def read_response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next response."""
        status = int(self._stream.readline().split()[1])
        headers = {}
        while line := self._stream.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self._stream.read(int(headers["content-length"]))

    def close(self) -> None:
        self._stream.close()
        self.connection.close()


@pytest.fixture
def reader(gated: GatedService) -> Iterator[ResponseReader]:
    """A connection to the service."""
    reading = ResponseReader(gated.server)
    yield reading
    reading.close()


@scaled_examples(25, HealthCheck.function_scoped_fixture)
@given(
    rows=st.lists(st.sampled_from([1, 63, 64, 65, 200, 1100]), min_size=1, max_size=4),
    cuts=st.lists(st.floats(0, 1), max_size=5),
)
def test_bodies_arrive_complete_in_any_pieces(gated: GatedService, rows: list[int], cuts: list[float]) -> None:
    """Small and large requests, pipelined and cut anywhere: no byte is lost, doubled or taken for the next
    request's."""
    bodies = [body(count, seed) for seed, count in enumerate(rows)]
    sent = b"".join(head(count) + data for count, data in zip(rows, bodies, strict=True))
    edges = sorted({0, len(sent), *(int(cut * len(sent)) for cut in cuts)})
    reading = ResponseReader(gated.server)

    for begin, end in itertools.pairwise(edges):
        reading.connection.sendall(sent[begin:end])
    responses = [reading.read_response() for _ in rows]

    reading.close()
    assert [status for status, _, _ in responses] == [200] * len(rows)
    assert [response for _, _, response in responses] == bodies
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0)


def test_a_large_body_is_received_directly(gated: GatedService, direct_read_sizes: list[int]) -> None:
    """The other tests do take the direct path, and its bytes are counted."""
    before = gated.metric("poolhouse_received_bytes_total")
    with gated.server.client() as client:
        response = post_zeros(client, (1, 1, 4000, 1024))

    assert response.status_code == 200
    assert max(direct_read_sizes) > 3_000_000
    assert gated.metric("poolhouse_received_bytes_total") == before + 4000 * 1024


def test_a_refused_body_is_discarded_and_the_connection_continues(gated: GatedService, reader: ResponseReader) -> None:
    """A client can retry on the same connection, and the discarded bytes took no memory."""
    with gated.server.client() as client, gated.gate.closed():
        blocker = ResponseReader(gated.server)
        blocker.connection.sendall(head(15_000)[:-2] + b"\r\n")
        assert becomes_true(lambda: gated.pooling.status.lease_count == 1)
        reader.connection.sendall(head(2000) + body(2000)[: 1000 * ROW_BYTES])
        status, headers, response = reader.read_response()
        blocker.close()
        assert client.get("/livez").status_code == 200
    assert becomes_true(lambda: gated.pooling.status.lease_count == 0)

    reader.connection.sendall(body(2000)[1000 * ROW_BYTES :] + head(70) + body(70))
    again = reader.read_response()

    assert (status, json.loads(response)["code"]) == (503, "overloaded")
    assert int(headers["retry-after"]) >= 1
    assert again[0] == 200
    assert again[2] == body(70)


@pytest.mark.parametrize("sent_rows", [0, 80])
def test_a_stalled_or_slow_direct_body_is_refused(gated: GatedService, reader: ResponseReader, sent_rows: int) -> None:
    """A client that announces much and sends little holds memory for all of it."""
    reader.connection.sendall(head(8000) + body(sent_rows))
    begun = time.monotonic()

    status, _, response = reader.read_response()

    assert (status, json.loads(response)["code"]) == (408, "body_too_slow")
    assert 0.4 <= time.monotonic() - begun < WAIT_TIMEOUT_S / 2
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0)


def test_a_deadline_ends_a_direct_body_and_the_rest_is_discarded(gated: GatedService, reader: ResponseReader) -> None:
    """The response is 504, and the next request on the connection is parsed as such."""
    data = body(500)
    reader.connection.sendall(head(500, "Request-Timeout: 0.15\r\n") + data[: 300 * ROW_BYTES])
    status, _, response = reader.read_response()

    reader.connection.sendall(data[300 * ROW_BYTES :] + head(1) + body(1))

    assert (status, json.loads(response)["code"]) == (504, "deadline_passed")
    assert reader.read_response()[0] == 200


def test_a_disconnect_in_a_direct_body_releases_its_memory(gated: GatedService) -> None:
    """The disconnect is noticed although the bytes bypass the parser."""
    reading = ResponseReader(gated.server)
    reading.connection.sendall(head(8000) + body(400))
    assert becomes_true(lambda: gated.pooling.status.lease_count == 1)
    before = gated.metric("poolhouse_callers_gone_total", stage="body")

    reading.close()

    # Sooner than the stall timeout of this service.
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0, WITHIN_S)
    assert gated.metric("poolhouse_callers_gone_total", stage="body") == before + 1


def test_a_closing_connection_closes_at_the_end_of_the_refused_body(gated: GatedService) -> None:
    """If it closed earlier, the kernel would reset it, and the client would lose the response."""
    with gated.gate.closed():
        blocker = ResponseReader(gated.server)
        blocker.connection.sendall(head(15_000)[:-2] + b"\r\n")
        assert becomes_true(lambda: gated.pooling.status.lease_count == 1)
        reading = ResponseReader(gated.server)
        reading.connection.sendall(head(2000, "Connection: close\r\n") + body(1000))
        assert reading.read_response()[0] == 503
        assert reading.connection.recv(1) == b"", "there must be no further response"
        reading.connection.sendall(body(1000, 1))

        # Longer than an idle connection is kept, but shorter than the wait for an incomplete body.
        assert becomes_true(lambda: is_closed(reading.connection), 2)
        blocker.close()
        reading.close()
    assert becomes_true(lambda: gated.pooling.status.lease_count == 0)


def is_closed(connection: socket.socket) -> bool:
    """Whether sending fails."""
    try:
        connection.send(b"?")
    except OSError:
        return True
    return False
