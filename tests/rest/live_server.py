"""A real server on a free port, in a thread of the test, and raw bytes to and from it."""

from __future__ import annotations

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
"""How long a test waits for what must come; reached only when something is broken."""

IMAGE = [[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]]]
POOL = "/v1/pool/max_pool2d"


@dataclass(frozen=True)
class LiveServer:
    """Where the server of a test listens."""

    url: str
    port: int

    def client(self) -> httpx.Client:
        """A client of this server that no proxy setting of the environment disturbs."""
        return httpx.Client(base_url=self.url, timeout=WAIT_TIMEOUT_S, trust_env=False)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_TIMEOUT_S)

    def exchange(self, sent: bytes) -> bytes:
        """Everything that comes back for these bytes until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(sent)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = bytearray()
    while piece := connection.recv(65536):
        received += piece
    return bytes(received)


@contextmanager
def run_live_server(
    settings: Settings, pooling: PoolingService | None = None, app: App | None = None
) -> Iterator[LiveServer]:
    """Run the real server while the block runs; ``app`` is the application in place of one of these settings."""
    ready = threading.Event()
    found: list[str] = []

    def note(server: Server) -> None:
        found.append(server.url)
        ready.set()

    server = make_server(settings, app or create_app(settings, pooling), note)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(WAIT_TIMEOUT_S), "the server did not start"
        yield LiveServer(found[0], int(found[0].rsplit(":", 1)[1]))
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)
    assert not thread.is_alive(), "the server did not stop"
