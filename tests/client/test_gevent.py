"""The blocking client under gevent's monkey patching, as in a web server whose requests are greenlets."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from tests.client.gevent_scenarios import CALLERS
from tests.client.test_transports import EMPTY_LIST, run_scripted_server
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

ROOT = Path(__file__).resolve().parents[2]


def start_scenario(scenario: str, url: str) -> subprocess.Popen[str]:
    """A process that plays a scenario of ``greenlets.py``."""
    command = [sys.executable, "-m", "gevent.monkey", "--module", "tests.client.gevent_scenarios", scenario, url]
    environment = {"PYTHONPATH": f"{ROOT / 'service'}:{ROOT}"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def wait_for_scenario(process: subprocess.Popen[str]) -> None:
    """Wait for its end, which must be a good one."""
    try:
        out, err = process.communicate(timeout=WAIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still waiting: {out}{err}") from None
    assert (process.returncode, out) == (0, "done\n"), err


def test_a_kept_connection_is_used_again() -> None:
    """Whether it is still open was asked in a way that waited until the server closed it."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        wait_for_scenario(start_scenario("three_calls", listener.url))

        assert len(listener.heads) == 3
        assert listener.gone.acquire(timeout=WAIT_TIMEOUT_S)
        assert not listener.gone.acquire(blocking=False), "there was one connection"


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    """A server's right, and no fault of the caller's."""
    with run_scripted_server(lambda count: b"" if count == 2 else EMPTY_LIST) as listener:
        wait_for_scenario(start_scenario("three_calls", listener.url))

        assert len(listener.heads) == 4


def test_silence_ends_at_the_deadline() -> None:
    """The kernel's own timeout never ends a wait of gevent's, and other greenlets go on meanwhile."""
    with run_scripted_server(lambda count: EMPTY_LIST if count == 1 else None) as listener:
        wait_for_scenario(start_scenario("silence", listener.url))


def test_calls_of_several_greenlets_wait_beside_each_other() -> None:
    """One that held up the others would wait for an answer that comes only after theirs."""
    together = threading.Barrier(CALLERS, timeout=WAIT_TIMEOUT_S)

    def script(_: int) -> bytes:
        together.wait()
        return EMPTY_LIST

    with run_scripted_server(script) as listener:
        wait_for_scenario(start_scenario("many", listener.url))


def test_a_map_that_is_left_breaks_off_what_it_has_begun() -> None:
    """Its threads are greenlets there, and are told apart by gevent's own names."""
    together = threading.Barrier(3, timeout=WAIT_TIMEOUT_S)
    metadata = b'[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
    pooled = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTensor-Metadata: " + metadata + b"\r\n\r\n\x07"

    # The first input alone, a zero, is answered.
    def script(count: int) -> bytes | None:
        together.wait()
        return pooled if listener.heads[count - 1].endswith(bytes(8)) else None

    with run_scripted_server(script) as listener:
        wait_for_scenario(start_scenario("leaving", listener.url))

        assert len(listener.heads) == 3


def test_large_bodies_go_there_and_back(live_server: LiveServer) -> None:
    """In many steps each, with a wait between them."""
    wait_for_scenario(start_scenario("large", live_server.url))
