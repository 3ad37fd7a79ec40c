"""Shutdown without failed requests: a real process, real signals, and a device that a test can block."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.rest.gated_process import GatedProcess, run_gated_process
from tests.rest.gated_service import becomes_true, parse_metrics, post_zeros
from tests.rest.live_server import WAIT_TIMEOUT_S, read_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SHAPE = (1, 1, 8, 8)
RAW = "POST /v1/pool/max_pool2d?shape=1,1,{0},1024&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
HEAD = RAW + "Content-Type: application/octet-stream\r\nContent-Length: {1}\r\n\r\n"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that wait."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def jobs(gated: GatedProcess) -> float:
    with gated.server.client() as client:
        return parse_metrics(client.get("/metrics").text)["poolhouse_jobs", frozenset()]


def readiness(gated: GatedProcess) -> tuple[int, str]:
    with gated.server.client() as client:
        response = client.get("/readyz")
        return response.status_code, response.json().get("code", "")


def is_drained(response: httpx.Response) -> bool:
    """Whether a response is the refusal of a draining service, which a client sends elsewhere."""
    return (
        response.status_code == 503
        and response.json()["code"] == "draining"
        and response.headers["connection"] == "close"
        and int(response.headers["retry-after"]) >= 1
    )


def test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones(threads: ThreadPoolExecutor) -> None:
    """A rollout must not fail any request; SIGTERM precedes SIGKILL for this purpose."""
    with run_gated_process(drain_delay_s=0.2) as gated, gated.server.client() as kept, gated.server.client() as slow:
        before = kept.get("/readyz").status_code
        gated.set_gate("close")
        in_progress = threads.submit(post_zeros, slow, SHAPE)
        assert becomes_true(lambda: jobs(gated) == 1)

        gated.process.send_signal(signal.SIGTERM)
        assert becomes_true(lambda: readiness(gated)[0] == 503)
        state = readiness(gated)
        on_kept, on_new = post_zeros(kept, SHAPE), post_zeros(gated.server.client(), SHAPE)
        on_upload = large_upload(gated)
        alive = gated.server.client().get("/livez")
        gated.process.send_signal(signal.SIGTERM)
        # After drain_delay_s the listener must still be open: a request is in progress.
        ends_at = time.monotonic() + 0.5
        states = {readiness(gated)}
        while time.monotonic() < ends_at:
            states.add(readiness(gated))
        running = gated.process.poll() is None
        gated.set_gate("open")
        finished = in_progress.result(WAIT_TIMEOUT_S)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert before == 200
    assert state == (503, "draining")
    assert is_drained(on_kept)
    assert is_drained(on_new)
    # The kernel resets a socket that is closed with unread bytes, and the client would lose the response.
    assert on_upload.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in on_upload.lower()
    assert b'"code":"draining"' in on_upload
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")
    assert states == {(503, "draining")}
    assert running
    assert (finished.status_code, len(finished.content)) == (200, 64)
    assert code == 0


def large_upload(gated: GatedProcess) -> bytes:
    """The response to a client that sends eight megabytes to the end before it reads."""
    with gated.server.connect() as upload:
        upload.sendall(HEAD.format(8192, 8192 * 1024).encode())
        for _ in range(128):
            upload.sendall(bytes(64 * 1024))
        upload.shutdown(socket.SHUT_WR)
        return read_all(upload)


@pytest.mark.slow
def test_an_admitted_body_is_received_completely() -> None:
    """Refusing it would waste the bytes already sent. After Ctrl-C no drain delay applies, since no load balancer is
    involved."""
    with run_gated_process(drain_delay_s=3600, grace_period_s=3600) as gated, gated.server.connect() as half:
        half.sendall(HEAD.format(2, 2048).encode() + bytes(1024))
        assert becomes_true(lambda: held_requests(gated) == 1)

        gated.process.send_signal(signal.SIGINT)
        assert becomes_true(lambda: readiness(gated)[0] == 503)
        half.sendall(bytes(1024))
        response = read_all(half)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert response.startswith(b"HTTP/1.1 200 ")
    assert response.endswith(bytes(2048))
    assert code == 0


@pytest.mark.slow
def test_after_ctrl_c_the_service_reports_its_requests_and_a_second_one_stops_it(threads: ThreadPoolExecutor) -> None:
    """A process that continues silently after Ctrl-C seems to hang."""
    with (
        run_gated_process(stderr=subprocess.PIPE, grace_period_s=3600) as gated,
        gated.server.client() as slow,
        gated.server.client() as slow_too,
    ):
        gated.set_gate("close")
        for client in (slow, slow_too):
            threads.submit(post_zeros, client, SHAPE)
        assert becomes_true(lambda: jobs(gated) == 2)

        gated.process.send_signal(signal.SIGINT)
        assert gated.process.stderr is not None
        said = gated.process.stderr.readline()
        running = gated.process.poll() is None
        gated.process.send_signal(signal.SIGINT)
        further = gated.process.stderr.read()
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert said.rstrip().endswith("finishing 2 requests; Ctrl-C again stops now")
    assert running
    # No tracebacks of the cancelled requests.
    assert further == ""
    assert code == 0


@pytest.mark.slow
def test_an_idle_service_stops_silently_on_ctrl_c() -> None:
    """There is nothing to wait for or to report."""
    with run_gated_process(stderr=subprocess.PIPE, grace_period_s=3600) as gated:
        gated.process.send_signal(signal.SIGINT)
        assert gated.process.stderr is not None
        said = gated.process.stderr.read()
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert said == ""
    assert code == 0


def held_requests(gated: GatedProcess) -> float:
    with gated.server.client() as client:
        return parse_metrics(client.get("/metrics").text)["poolhouse_held_requests", frozenset()]


def test_unfinished_requests_are_refused_when_the_grace_period_ends(threads: ThreadPoolExecutor) -> None:
    """The platform kills a process that takes longer: waiting clients get a response, and the process exits by
    itself."""
    with run_gated_process(grace_period_s=0.5) as gated, gated.server.client() as slow:
        gated.set_gate("close")
        in_progress = threads.submit(post_zeros, slow, SHAPE)
        assert becomes_true(lambda: jobs(gated) == 1)

        gated.process.send_signal(signal.SIGTERM)
        response = in_progress.result(WAIT_TIMEOUT_S)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert is_drained(response)
    assert code == 0


@pytest.mark.slow
def test_the_listener_stays_open_during_the_drain_delay() -> None:
    """Requests still arrive until the last load balancer has noticed. Ctrl-C ends the delay, with exit code 0."""
    with run_gated_process(drain_delay_s=3600, grace_period_s=3600) as gated, gated.server.client() as client:
        gated.process.send_signal(signal.SIGTERM)
        assert becomes_true(lambda: readiness(gated)[0] == 503)

        # Each needs a connection of its own, since each response closes its connection.
        responses = [post_zeros(client, SHAPE) for _ in range(20)]
        gated.process.send_signal(signal.SIGINT)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert all(map(is_drained, responses))
    assert code == 0
