"""Bodies below the minimum rate are refused, and preempted under contention, so that no client holds memory for
long."""

from __future__ import annotations

import asyncio
import gzip
import math
import select
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Message, Receive

from poolhouse.errors import TooSlow
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.http.transfer_limits import TransferLimits
from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S

CONNECTIONS = 500
LENGTH = 4096
HEAD = (
    f"POST /v1/pool/max_pool2d?shape=1,1,64,64&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
    f"Content-Type: application/octet-stream\r\nContent-Length: {LENGTH}\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with short timeouts."""
    with run_gated_service(capacity_bytes=1 << 30, body_timeout_s=0.5, min_body_bytes_per_s=100_000) as running:
        yield running


def test_slow_clients_are_refused_and_others_are_served(gated: GatedService) -> None:
    """A byte now and then never stalls; without a minimum rate a few hundred such clients would hold the whole
    budget."""
    before = gated.metric("poolhouse_refusals_total", code="body_too_slow")
    waiting = selectors.DefaultSelector()
    responses: list[bytes] = []
    statuses: list[int] = []
    ends_at = time.monotonic() + WAIT_TIMEOUT_S
    with gated.server.client() as client:
        slow = [gated.server.connect() for _ in range(CONNECTIONS)]
        for connection in slow:
            connection.sendall(HEAD)
            waiting.register(connection, selectors.EVENT_READ)
        assert becomes_true(lambda: gated.pooling.status.lease_count > 0)

        while waiting.get_map() and time.monotonic() < ends_at:
            statuses.append(post_zeros(client, (1, 1, 64, 64)).status_code)
            for key, _ in waiting.select(0):
                assert isinstance(key.fileobj, socket.socket)
                responses.append(key.fileobj.recv(65536))
                waiting.unregister(key.fileobj)
            for key in list(waiting.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.send(b"\0")

    assert len(responses) == CONNECTIONS
    assert all(response.startswith(b"HTTP/1.1 408 ") for response in responses)
    assert all(b"100000 bytes a second" in response for response in responses)
    assert set(statuses) == {200}
    assert len(statuses) > 3
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0)
    assert gated.metric("poolhouse_refusals_total", code="body_too_slow") == before + CONNECTIONS
    for connection in slow:
        connection.close()


def test_a_steady_body_may_take_longer_than_the_stall_timeout() -> None:
    """A large body over a slow network is valid."""
    limits = TransferLimits(10**9, 0.4, "Send less.", min_bytes_per_s=10_000)
    sent: list[int] = []

    async def go() -> memoryview:
        loop = asyncio.get_running_loop()
        started_at = loop.time()

        async def receive() -> Message:
            # Twice the minimum rate, however long this pause takes, for three times the stall timeout.
            await asyncio.sleep(0.01)
            sent.append(int(20_000 * (loop.time() - started_at)) - sum(sent))
            return {"type": "http.request", "body": bytes(sent[-1]), "more_body": loop.time() - started_at < 1.2}

        return await read_body(receive, limits, length=None)

    body = asyncio.run(go())

    assert len(body) == sum(sent) >= 24_000


@given(
    st.floats(0.01, 100),
    st.integers(1, 10**6),
    st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 10**9)), min_size=1, max_size=20),
)
def test_the_time_of_a_body_is_bounded_by_its_length(
    stall_timeout_s: float, min_bytes_per_s: int, pieces: list[tuple[float, int]]
) -> None:
    """At most the stall timeout plus the bytes over the minimum rate; capacity planning needs a simple bound."""
    limits = TransferLimits(10**12, stall_timeout_s, "Send less.", min_bytes_per_s)
    now, received = 0.0, 0
    for pause_s, count in pieces:
        if now + pause_s > limits.expires_at(0.0, now, received):
            break
        now, received = now + pause_s, received + count
        assert limits.expires_at(0.0, now, received) <= stall_timeout_s + received / min_bytes_per_s + 1e-9 * now
        assert limits.expires_at(0.0, now, received) <= now + stall_timeout_s
        assert (
            TransferLimits(10**12, stall_timeout_s, "Send less.").expires_at(0.0, now, received)
            == now + stall_timeout_s
        )


@pytest.mark.parametrize(("min_bytes_per_s", "words"), [(0, "No further bytes"), (10**6, "1000000 bytes a second")])
def test_the_error_names_the_exceeded_limit(min_bytes_per_s: int, words: str) -> None:
    """A stall and a low rate have different remedies."""
    limits = TransferLimits(10**9, 0.05, "Send less.", min_bytes_per_s)
    stalls = min_bytes_per_s == 0

    async def go() -> None:
        await read_body(slow_receive(stalls), limits, length=None)

    with pytest.raises(TooSlow, match=words):
        asyncio.run(go())


def slow_receive(stalls: bool) -> Receive:
    """A byte now and then, or one byte and no more."""
    sent = 0

    async def receive() -> Message:
        nonlocal sent
        sent += 1
        if stalls and sent > 1:
            await asyncio.Event().wait()
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"\0", "more_body": True}

    return receive


# ---- memory that slow clients hold

CAPACITY_BYTES = 45 << 20
ROWS = 1024


@pytest.fixture
def contended() -> Iterator[GatedService]:
    """A service whose memory four clients can reserve."""
    with run_gated_service(capacity_bytes=CAPACITY_BYTES, contended_body_timeout_s=2) as running:
        yield running


