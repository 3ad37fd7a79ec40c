"""Clients that disconnect: at every stage their memory is released, and they are counted once."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import socket
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from starlette.types import Message

from poolhouse.backend.cores import available_cores
from poolhouse.errors import DeadlinePassed
from poolhouse.rest.routes.handler_endpoint import cancel_on_disconnect
from poolhouse.rest.routes.pool import handler as pool_handler
from poolhouse.rest.routes.pool.repeated_json import RepeatedJson
from poolhouse.service import PoolResult
from poolhouse.wire.inflate import Inflater
from poolhouse.wire.json.codec import JsonCodec
from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S

WITHIN_S = 0.1
"""The documented time. The server runs in this process, so it shares the test's CPU."""

QUERY = "?shape=1,1,{rows},1024&dtype=uint8&kernel_size=1"
HEAD = (
    f"POST /v1/pool/max_pool2d{QUERY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    "Content-Length: {length}\r\n\r\n"
)
LARGE_ROWS = 16 * 1024


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with memory for the large response."""
    with run_gated_service(capacity_bytes=1 << 30) as running:
        yield running


def request(rows: int, *, sent: int | None = None) -> bytes:
    """A request for rows of a kilobyte, with this many bytes of its body."""
    length = rows * 1024
    return HEAD.format(rows=rows, length=length).encode() + bytes(length if sent is None else sent)


def disconnects_by_stage(gated: GatedService) -> dict[str, float]:
    """The disconnects that ``/metrics`` counts, by stage."""
    return {
        dict(labels)["stage"]: value
        for (name, labels), value in gated.metrics().items()
        if name == "poolhouse_callers_gone_total"
    }


def new_disconnects(gated: GatedService, before: dict[str, float]) -> dict[str, float]:
    """The disconnects since then, by stage."""
    after = disconnects_by_stage(gated)
    return {stage: after[stage] - before[stage] for stage in after if after[stage] != before[stage]}


def is_idle(gated: GatedService) -> bool:
    return gated.pooling.status.lease_count == 0 and gated.pooling.status.held_bytes == 0


def reset_connection(connection: socket.socket) -> None:
    """Close the connection as a killed process does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize("gracefully", [True, False])
@pytest.mark.parametrize(
    ("stage", "sent"),
    [("headers", b"POST /v1/pool/max_pool2d HTTP/1.1\r\nHost: x\r\nX-Half: "), ("body", request(4, sent=1000))],
)
def test_a_disconnect_while_sending_releases_memory(
    gated: GatedService, stage: str, sent: bytes, gracefully: bool
) -> None:
    """A partial upload reserves memory for the whole body."""
    before = disconnects_by_stage(gated)
    connection = gated.server.connect()
    connection.sendall(sent)
    if stage == "body":
        assert becomes_true(lambda: gated.pooling.status.lease_count == 1)
        assert gated.pooling.status.held_bytes >= 2 * 4 * 1024, "the whole plan is reserved before the body arrives"

    if gracefully:
        connection.close()
    else:
        reset_connection(connection)

    assert becomes_true(partial(is_idle, gated), WITHIN_S)
    assert becomes_true(lambda: new_disconnects(gated, before) == {stage: 1})


def test_a_disconnect_in_the_queue_releases_memory(gated: GatedService) -> None:
    """While a device is busy, the queue must not fill with abandoned requests."""
    before, expired = disconnects_by_stage(gated), gated.metric("poolhouse_engine_events_total", event="cancelled")
    with ThreadPoolExecutor(3) as threads, gated.gate.closed():
        running = [threads.submit(post_status, gated, (1, 1, 4, 4 + number)) for number in range(3)]
        assert becomes_true(lambda: gated.pooling.status.job_count == 3)
        base = gated.pooling.status.held_bytes
        connection = gated.server.connect()
        connection.sendall(request(5))
        assert becomes_true(lambda: gated.pooling.status.job_count == 4)

        reset_connection(connection)

        assert becomes_true(
            lambda: (gated.pooling.status.job_count, gated.pooling.status.held_bytes) == (3, base), WITHIN_S
        )
        gated.gate.open()
        assert [each.result(WAIT_TIMEOUT_S) for each in running] == [200] * 3
    assert becomes_true(partial(is_idle, gated), WITHIN_S)
    assert new_disconnects(gated, before) == {"waiting": 1}
    assert gated.metric("poolhouse_engine_events_total", event="cancelled") == expired + 1
    assert (1, 1, 5, 1024) not in gated.gate.seen_shapes, "the abandoned job ran"


