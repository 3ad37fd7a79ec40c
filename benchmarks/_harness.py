"""Run servers in processes of their own, and call them with a minimal client that sends prepared bytes."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parent
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_BLOCK_REQUESTS: Final = 25
"""Requests to one server before the other's turn, so that a slow moment of the machine affects both."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """The times of sequential requests over one connection."""

    seconds: tuple[float, ...]

    @property
    def median_us(self) -> float:
        """The median in microseconds."""
        return 1e6 * statistics.median(self.seconds)

    @property
    def p99_us(self) -> float:
        """The 99th percentile in microseconds."""
        return 1e6 * sorted(self.seconds)[int(len(self.seconds) * 0.99)]


class Connection:
    """A persistent connection that repeats one request."""

    def __init__(self, port: int, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def call(self) -> bytes:
        """Send the request and return the body of the response.

        Raises:
            RuntimeError: the status is not 200; quotes the response.
        """
        self._socket.sendall(self._request)
        received = bytearray(self._socket.recv(1 << 20))
        while (at := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = bytes(received[: at + 2])
        length = _CONTENT_LENGTH.search(head)
        if length is None or not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(bytes(received[:2000]).decode("latin-1"))
        end = at + 4 + int(length[1])
        while len(received) < end:
            received += self._receive()
        return bytes(received[at + 4 : end])

    def _receive(self) -> bytes:
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise RuntimeError("the server closed the connection")
        return piece

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def build_request(target: str, media_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a POST request with Host, Content-Type, Content-Length and any further headers."""
    lines = {**(headers or {}), "Content-Type": media_type, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return f"POST {target} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body


def time_interleaved(connections: Sequence[Connection], count: int) -> list[Latencies]:
    """Time ``count`` requests on each connection, in alternating blocks, after one warm-up block."""
    times: list[list[float]] = [[] for _ in connections]
    for block in range(-1, -(-count // _BLOCK_REQUESTS)):
        for connection, seconds in zip(connections, times, strict=True):
            for _ in range(_BLOCK_REQUESTS):
                start = time.perf_counter()
                connection.call()
                elapsed = time.perf_counter() - start
                if block >= 0:
                    seconds.append(elapsed)
    return [Latencies(tuple(seconds)) for seconds in times]


@contextmanager
def run_poolhouse(*options: str, python_prelude: str = "") -> Iterator[int]:
    """Run our server as scripts/serve does, after a Python statement if one is given; yields its port."""
    command = f"{python_prelude}\nimport sys; from poolhouse.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"
    with _run_server([sys.executable, "-c", command, "--port", "0", *options]) as port:
        yield port


@contextmanager
def run_fastapi_baseline() -> Iterator[int]:
    """Run the FastAPI baseline; yields its port."""
    with _run_server([sys.executable, str(_FOLDER / "_fastapi_baseline.py"), "0"]) as port:
        yield port


@contextmanager
def run_bare_server() -> Iterator[int]:
    """Run the bare protocol; yields its port."""
    with _run_server([sys.executable, str(_FOLDER / "_bare_server.py"), "0"]) as port:
        yield port


@contextmanager
def _run_server(command: list[str]) -> Iterator[int]:
    environment = {**os.environ, "PYTHONPATH": str(_FOLDER.parent / "service")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            port = re.search(r"(?:ready on |http://[^:]+:)([0-9]+)", line)
            if port is None:
                raise RuntimeError(f"{command} printed {line!r}, which has no port")
            yield int(port[1])
        finally:
            process.terminate()
            process.wait()
