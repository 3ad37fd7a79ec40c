"""A service as a process of its own, and what it holds: by its metrics, and by its operating system."""

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
"""The process may have this much more than it says: half of what SECURITY.md promises."""


@dataclass
class MeasuredProcess:
    """The process from outside."""

    server: LiveServer
    process: psutil.Process
    client: httpx.Client
    idle_bytes: int = 0
    connections: list[socket.socket] = field(default_factory=list)

    def held_bytes(self) -> int:
        """What ``/metrics`` says is held."""
        return int(parse_metrics(self.client.get("/metrics").text)["poolhouse_held_bytes", frozenset()])

    def rss_growth_bytes(self) -> int:
        """What the process has taken from the machine since it was idle."""
        return int(self.process.memory_info().rss) - self.idle_bytes

    def send(self, request: bytes) -> socket.socket:
        """A connection on which this was sent, as far as the service reads it."""
        connection = self.server.connect()
        self.connections.append(connection)
        connection.setblocking(False)
        left = memoryview(request)
        connection.settimeout(5)
        try:
            while left:
                left = left[connection.send(left[: 1 << 16]) :]
        except OSError:
            # It was refused, and what is left of it need not be read.
            pass
        return connection


@contextmanager
def run_measured_process(**settings: str) -> Iterator[MeasuredProcess]:
    """Run the service while the block runs; each kind of work was done once before it counts as idle."""
    with service_process(**settings) as running, running.server.client() as client:
        found = MeasuredProcess(running.server, psutil.Process(running.process.pid), client)
        for _ in range(3):
            client.post("/v1/pool/max_pool2d", json={"input": [[[1, 2], [3, 4]]], "kernel_size": 2})
            client.get("/metrics")
        found.idle_bytes = found.process.memory_info().rss
        try:
            yield found
        finally:
            for connection in found.connections:
                connection.close()