def test_a_disconnect_while_a_device_works_releases_memory(gated: GatedService) -> None:
    """The job is gone at once; its bytes are released when the device no longer reads them, and not before."""
    before, cancelled = disconnects_by_stage(gated), gated.metric("poolhouse_engine_events_total", event="cancelled")
    with gated.gate.closed():
        connection = gated.server.connect()
        connection.sendall(request(6))
        assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)

        reset_connection(connection)

        assert becomes_true(lambda: gated.pooling.status.job_count == 0, WITHIN_S)
        assert gated.pooling.status.held_bytes >= 2 * 6 * 1024, "the device still reads them"
    assert becomes_true(partial(is_idle, gated), WITHIN_S)
    assert new_disconnects(gated, before) == {"waiting": 1}
    assert gated.metric("poolhouse_engine_events_total", event="cancelled") == cancelled + 1


def test_a_disconnect_during_the_response_releases_memory(gated: GatedService) -> None:
    """A response holds its bytes only while a client can read it."""
    before = disconnects_by_stage(gated)
    with gated.server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request(LARGE_ROWS))
        assert connection.recv(10) == b"HTTP/1.1 2"
        assert gated.pooling.status.held_bytes >= 2 * LARGE_ROWS * 1024, "it is not written yet"

        reset_connection(connection)

    assert becomes_true(partial(is_idle, gated), WITHIN_S)
    assert new_disconnects(gated, before) == {"answer": 1}


def test_a_client_that_reads_nothing_is_disconnected() -> None:
    """The connection is alive; only the lack of progress shows that the client does not read."""
    with (
        run_gated_service(capacity_bytes=1 << 30, body_timeout_s=0.3) as running,
        running.server.connect() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request(LARGE_ROWS))
        assert connection.recv(10) == b"HTTP/1.1 2"
        assert running.pooling.status.held_bytes >= 2 * LARGE_ROWS * 1024, "it is not written yet"

        assert becomes_true(partial(is_idle, running))


