"""Scenarios of the client in a process with gevent's monkey patching, run by ``test_gevent.py``; each prints "done".

``python -m gevent.monkey --module tests.client.gevent_scenarios SCENARIO URL`` patches before any import here.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import closing

import gevent
import numpy as np

from poolhouse.client.clients import Client
from poolhouse.client.errors import TimedOut

GREENLETS = 5


def three_calls(url: str) -> None:
    """Three calls in sequence over one connection."""
    with Client(url) as client:
        for _ in range(3):
            client.operators()


def no_response(url: str) -> None:
    """A first call with a response and a second without, while another greenlet runs."""
    turns = 0

    def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    with Client(url, timeout=0.3, max_retries=0) as client:
        client.operators()
        counting = gevent.spawn(count_turns)
        try:
            client.operators()
        except TimedOut:
            counting.kill()
            assert turns > 1, "no other greenlet ran while the call waited"
            return
    raise AssertionError("the call got a response")


def concurrent_calls(url: str) -> None:
    """Calls that get their responses only when the server has received all of them."""
    with Client(url, timeout=None, read_timeout=20) as client:
        calls = [gevent.spawn(client.operators) for _ in range(GREENLETS)]
        gevent.joinall(calls, raise_error=True)


def closed_map(url: str) -> None:
    """A map that is closed after its first result, while two calls get no response."""
    inputs = ([[float(each)]] for each in range(100))
    with (
        Client(url, timeout=None) as client,
        closing(client.map("max_pool1d", inputs, kernel_size=1, concurrency=3)) as results,
    ):
        assert next(results).output == [[7]]


def large_bodies(url: str) -> None:
    """A request of 16 MiB, and a response of a quarter of that."""
    x = np.arange(4 * 1024 * 1024, dtype=np.float32).reshape(1, 4, 1024, 1024)
    with Client(url) as client:
        output = client.max_pool2d(x, 2).output
    np.testing.assert_array_equal(output, x.reshape(1, 4, 512, 2, 512, 2).max((3, 5)))


SCENARIOS: Mapping[str, Callable[[str], None]] = {
    each.__name__: each for each in (three_calls, no_response, concurrent_calls, closed_map, large_bodies)
}


def main() -> None:
    assert "gevent" in type(socket.socket()).__module__, "gevent must patch the sockets"
    scenario, url = sys.argv[1:]
    SCENARIOS[scenario](url)
    print("done")


if __name__ == "__main__":
    main()
