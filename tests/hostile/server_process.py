"""Run a server in a process of its own, and measure its responses, times and memory from outside."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO

import psutil

from tests.forked_process import ForkedProcess, forked_process

WAIT_TIMEOUT_S = 30.0
"""Timeout of all waits; reached only if something is broken."""

_SERVE = "import sys; from poolhouse.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpConnection:
    """A persistent connection to the server, reopened if the server closes it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_TIMEOUT_S)

    def connect(self) -> None:
        """Open the connection now, so that the time of a request does not include it."""
        self._connection.connect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Send a request and read its response. An early refusal may close the connection while the body is sent."""
        self._connection.request(method, target, body=body or None, headers=dict(headers or {}))
        response = self._connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server."""

    port: int
    process: psutil.Process

    @contextmanager
    def http_connection(self) -> Iterator[HttpConnection]:
        """A new HTTP connection."""
        client = HttpConnection(self.port)
        try:
            yield client
        finally:
            client.close()

    def connect(self) -> socket.socket:
        """A new socket."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_TIMEOUT_S)

    def readiness_status(self) -> int:
        """The status of ``/readyz``, on a new connection."""
        with self.http_connection() as client:
            return client.send("GET", "/readyz").status

    @property
    def resident_bytes(self) -> int:
        """The current resident memory."""
        held: int = self.process.memory_info().rss
        return held

    @property
    def cpu_ms(self) -> float:
        """The CPU time of all threads so far, which other processes of a busy machine do not add to."""
        times = self.process.cpu_times()
        return 1000 * float(times.user + times.system)

    @property
    def peak_resident_bytes(self) -> int:
        """The peak resident memory since :meth:`reset_peak`, as the kernel counts it, so that no peak is missed."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))

    def reset_peak(self) -> None:
        """Reset :attr:`peak_resident_bytes`."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextmanager
def server_process(**settings: str | int | float) -> Iterator[ServerProcess]:
    """Run ``poolhouse serve`` with these settings while the block runs, in a forked process.

    The process must still run at the end of the block: one that died or was replaced fails the test.
    """
    with forked_process(_serve, _options(settings), stdout=subprocess.PIPE) as process:
        yield from _running(process)


@contextmanager
def logged_process(log: IO[bytes] | None, **settings: str | int | float) -> Iterator[ServerProcess]:
    """As :func:`server_process`, started as a user starts it: for measurements.

    Args:
        log: the file for its log; None for this process's standard error.
        settings: of the service.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _SERVE, *_options(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
        try:
            yield from _running(process)
        finally:
            process.kill()


def _options(settings: Mapping[str, str | int | float]) -> list[str]:
    named = {"port": 0, **settings}
    return [word for name, value in named.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def _serve(options: list[str]) -> int:
    cli = import_module("poolhouse.cli")
    code: int = cli.main(["serve", *options])
    return code


def _running(process: subprocess.Popen[str] | ForkedProcess) -> Iterator[ServerProcess]:
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        urls = [word for word in line.split() if word.startswith("http://")]
        assert urls, f"the server did not start; it said {line!r}"
        yield ServerProcess(int(urls[0].rsplit(":", 1)[1]), psutil.Process(process.pid))
        ended = process.poll()
        assert ended is None, f"the server ended with {ended}"
    finally:
        process.terminate()
        process.wait(WAIT_TIMEOUT_S)


def poll_until_at_most(reading: Callable[[], int], most: int, within_s: float = WAIT_TIMEOUT_S) -> int:
    """Poll until a reading is at most ``most`` or the time is over; return the last reading."""
    ends = time.monotonic() + within_s
    while (seen := reading()) > most and time.monotonic() < ends:
        time.sleep(0.05)
    return seen
