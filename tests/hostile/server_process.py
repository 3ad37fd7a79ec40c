"""A server in a process of its own, watched from outside: what it answers, how long it takes, what memory it holds."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

WAIT_TIMEOUT_S = 30.0
"""How long a test waits for what must come; reached only when something is broken."""

_SERVE = "import sys; from poolhouse.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpConnection:
    """One kept connection to the server, opened anew where the server closes it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_TIMEOUT_S)

    def connect(self) -> None:
        """Opens the connection now, where the time of a request is to be taken without it."""
        self._connection.connect()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def send(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Sends one request and reads its answer. A body that is refused early may be cut off while it is sent."""
        self._connection.request(method, target, body=body or None, headers=dict(headers or {}))
        answer = self._connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server."""

    port: int
    process: psutil.Process

    @contextmanager
    def http_connection(self) -> Iterator[HttpConnection]:
        """A connection of its own."""
        caller = HttpConnection(self.port)
        try:
            yield caller
        finally:
            caller.close()

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_TIMEOUT_S)

    def readiness_status(self) -> int:
        """The status of ``/readyz``, asked on a connection of its own."""
        with self.http_connection() as caller:
            return caller.send("GET", "/readyz").status

    @property
    def resident_bytes(self) -> int:
        """Resident memory now."""
        held: int = self.process.memory_info().rss
        return held

    @property
    def peak_resident_bytes(self) -> int:
        """The most resident memory since :meth:`reset_peak`, as the kernel counted it: no sample can miss it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))

    def reset_peak(self) -> None:
        """Starts :attr:`peak_resident_bytes` anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


def server_process(**settings: str | int | float) -> AbstractContextManager[ServerProcess]:
    """Runs the service with these settings, as ``poolhouse serve`` does, while the block runs.

    The process must still be there at the end of the block: one that died, or was replaced, fails the test.
    """
    return logged_process(None, **settings)


@contextmanager
def logged_process(log: IO[bytes] | None, **settings: str | int | float) -> Iterator[ServerProcess]:
    """As :func:`server_process`, with its log written there; None for where this process's goes."""
    options = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _SERVE, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            urls = [word for word in line.split() if word.startswith("http://")]
            assert urls, f"the server did not start; it said {line!r}"
            yield ServerProcess(int(urls[0].rsplit(":", 1)[1]), psutil.Process(process.pid))
            assert process.poll() is None, f"the server ended with {process.returncode}"
        finally:
            process.terminate()
            try:
                process.wait(WAIT_TIMEOUT_S)
            finally:
                process.kill()


def poll_until_at_most(reading: Callable[[], int], most: int, within_s: float = WAIT_TIMEOUT_S) -> int:
    """Polls until a reading is at most ``most``, or the time is over; the last reading."""
    ends = time.monotonic() + within_s
    while (seen := reading()) > most and time.monotonic() < ends:
        time.sleep(0.05)
    return seen
