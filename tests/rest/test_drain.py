"""Stopping so that no caller notices: a real process, real signals, and a device that a test holds."""

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
def callers() -> Iterator[ThreadPoolExecutor]:
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
    """Whether this is the refusal of a service that stops: readable, and not to be sent here again."""
    return (
        response.status_code == 503
        and response.json()["code"] == "draining"
        and response.headers["connection"] == "close"
        and int(response.headers["retry-after"]) >= 1
    )


def test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones(callers: ThreadPoolExecutor) -> None:
    """A rollout must cost no caller a request: that is the whole point of SIGTERM before SIGKILL."""
    with run_gated_process(drain_delay_s=0.2) as gated, gated.server.client() as kept, gated.server.client() as slow:
        before = kept.get("/readyz").status_code
        gated.set_gate("close")
        under_way = callers.submit(post_zeros, slow, SHAPE)
        assert becomes_true(lambda: jobs(gated) == 1)

        gated.process.send_signal(signal.SIGTERM)
        assert becomes_true(lambda: readiness(gated)[0] == 503)
        state = readiness(gated)
        on_kept, on_new = post_zeros(kept, SHAPE), post_zeros(gated.server.client(), SHAPE)
        on_upload = large_upload(gated)
        alive = gated.server.client().get("/livez")
        gated.process.send_signal(signal.SIGTERM)
        # Past drain_delay_s the listener must be open: a request is still under way.
        ends = time.monotonic() + 0.5
        still = {readiness(gated)}
        while time.monotonic() < ends:
            still.add(readiness(gated))
        running = gated.process.poll() is None
        gated.set_gate("open")
        answered = under_way.result(WAIT_TIMEOUT_S)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert before == 200
    assert state == (503, "draining")
    assert is_drained(on_kept)
    assert is_drained(on_new)
    # A socket closed with unread bytes is reset, and the reset would take the refusal away from the caller.
    assert on_upload.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in on_upload.lower()
    assert b'"code":"draining"' in on_upload
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")
    assert still == {(503, "draining")}
    assert running
    assert (answered.status_code, len(answered.content)) == (200, 64)
    assert code == 0


def large_upload(gated: GatedProcess) -> bytes:
    """What a caller reads who first sends eight megabytes to the end."""
    with gated.server.connect() as upload:
        upload.sendall(HEAD.format(8192, 8192 * 1024).encode())
        for _ in range(128):
            upload.sendall(bytes(64 * 1024))
        upload.shutdown(socket.SHUT_WR)
        return read_all(upload)


def test_an_admitted_body_is_received_completely() -> None:
    """A caller in the middle of an upload was admitted; to refuse it now would waste what it has sent. A person at a
    terminal waits for that and no longer: nobody balances load to them."""
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


def test_after_ctrl_c_the_service_reports_its_requests_and_a_second_one_stops_it(callers: ThreadPoolExecutor) -> None:
    """After Ctrl-C a process that goes on in silence looks like one that hangs."""
    with (
        run_gated_process(stderr=subprocess.PIPE, grace_period_s=3600) as gated,
        gated.server.client() as slow,
        gated.server.client() as slow_too,
    ):
        gated.set_gate("close")
        for client in (slow, slow_too):
            callers.submit(post_zeros, client, SHAPE)
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
    # No traceback of what was given up: that is what was asked for.
    assert further == ""
    assert code == 0


def test_an_idle_service_stops_silently_on_ctrl_c() -> None:
    """There is nothing to wait for, and nothing to be told."""
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


def test_unfinished_requests_are_refused_when_the_grace_period_ends(callers: ThreadPoolExecutor) -> None:
    """The platform kills what takes longer: whoever still waits is told, and the process ends well by itself."""
    with run_gated_process(grace_period_s=0.5) as gated, gated.server.client() as slow:
        gated.set_gate("close")
        under_way = callers.submit(post_zeros, slow, SHAPE)
        assert becomes_true(lambda: jobs(gated) == 1)

        gated.process.send_signal(signal.SIGTERM)
        response = under_way.result(WAIT_TIMEOUT_S)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert is_drained(response)
    assert code == 0


def test_the_listener_stays_open_during_the_drain_delay() -> None:
    """Between SIGTERM and the last router that hears of it, requests still arrive here. A person who does not want
    to wait for that presses Ctrl+C, and that is no failure either."""
    with run_gated_process(drain_delay_s=3600, grace_period_s=3600) as gated, gated.server.client() as client:
        gated.process.send_signal(signal.SIGTERM)
        assert becomes_true(lambda: readiness(gated)[0] == 503)

        # Each is on a connection of its own, since each is told to close it.
        responses = [post_zeros(client, SHAPE) for _ in range(20)]
        gated.process.send_signal(signal.SIGINT)
        code = gated.process.wait(WAIT_TIMEOUT_S)

    assert all(map(is_drained, responses))
    assert code == 0
