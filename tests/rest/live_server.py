"""A real server on a free port, in a thread of the test, and functions to exchange raw bytes with it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from poolhouse.rest.app import App, create_app
from poolhouse.rest.server import Server, make_server
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

WAIT_TIMEOUT_S = 20.0
"""The longest wait of a test; reached only if something is broken."""

IMAGE = [[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]]]
POOL = "/v1/pool/max_pool2d"


@dataclass(frozen=True)
class LiveServer:
    """The address of a test's server."""

    url: str
    port: int
    grpc_port: int | None = None

    def client(self) -> httpx.Client:
        """An HTTP client that ignores the proxy settings of the environment."""
        return httpx.Client(base_url=self.url, timeout=WAIT_TIMEOUT_S, trust_env=False)

    def connect(self) -> socket.socket:
        """Open a TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_TIMEOUT_S)

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes on a new connection, and return everything received until the server closes it."""
        with self.connect() as connection:
            connection.sendall(sent)
            return read_all(connection)


def announced_grpc_port(line: str) -> int | None:
    """The port of gRPC in the line that announces a server."""
    found = re.search(r"grpc: port (\d+)", line)
    return int(found[1]) if found else None


def read_all(connection: socket.socket) -> bytes:
    """Everything received until the peer closes."""
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    return bytes(received)


@contextmanager
def run_live_server(
    settings: Settings, pooling: PoolingService | None = None, app: App | None = None
) -> Iterator[LiveServer]:
    """Run a server in a thread while the block runs; ``app`` replaces the application made from the settings."""
    ready = threading.Event()
    urls: list[str] = []
    grpc_ports: list[int | None] = []

    def on_started(server: Server) -> None:
        urls.append(server.url)
        grpc_ports.append(server.grpc_port)
        ready.set()

    server = make_server(settings, app or create_app(settings, pooling), on_started)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(WAIT_TIMEOUT_S), "the server did not start"
        yield LiveServer(urls[0], int(urls[0].rsplit(":", 1)[1]), grpc_ports[0])
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)
    assert not thread.is_alive(), "the server did not stop"
