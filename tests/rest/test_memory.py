"""The memory that requests take is the memory that they are charged: the process's own memory and its metrics agree."""

from __future__ import annotations

import gzip
import io
import select
import socket

import numpy as np
import pytest

from poolhouse.backend.heap import find_malloc_trim
from tests.rest.gated_service import becomes_true
from tests.rest.measured_process import SLACK_BYTES, MeasuredProcess, run_measured_process

CAPACITY_BYTES = 80 << 20
BODY = 32 << 20
HEAD = (
    "POST /v1/pool/max_pool2d?kernel_size=2 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\n{framing}\r\n\r\n"
)


def npy_of(nbytes: int) -> bytes:
    """An npy file of this many zeros."""
    file = io.BytesIO()
    np.save(file, np.zeros((1, nbytes >> 10, 1024), np.int8))
    return file.getvalue()


def chunked(body: bytes) -> bytes:
    """The body in chunks of 64 KiB, without the last chunk."""
    parts = [body[start : start + (1 << 16)] for start in range(0, len(body), 1 << 16)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def unfinished(kind: str) -> bytes:
    """A request whose body lacks only its end."""
    body = npy_of(BODY)
    if kind == "chunked":
        return HEAD.format(framing="Transfer-Encoding: chunked").encode() + chunked(body)
    compressed = gzip.compress(body, 1)
    if kind == "compressed":
        framing = f"Content-Encoding: gzip\r\nContent-Length: {len(compressed)}"
        return HEAD.format(framing=framing).encode() + compressed[:-1]
    return HEAD.format(framing="Content-Encoding: gzip\r\nTransfer-Encoding: chunked").encode() + chunked(compressed)


def readable(connections: list[socket.socket]) -> list[socket.socket]:
    """The connections on which a response can be read."""
    return select.select(connections, [], [], 0)[0]


@pytest.mark.parametrize(
    "kind", ["both", *(pytest.param(each, marks=pytest.mark.slow) for each in ("chunked", "compressed"))]
)
def test_bodies_of_unknown_length_are_charged_as_they_grow(kind: str) -> None:
    """Six bodies of a megabyte once held six gigabytes uncounted, and no request was refused."""
    request = unfinished(kind)
    with run_measured_process(max_queue_bytes=str(CAPACITY_BYTES), max_body_bytes=str(2 * BODY)) as service:
        connections = [service.send(request) for _ in range(8)]
        becomes_true(lambda: len(readable(connections)) >= 6)
        refused = [connection.recv(12) for connection in readable(connections)]
        held, growth = service.held_bytes(), service.rss_growth_bytes()

    assert set(refused) == {b"HTTP/1.1 503"}
    assert len(refused) >= 6
    assert held >= BODY
    assert growth <= held + SLACK_BYTES


def announce_body(service: MeasuredProcess, nbytes: int) -> socket.socket:
    """A connection on which all of a body but its last byte was sent."""
    head = HEAD.format(framing=f"Content-Length: {nbytes}").encode()
    return service.send(head + bytes(nbytes - 1))


@pytest.mark.skipif(find_malloc_trim() is None, reason="only glibc keeps a heap that can be trimmed")
@pytest.mark.parametrize(("count", "nbytes"), [(200, 800 << 10), pytest.param(20, 8 << 20, marks=pytest.mark.slow)])
def test_freed_bodies_are_returned_to_the_system(count: int, nbytes: int) -> None:
    """One small object at the end of the heap kept the memory of all bodies; large ones are mapped separately."""
    with run_measured_process() as service:
        for _ in range(3):
            connections = []
            for _ in range(count):
                connections.append(announce_body(service, nbytes))
                # The few objects of an idle connection are allocated behind the body, and stay.
                service.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").recv(1000)
            assert becomes_true(lambda: service.rss_growth_bytes() > 7 * count * nbytes // 8)
            for connection in connections:
                connection.close()
            assert becomes_true(lambda: service.held_bytes() == 0)

        assert becomes_true(lambda: service.rss_growth_bytes() <= SLACK_BYTES), service.rss_growth_bytes()
