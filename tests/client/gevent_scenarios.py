"""The client as a process under gevent's monkey patching, run by ``test_gevent.py``: one scenario, one line at its end.

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

CALLERS = 5


def three_calls(url: str) -> None:
    """One after the other, over a connection that is kept."""
    with Client(url) as client:
        for _ in range(3):
            client.operators()


def silence(url: str) -> None:
    """A first call that is answered and a second one that is not, with others at work meanwhile."""
    beats = 0

    def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            gevent.sleep(0)

    with Client(url, timeout=0.3, max_retries=0) as client:
        client.operators()
        beating = gevent.spawn(beat)
        try:
            client.operators()
        except TimedOut:
            beating.kill()
            assert beats > 1, "nothing else ran while the call waited"
            return
    raise AssertionError("the call was answered")


def many(url: str) -> None:
    """Calls that are answered only once all of them have come."""
    with Client(url, timeout=None, read_timeout=20) as client:
        calls = [gevent.spawn(client.operators) for _ in range(CALLERS)]
        gevent.joinall(calls, raise_error=True)


def leaving(url: str) -> None:
    """A map that is left after its first answer, while two others do not come."""
    inputs = ([[float(each)]] for each in range(100))
    with (
        Client(url, timeout=None) as client,
        closing(client.map("max_pool1d", inputs, kernel_size=1, concurrency=3)) as answers,
    ):
        assert next(answers).output == [[7]]


def large(url: str) -> None:
    """Sixteen megabytes there, and a quarter of that back."""
    x = np.arange(4 * 1024 * 1024, dtype=np.float32).reshape(1, 4, 1024, 1024)
    with Client(url) as client:
        output = client.max_pool2d(x, 2).output
    np.testing.assert_array_equal(output, x.reshape(1, 4, 512, 2, 512, 2).max((3, 5)))


SCENARIOS: Mapping[str, Callable[[str], None]] = {
    each.__name__: each for each in (three_calls, silence, many, leaving, large)
}


def main() -> None:
    assert "gevent" in type(socket.socket()).__module__, "the patch is what is tried here"
    scenario, url = sys.argv[1:]
    SCENARIOS[scenario](url)
    print("done")


if __name__ == "__main__":
    main()
