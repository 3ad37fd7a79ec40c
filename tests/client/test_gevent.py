"""The blocking client with gevent's monkey patching, as in a web server whose requests are greenlets."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from tests.client.gevent_scenarios import GREENLETS
from tests.client.test_transports import EMPTY_LIST, run_scripted_server
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

ROOT = Path(__file__).resolve().parents[2]


def start_scenario(scenario: str, url: str) -> subprocess.Popen[str]:
    """Start a process that runs a scenario of ``gevent_scenarios.py``."""
    command = [sys.executable, "-m", "gevent.monkey", "--module", "tests.client.gevent_scenarios", scenario, url]
    environment = {"PYTHONPATH": f"{ROOT / 'service'}:{ROOT}"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def wait_for_scenario(process: subprocess.Popen[str]) -> None:
    """Wait for the process, which must succeed."""
    try:
        out, err = process.communicate(timeout=WAIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the scenario did not end: {out}{err}") from None
    assert (process.returncode, out) == (0, "done\n"), err


def test_a_connection_is_reused() -> None:
    """The check whether it is open must not wait until the server closes it."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        wait_for_scenario(start_scenario("three_calls", server.url))

        assert len(server.heads) == 3
        assert server.disconnected.acquire(timeout=WAIT_TIMEOUT_S)
        assert not server.disconnected.acquire(blocking=False), "there is only one connection"


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    """A server may close an idle connection at any time."""
    with run_scripted_server(lambda count: b"" if count == 2 else EMPTY_LIST) as server:
        wait_for_scenario(start_scenario("three_calls", server.url))

        assert len(server.heads) == 4


def test_a_call_without_a_response_ends_at_the_deadline() -> None:
    """A kernel timeout has no effect on gevent's wait; and other greenlets must run meanwhile."""
    with run_scripted_server(lambda count: EMPTY_LIST if count == 1 else None) as server:
        wait_for_scenario(start_scenario("no_response", server.url))


def test_calls_of_several_greenlets_are_concurrent() -> None:
    """The server responds when it has received all of them."""
    barrier = threading.Barrier(GREENLETS, timeout=WAIT_TIMEOUT_S)

    def script(_: int) -> bytes:
        barrier.wait()
        return EMPTY_LIST

    with run_scripted_server(script) as server:
        wait_for_scenario(start_scenario("concurrent_calls", server.url))


def test_closing_a_map_ends_its_calls() -> None:
    """Its threads are greenlets, which gevent identifies by ids of its own."""
    barrier = threading.Barrier(3, timeout=WAIT_TIMEOUT_S)
    metadata = b'[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
    pooled = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTensor-Metadata: " + metadata + b"\r\n\r\n\x07"

    # Only the first input, a zero, gets a response.
    def script(count: int) -> bytes | None:
        barrier.wait()
        return pooled if server.heads[count - 1].endswith(bytes(8)) else None

    with run_scripted_server(script) as server:
        wait_for_scenario(start_scenario("closed_map", server.url))

        assert len(server.heads) == 3


def test_large_bodies_are_sent_and_received(live_server: LiveServer) -> None:
    """In many operations, with waits between them."""
    wait_for_scenario(start_scenario("large_bodies", live_server.url))
