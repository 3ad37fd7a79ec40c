"""Requests beyond the memory budget or their deadline are refused early and fast, and leave nothing reserved."""

from __future__ import annotations

import json
import math
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

CAPACITY_BYTES = 1 << 20
SHAPE = (1, 1, 32, 32)
HEAD = (
    "POST /v1/pool/max_pool2d?shape={shape}&dtype=uint8&kernel_size={kernel} HTTP/1.1\r\nHost: x\r\n"
    "Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n{more}\r\n"
)


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with little memory."""
    with run_gated_service(capacity_bytes=CAPACITY_BYTES) as running:
        yield running


@pytest.fixture
def fresh() -> Iterator[GatedService]:
    """A service without throughput estimates; those of the other service are low, since its device was blocked so
    often."""
    with run_gated_service(capacity_bytes=CAPACITY_BYTES) as running:
        yield running


def head(shape: str, length: int, kernel: int = 1, more: str = "") -> bytes:
    return HEAD.format(shape=shape, length=length, kernel=kernel, more=more).encode()


def read_response(connection: socket.socket) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and document of an error response."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (piece := connection.recv(65536))
        assert piece, received
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return int(status.split()[1]), headers, json.loads(body)


@pytest.fixture
def full(gated: GatedService) -> Iterator[GatedService]:
    """The same service with a full memory budget: requests are held on the device and in the queue."""
    with ThreadPoolExecutor(64) as threads, gated.gate.closed():
        waiting: list[Future[int]] = []
        # The tests send requests as large as the whole budget, which are admitted only if they are alone.
        for _ in range(4):
            waiting.append(threads.submit(post_status, gated, SHAPE))
            assert becomes_true(partial(has_jobs, gated, len(waiting)))
        yield gated
        gated.gate.open()
        assert [each.result(WAIT_TIMEOUT_S) for each in waiting] == [200] * len(waiting)
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0)


def test_a_request_that_does_not_fit_is_refused_at_once(full: GatedService) -> None:
    """A client that waits for its refusal would hold a connection of an overloaded service."""
    before = full.metric("poolhouse_refusals_total", code="overloaded")
    times_ms = []
    for _ in range(10):
        with full.server.connect() as connection:
            started_at = time.perf_counter()
            connection.sendall(head("1,1,1024,1024", CAPACITY_BYTES))
            status, headers, document = read_response(connection)
            times_ms.append(1e3 * (time.perf_counter() - started_at))

        assert (status, document["code"]) == (503, "overloaded")
        assert int(headers["retry-after"]) >= 1

    # The best of ten: what the machine does beside this is not under test.
    assert min(times_ms) < 10
    assert full.metric("poolhouse_refusals_total", code="overloaded") == before + 10


@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"])
def test_a_body_that_fits_is_refused_if_its_pooling_does_not(full: GatedService, more: str) -> None:
    """Before the body is read, from the query: the response and intermediate results take memory too. A client that
    waits for 100 Continue does not get it."""
    side = math.isqrt(full.pooling.status.capacity_bytes - full.pooling.status.held_bytes)

    with full.server.connect() as connection:
        connection.sendall(head(f"1,1,{side},{side}", side * side, more=more))
        status, _, document = read_response(connection)

    assert (status, document["code"]) == (503, "overloaded")


def test_a_request_that_expires_in_the_queue_is_refused_at_once_and_never_runs(fresh: GatedService) -> None:
    """The client gets the error at its deadline, from a timer, and the job takes no further work."""
    timeout_s = 0.2
    expired = fresh.metric("poolhouse_engine_events_total", event="expired")
    late = (1, 1, 7, 7)
    with ThreadPoolExecutor(3) as threads, fresh.gate.closed(), fresh.server.client() as client:
        running = [threads.submit(post_status, fresh, (1, 1, 4, 4 + number)) for number in range(3)]
        assert becomes_true(partial(has_jobs, fresh, 3))

        started_at = time.perf_counter()
        response = post_zeros(client, late, {"Request-Timeout": f"{timeout_s}"})
        took_s = time.perf_counter() - started_at

        # The device is still blocked, so the response came from the timer.
        assert not any(each.done() for each in running)
        assert fresh.pooling.status.job_count == 3
        fresh.gate.open()
        assert [each.result(WAIT_TIMEOUT_S) for each in running] == [200] * 3
    assert (response.status_code, response.json()["code"]) == (504, "deadline_passed")
    assert took_s >= timeout_s
    assert late not in fresh.gate.seen_shapes
    assert fresh.metric("poolhouse_engine_events_total", event="expired") == expired + 1
    assert becomes_true(lambda: fresh.pooling.status.held_bytes == 0)


def test_a_passed_deadline_is_reported_within_5_ms(fresh: GatedService) -> None:
    """The client's own timeout ends then; a later response would not be read."""
    timeout_s = 0.1
    late_ms = []
    with ThreadPoolExecutor(2) as threads, fresh.gate.closed(), fresh.server.connect() as connection:
        running = [threads.submit(post_status, fresh, (1, 1, 4, 4 + number)) for number in range(2)]
        assert becomes_true(partial(has_jobs, fresh, 2))
        for _ in range(10):
            started_at = time.perf_counter()
            # The service starts its timer later than this, so the measured delay is an upper bound.
            connection.sendall(head("1,1,7,7", 49, more=f"Request-Timeout: {timeout_s}\r\n") + bytes(49))
            status, _, document = read_response(connection)
            late_ms.append(1e3 * (time.perf_counter() - started_at - timeout_s))
            assert (status, document["code"]) == (504, "deadline_passed")
        fresh.gate.open()
        assert [each.result(WAIT_TIMEOUT_S) for each in running] == [200] * 2

    # The best of ten: what the machine does beside this is not under test.
    assert 0 <= min(late_ms) < 5, late_ms


