"""Servers in processes of their own, and the barest client: prepared bytes out, an answer of known length in."""

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
"""Requests that one server gets before it is the other's turn: a slow moment of the machine meets both."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds of many requests, one after another over one connection."""

    seconds: tuple[float, ...]

    @property
    def median_us(self) -> float:
        """Half of the requests were faster, in microseconds."""
        return 1e6 * statistics.median(self.seconds)

    @property
    def p99_us(self) -> float:
        """One of a hundred was slower, in microseconds."""
        return 1e6 * sorted(self.seconds)[int(len(self.seconds) * 0.99)]


class Connection:
    """One kept connection, and one request that it repeats."""

    def __init__(self, port: int, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def call(self) -> bytes:
        """Sends the request and gives the body of its answer.

        Raises:
            RuntimeError: for any status but 200, with the answer.
        """
        self._socket.sendall(self._request)
        received = bytearray(self._socket.recv(1 << 20))
        while (at := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = bytes(received[: at + 2])
        found = _CONTENT_LENGTH.search(head)
        if found is None or not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(bytes(received[:2000]).decode("latin-1"))
        whole = at + 4 + int(found[1])
        while len(received) < whole:
            received += self._receive()
        return bytes(received[at + 4 : whole])

    def _receive(self) -> bytes:
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise RuntimeError("the server closed the connection")
        return piece

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()


def build_request(target: str, media_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a POST, which may have headers beside the three that every one has."""
    lines = {**(headers or {}), "Content-Type": media_type, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return f"POST {target} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body


def time_interleaved(connections: Sequence[Connection], count: int) -> list[Latencies]:
    """Times ``count`` requests of each connection, a block of each in turn, after one block that is not counted."""
    seconds: list[list[float]] = [[] for _ in connections]
    for block in range(-1, -(-count // _BLOCK_REQUESTS)):
        for connection, taken in zip(connections, seconds, strict=True):
            for _ in range(_BLOCK_REQUESTS):
                begun = time.perf_counter()
                connection.call()
                took = time.perf_counter() - begun
                if block >= 0:
                    taken.append(took)
    return [Latencies(tuple(taken)) for taken in seconds]


@contextmanager
def run_poolhouse(*options: str, python_prelude: str = "") -> Iterator[int]:
    """Our server, as scripts/serve starts it, after a statement of Python where one is given; its port."""
    command = f"{python_prelude}\nimport sys; from poolhouse.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"
    with _run_server([sys.executable, "-c", command, "--port", "0", *options]) as port:
        yield port


@contextmanager
def run_fastapi_baseline() -> Iterator[int]:
    """The obvious endpoint; its port."""
    with _run_server([sys.executable, str(_FOLDER / "_fastapi_baseline.py"), "0"]) as port:
        yield port


@contextmanager
def run_bare_server() -> Iterator[int]:
    """The bare protocol; its port."""
    with _run_server([sys.executable, str(_FOLDER / "_bare_server.py"), "0"]) as port:
        yield port


@contextmanager
def _run_server(command: list[str]) -> Iterator[int]:
    environment = {**os.environ, "PYTHONPATH": str(_FOLDER.parent / "service")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"(?:ready on |http://[^:]+:)([0-9]+)", line)
            if found is None:
                raise RuntimeError(f"{command} said {line!r} and nothing of a port")
            yield int(found[1])
        finally:
            process.terminate()
            process.wait()
