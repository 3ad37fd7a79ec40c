"""Responses that are read too slowly hold memory as slow bodies do, and are preempted as those are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from poolhouse.rest.app import create_app
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.listening import Listeners
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings
from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service

MIB = 1 << 20
RESPONSE_BYTES = 24 * MIB
CAPACITY_BYTES = 400 * MIB
QUERY = "shape=24,1024,1024&dtype=uint8&kernel_size=1"
HEAD = (
    f"POST /v1/pool/max_pool2d?{QUERY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    "Content-Type: application/octet-stream\r\n"
)


@pytest.fixture
def contended() -> Iterator[GatedService]:
    """A service whose memory three large responses take."""
    with run_gated_service(
        capacity_bytes=CAPACITY_BYTES, contended_body_timeout_s=20, body_timeout_s=600, min_body_bytes_per_s=0
    ) as running:
        yield running


@contextmanager
def readers(gated: GatedService, count: int) -> Iterator[list[socket.socket]]:
    """Clients that have requested a large response and read its first bytes."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.socket()) for _ in range(count)]
        for connection in connections:
            # Otherwise the kernel enlarges the buffer, and it takes most of the response.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
            connection.connect(("127.0.0.1", gated.server.port))
            connection.sendall(f"{HEAD}Content-Length: {RESPONSE_BYTES}\r\n\r\n".encode() + bytes(RESPONSE_BYTES))
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        yield connections


def read_all(connection: socket.socket) -> int:
    """The number of bytes received until the connection ends."""
    count = 0
    try:
        while piece := connection.recv(MIB):
            count += len(piece)
    except ConnectionResetError:
        pass
    return count


@pytest.mark.slow
def test_slow_readers_do_not_hold_memory(contended: GatedService) -> None:
    """Because of three readers at 80 kB/s all other clients were refused for two and a half minutes."""
    disconnects = contended.metric("poolhouse_callers_gone_total", stage="answer")
    statuses = list[int]()
    read = [15] * 3

    with readers(contended, 3) as slow, contended.server.client() as client:

        def is_admitted() -> bool:
            for index, connection in enumerate(slow):
                read[index] += len(connection.recv(1024))
            statuses.append(post_zeros(client, (24, 1024, 1024)).status_code)
            return statuses[-1] == 200

        assert becomes_true(is_admitted)
        read = [count + read_all(connection) for count, connection in zip(read, slow, strict=True)]

    assert statuses[0] == 503, "the memory budget was never full"
    # Only as many of the three are preempted as necessary; the others get their whole response.
    assert sum(count < RESPONSE_BYTES for count in read) == 1
    assert contended.metric("poolhouse_callers_gone_total", stage="answer") == disconnects + 1
    assert becomes_true(lambda: contended.pooling.status.held_bytes == 0)


def test_a_reader_must_keep_a_minimum_rate() -> None:
    """A few bytes now and then never stall, and service a gigabyte for days."""
    rates: dict[str, Any] = {"body_timeout_s": 0.3, "min_body_bytes_per_s": 1 << 30}
    statuses, received = set[int](), 15
    with (
        run_gated_service(capacity_bytes=1 << 30, **rates) as service,
        readers(service, 1) as (slow,),
        service.server.client() as client,
    ):

        def is_disconnected() -> bool:
            nonlocal received
            received += len(slow.recv(1 << 15))
            # Other clients are served meanwhile.
            statuses.add(post_zeros(client, (1, 1, 8, 8)).status_code)
            return service.pooling.status.held_bytes == 0

        assert becomes_true(is_disconnected)
        received += read_all(slow)

    assert statuses == {200}
    assert received < RESPONSE_BYTES


def test_other_responses_need_no_minimum_rate(contended: GatedService) -> None:
    """The OpenAPI document is larger than the write buffer, but holds no lease."""
    with contended.server.client() as client:
        assert post_zeros(client, (24, 1024, 1024)).status_code == 200
        assert client.get("/openapi.json").status_code == 200


def test_a_response_is_held_until_all_of_it_is_sent() -> None:
    """The last unsent kilobytes pin their whole tensor, whose memory had been given to another request."""
    settings = Settings.model_validate({"port": 0, "device": "cpu"})
    app = create_app(settings)
    config = make_server(settings, app, lambda server: None, Listeners((), (), None)).config
    limits = list[tuple[int | None, int | None]]()

    class Connected(asyncio.Transport):
        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            limits.append((high, low))

        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return default

        def close(self) -> None:
            """Nothing is open."""

    async def connect() -> None:
        protocol = Connection(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(Connected())
        protocol.connection_lost(None)

    asyncio.run(connect())

    assert limits == [(0, 0)]


class FakeTransport:
    """A transport with this many unsent bytes."""

    def __init__(self, unsent: int) -> None:
        self.unsent = unsent
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


class FakeLoop:
    """An event loop with a time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now


@given(st.floats(0, 1000), st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_response_has_the_limits_of_a_body(elapsed_s: float, length: int, written: int, unsent: int) -> None:
    """One setting applies to both directions; for responses, the bytes that left the process count."""
    limits = TransferLimits(10**9, 20.0, "", min_bytes_per_s=1000, contended_timeout_s=60)
    transport, loop = FakeTransport(min(unsent, written, length)), FakeLoop()
    progress = ResponseProgress(transport, limits, loop)  # type: ignore[arg-type]  # has the methods in use
    progress.begin(length)
    progress.add_written(min(written, length))
    loop.now += elapsed_s
    read = min(written, length) - transport.unsent

    assert progress.lag() == limits.lag(loop.now - 100.0, read / length)
    assert progress.is_too_slow() == (limits.expires_at(100.0, loop.now, read) < loop.now)
    progress.end()
    assert not progress.is_too_slow()
    progress.preempt()
    assert transport.aborted
