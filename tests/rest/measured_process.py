"""A service in a process of its own, and the memory that it holds: by its metrics, and by the operating system."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

from tests.rest.gated_service import parse_metrics
from tests.rest.live_server import LiveServer
from tests.rest.service_process import service_process

SLACK_BYTES = 64 << 20
"""How much more memory the process may take than it reports: half of what SECURITY.md states."""


@dataclass
class MeasuredProcess:
    """A running server process."""

    server: LiveServer
    process: psutil.Process
    client: httpx.Client
    idle_bytes: int = 0
    connections: list[socket.socket] = field(default_factory=list)

    def held_bytes(self) -> int:
        """The reserved bytes, from ``/metrics``."""
        return int(parse_metrics(self.client.get("/metrics").text)["poolhouse_held_bytes", frozenset()])

    def rss_growth_bytes(self) -> int:
        """The growth of the resident memory since the process was idle."""
        return int(self.process.memory_info().rss) - self.idle_bytes

    def send(self, request: bytes) -> socket.socket:
        """Send a request on a new connection, as far as the service reads it."""
        connection = self.server.connect()
        self.connections.append(connection)
        connection.setblocking(False)
        remaining = memoryview(request)
        connection.settimeout(5)
        try:
            while remaining:
                remaining = remaining[connection.send(remaining[: 1 << 16]) :]
        except OSError:
            # The request was refused, so the service need not read the rest.
            pass
        return connection


@contextmanager
def run_measured_process(**settings: str) -> Iterator[MeasuredProcess]:
    """Run the service while the block runs; it counts as idle after a few warm-up requests."""
    with service_process(**settings) as running, running.server.client() as client:
        measured = MeasuredProcess(running.server, psutil.Process(running.process.pid), client)
        for _ in range(3):
            client.post("/v1/pool/max_pool2d", json={"input": [[[1, 2], [3, 4]]], "kernel_size": 2})
            client.get("/metrics")
        measured.idle_bytes = measured.process.memory_info().rss
        try:
            yield measured
        finally:
            for connection in measured.connections:
                connection.close()