def announce_body(gated: GatedService, sent: int) -> socket.socket:
    """A client that announces a quarter of the budget, and has sent this many bytes of the body."""
    connection = gated.server.connect()
    length = ROWS * 1024
    head = (
        f"POST /v1/pool/max_pool2d?shape=1,1,{ROWS},1024&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + bytes(sent))
    return connection


def readable(connections: list[socket.socket]) -> list[socket.socket]:
    """The connections on which a response can be read."""
    return select.select(connections, [], [], 0)[0]


def test_clients_that_announce_much_and_send_little_do_not_hold_memory(contended: GatedService) -> None:
    """Announcing is free, so the memory goes to clients that send; a preempted client gets an error and may retry."""
    slow = [announce_body(contended, 10_000) for _ in range(3)]
    almost = announce_body(contended, ROWS * 1024 - 1)
    assert becomes_true(lambda: contended.pooling.status.lease_count == 4)
    assert contended.pooling.status.held_bytes > 0.9 * CAPACITY_BYTES
    started_at = time.monotonic()

    with contended.server.client() as client:
        assert becomes_true(lambda: post_zeros(client, (1, 1, ROWS, 1024)).status_code == 200)
        took_s = time.monotonic() - started_at
        almost.sendall(b"\0")
        response = almost.recv(65536)

    # Only as many of the three are preempted as necessary.
    assert becomes_true(lambda: len(readable(slow)) == 1)
    preempted = readable(slow)
    errors = [connection.recv(65536) for connection in preempted]
    assert all(
        each.startswith(b"HTTP/1.1 503 ") and b"its memory was given to other requests" in each for each in errors
    )
    assert all(b"retry-after: 1" in each.lower() for each in errors)
    assert response.startswith(b"HTTP/1.1 200 "), "a body that kept its rate was preempted"
    assert took_s < 2, "the request waited for a timeout of the slow bodies"
    for connection in (*slow, almost):
        connection.close()
    assert becomes_true(lambda: contended.pooling.status.lease_count == 0)
    assert contended.pooling.status.held_bytes == 0


@example(contended_timeout_s=1.0, length=1, part=0.0, rate=1.0)
@given(st.floats(0.1, 1000), st.integers(1, 10**9), st.floats(0, 1), st.floats(0.5, 2))
def test_a_body_that_keeps_its_rate_is_not_preempted(
    contended_timeout_s: float, length: int, part: float, rate: float
) -> None:
    """A valid upload continues under any contention; one at half the rate is preempted at some time."""
    limits = TransferLimits(10**12, 20.0, "Send less.", contended_timeout_s=contended_timeout_s)
    elapsed_s = part * contended_timeout_s / rate

    lag = limits.lag(elapsed_s, math.ceil(part * length) / length)

    assert rate < 1 or lag < 0
    assert limits.lag(0.02 * contended_timeout_s, 0.0) > 0
    assert TransferLimits(10**12, 20.0, "Send less.").lag(elapsed_s, 0.0) <= 0


def unfinished(gated: GatedService, kind: str) -> socket.socket:
    """A client that stops after about a quarter of the budget, in a body of unknown length."""
    connection = gated.server.connect()
    elements = bytes(ROWS * 1024)
    body = npy_head(ROWS) + elements
    head = "POST /v1/pool/max_pool2d?kernel_size=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\n"
    if kind == "chunked":
        head += "Transfer-Encoding: chunked\r\n\r\n"
        sent = b"%x\r\n%b\r\n" % (len(body), body)
    else:
        sent = gzip.compress(body)
        head += f"Content-Encoding: gzip\r\nContent-Length: {len(sent)}\r\n\r\n"
        sent = sent[:-1] if kind == "deflated" else sent[: len(sent) // 2]
    connection.sendall(head.encode() + sent)
    return connection


def npy_head(rows: int) -> bytes:
    """The npy header of rows of 1024 bytes."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, {rows}, 1024), }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize("kind", ["chunked", "deflated", "half of a deflated one"])
def test_bodies_of_unknown_length_are_preempted_too(kind: str) -> None:
    """They are charged as they grow; a stalled one must not keep its memory."""
    with (
        run_gated_service(capacity_bytes=5 * ROWS * 1024, contended_body_timeout_s=1, body_timeout_s=60) as service,
        ExitStack() as stack,
    ):
        slow = [stack.enter_context(unfinished(service, kind)) for _ in range(3)]
        assert becomes_true(lambda: service.pooling.status.held_bytes > 3 * ROWS * 1024)
        started_at = time.monotonic()
        client = stack.enter_context(service.server.client())

        assert becomes_true(lambda: post_zeros(client, (1, ROWS // 4, 32, 32)).status_code == 200)

        assert becomes_true(lambda: len(readable(slow)) >= 1)
        errors = [connection.recv(65536) for connection in readable(slow)]
        assert all(each.startswith(b"HTTP/1.1 503 ") for each in errors)
        assert time.monotonic() - started_at < 10, "the request waited for a timeout of the slow bodies"
    assert becomes_true(lambda: service.pooling.status.lease_count == 0)


def test_a_slow_body_of_a_plan_is_charged() -> None:
    """A thousand of them held a quarter of a gigabyte uncounted; a body that arrives at once reserves nothing."""
    head = "POST /v1/plan/max_pool2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with run_gated_service() as service, service.server.connect() as slow, service.server.client() as client:
        slow.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"8000\r\n" + b" " * 0x8000 + b"\r\n")
        assert becomes_true(lambda: service.pooling.status.held_bytes >= 0x8000)
        assert service.pooling.status.lease_count == 1

        planned = client.post("/v1/plan/max_pool2d", json={"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2})

        assert planned.status_code == 200
        slow.sendall(b"2\r\n{}\r\n0\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 422"
        assert becomes_true(lambda: service.pooling.status.lease_count == 0)
    assert service.pooling.status.held_bytes == 0