def test_only_disconnects_during_a_request_are_counted(gated: GatedService) -> None:
    """Idle connections close at some time, and nothing is lost."""
    before = disconnects_by_stage(gated)

    assert post_status(gated, (1, 1, 4, 4)) == 200
    gated.server.exchange(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    gated.server.exchange(b"no HTTP\r\n\r\n")
    gated.server.connect().close()

    assert new_disconnects(gated, before) == {}


NUMBERS = b'{"input":{"dtype":"uint8","shape":[1,1,128,1024],"data":[' + b",".join([b"7"] * 128 * 1024) + b"]}}"
"""A body whose decoding, and the encoding of whose response, run in a thread."""
STEPS = {"decode": (RepeatedJson, "decode"), "encode": (JsonCodec, "encode"), "compress": (pool_handler, "compress")}


@contextmanager
def block_step(monkeypatch: pytest.MonkeyPatch, step: str) -> Iterator[threading.Event]:
    """Block the thread that does this step of a request; gives an event that is set when it has begun."""
    holder, name = STEPS[step]
    begun, gate, work = threading.Event(), threading.Event(), getattr(holder, name)

    def blocked(*arguments: object) -> object:
        begun.set()
        assert gate.wait(WAIT_TIMEOUT_S), "the gate was never opened"
        return work(*arguments)

    monkeypatch.setattr(holder, name, blocked)
    try:
        yield begun
    finally:
        gate.set()


def numbers(*headers: str) -> bytes:
    """A request with many numbers in JSON."""
    given = (
        "POST /v1/pool/max_pool2d?kernel_size=1 HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        "Accept-Encoding: gzip",
        f"Content-Length: {len(NUMBERS)}",
        *headers,
    )
    return "\r\n".join([*given, "\r\n"]).encode() + NUMBERS


@pytest.mark.parametrize("step", STEPS)
def test_a_disconnect_while_a_thread_works_releases_memory_afterwards(
    gated: GatedService, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes that the thread reads must not be given to another request before it ends."""
    before = disconnects_by_stage(gated)
    with block_step(monkeypatch, step) as begun:
        connection = gated.server.connect()
        connection.sendall(numbers())
        assert begun.wait(WAIT_TIMEOUT_S)

        reset_connection(connection)

        assert becomes_true(lambda: new_disconnects(gated, before) == {"waiting": 1})
        assert gated.pooling.status.lease_count == 1
        assert gated.pooling.status.held_bytes >= 128 * 1024, "the thread still reads them"
    assert becomes_true(partial(is_idle, gated))


def test_a_disconnect_before_a_thread_is_free_releases_memory(
    gated: GatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that waits to be decoded is not read by any thread, so its memory is released at once."""
    before = disconnects_by_stage(gated)
    with block_step(monkeypatch, "decode"), ExitStack() as staying:
        for _ in range(available_cores()):
            staying.enter_context(gated.server.connect()).sendall(numbers())
        assert becomes_true(lambda: len(gated.pooling._threads._slot_holders) == available_cores())
        alone = gated.pooling.status.held_bytes
        connection = gated.server.connect()
        connection.sendall(numbers())
        # Its body is complete; before that, a disconnect would count as one in the body.
        assert becomes_true(lambda: len(gated.pooling._threads._waiting) == 1)
        assert gated.pooling.status.lease_count == available_cores() + 1

        reset_connection(connection)

        assert becomes_true(lambda: gated.pooling.status.held_bytes == alone, WITHIN_S)
        assert becomes_true(lambda: new_disconnects(gated, before) == {"waiting": 1})
    assert becomes_true(partial(is_idle, gated))


@pytest.mark.parametrize("step", STEPS)
def test_a_deadline_that_passes_while_a_thread_works_is_reported_at_once(
    gated: GatedService, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets 504 at its deadline; the thread continues, and keeps the lease."""
    with block_step(monkeypatch, step) as begun, gated.server.connect() as connection:
        connection.sendall(numbers("Request-Timeout: 0.6"))
        response = connection.recv(1 << 16)

        assert response.startswith(b"HTTP/1.1 504"), response
        assert begun.is_set()
        assert gated.pooling.status.lease_count == 1
        assert gated.pooling.status.held_bytes >= 128 * 1024, "the thread still reads them"
    assert becomes_true(partial(is_idle, gated))


def test_a_deadline_that_passes_while_a_thread_inflates_is_reported_at_once(
    gated: GatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread continues, and its buffer must not be given to another request before it ends."""
    begun, gate, feed = threading.Event(), threading.Event(), Inflater.feed

    def blocked(self: Inflater, chunk: bytes) -> Iterator[bytes | memoryview]:
        begun.set()
        assert gate.wait(WAIT_TIMEOUT_S), "the gate was never opened"
        yield from feed(self, chunk)

    monkeypatch.setattr(Inflater, "feed", blocked)
    # Random bytes do not compress, so the body is large enough for a thread.
    packed = gzip.compress(random.Random(1).randbytes(100_000), 1)
    head = (
        "POST /v1/pool/max_pool2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Encoding: gzip\r\n"
        f"Request-Timeout: 0.6\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    with gated.server.connect() as connection:
        connection.sendall(head.encode() + packed)
        response = connection.recv(1 << 16)
        lease_count = gated.pooling.status.lease_count
        gate.set()

    assert response.startswith(b"HTTP/1.1 504"), response
    assert begun.is_set()
    assert lease_count == 1
    assert becomes_true(partial(is_idle, gated))


def post_status(gated: GatedService, shape: tuple[int, ...]) -> int:
    with gated.server.client() as client:
        return post_zeros(client, shape).status_code


class Body:
    """A large object that a request holds."""


def test_a_refused_request_is_freed_without_the_garbage_collector() -> None:
    """Its lease has ended, so any memory that it keeps is uncounted."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("the client does not disconnect")

    async def work(body: Body) -> PoolResult:
        await asyncio.sleep(0)
        raise DeadlinePassed("deadline_passed", "too late")

    async def serve(body: Body) -> None:
        await cancel_on_disconnect(work(body), receive)

    async def refused() -> weakref.ref[Body]:
        body = Body()
        with pytest.raises(DeadlinePassed):
            await serve(body)
        return weakref.ref(body)

    async def go() -> Body | None:
        found = await refused()
        await asyncio.sleep(0)
        return found()

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(go()) is None
    finally:
        gc.enable()