def test_a_deadline_that_cannot_be_met_is_refused_before_the_body(
    gated: GatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the body first would waste the work of both sides."""
    # At this throughput the first request is estimated to take seconds.
    monkeypatch.setattr(gated.pooling._engine._devices[0].throughput, "steps_per_s", 1e6)
    with ThreadPoolExecutor(3) as threads, gated.gate.closed(), gated.server.connect() as connection:
        running = threads.submit(post_status, gated, (1, 1, 2048, 2048), 31)
        assert becomes_true(partial(has_jobs, gated, 1))
        # No byte of the body follows, and the budget is full: the deadline is checked first.
        connection.sendall(head("1,1,4,4", 16, more="Request-Timeout: 0.6\r\n"))

        status, _, document = read_response(connection)

        assert gated.pooling.status.job_count == 1
        gated.gate.open()
        assert running.result(WAIT_TIMEOUT_S) == 200
    assert (status, document["code"]) == (504, "deadline_passed")
    assert "would pass" in str(document["detail"])


@pytest.mark.parametrize(
    ("shape", "length", "kernel", "status", "code"),
    [
        ("1,1,4,4", 16, 9, 422, "window_does_not_fit"),
        ("4", 4, 1, 422, "wrong_rank"),
        ("1,1,4,x", 16, 1, 422, "invalid_fields"),
        ("1,1,-4,4", 16, 1, 422, "invalid_data"),
        ("1,1,4,4", 17, 1, 400, "malformed_body"),
    ],
)
def test_raw_elements_that_cannot_be_pooled_are_refused_by_their_query(
    gated: GatedService, shape: str, length: int, kernel: int, status: int, code: str
) -> None:
    """Shape, type and fields are in the query, so a gigabyte need not be sent to be refused."""
    with gated.server.connect() as connection:
        connection.sendall(head(shape, length, kernel))

        given, _, document = read_response(connection)

    assert (given, document["code"]) == (status, code)


def test_a_load_of_random_requests_leaves_nothing_reserved(gated: GatedService) -> None:
    """Refused, disconnected or successful: each request releases its memory exactly once."""
    with ThreadPoolExecutor(64) as threads:
        statuses = [
            status for part in threads.map(partial(send_random_requests, gated.server), range(64)) for status in part
        ]

    assert set(statuses) <= {200, 503, 0}
    assert statuses.count(200) > 100
    assert statuses.count(0) > 100
    assert becomes_true(lambda: gated.pooling.status.lease_count == 0)
    assert gated.pooling.status.held_bytes == 0
    assert becomes_true(lambda: gated.pooling.status.job_count == 0)
    gauges = ("poolhouse_held_bytes", "poolhouse_jobs")
    assert [gated.metric(name) for name in gauges] == [0, 0]


def send_random_requests(live_server: LiveServer, seed: int) -> list[int]:
    """Send 32 requests on one connection; a tenth of them disconnect within the body and reconnect."""
    rng = random.Random(seed)
    statuses = []
    connection = live_server.connect()
    for _ in range(32):
        rows = rng.randrange(1, 200)
        whole = head(f"1,1,{rows},64", rows * 64) + bytes(rows * 64)
        if rng.random() < 0.1:
            connection.sendall(whole[: rng.randrange(1, len(whole))])
            connection.close()
            connection = live_server.connect()
            statuses.append(0)
            continue
        connection.sendall(whole)
        with connection.makefile("rb") as response:
            statuses.append(int(response.readline().split()[1]))
            length = 0
            while (line := response.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            response.read(length)
    connection.close()
    return statuses


def has_jobs(gated: GatedService, count: int) -> bool:
    return gated.pooling.status.job_count == count


def post_status(gated: GatedService, shape: tuple[int, ...], kernel_size: int = 1) -> int:
    with gated.server.client() as client:
        return post_zeros(client, shape, kernel_size=kernel_size).status_code


def test_a_refusal_for_overload_keeps_the_connection(full: GatedService) -> None:
    """New connections would add to the overload."""
    with full.server.client() as client:
        responses: list[httpx.Response] = [post_zeros(client, (1, 1, 1024, 1024)) for _ in range(3)]

    assert [response.status_code for response in responses] == [503] * 3
    assert all("close" not in response.headers.get("connection", "") for response in responses)
