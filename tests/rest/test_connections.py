"""Memory of connections without a request: incomplete heads, and responses that the client does not read."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, suppress

import psutil
import pytest

from tests.rest.gated_service import becomes_true, parse_metrics
from tests.rest.live_server import LiveServer, read_all
from tests.rest.service_process import ServiceProcess, service_process
from tests.rest.test_protocol import LIVE, parse, refusal

MIB = 1 << 20


@pytest.mark.parametrize("ending", [b"", b"\r\n"])
def test_the_number_of_headers_is_limited(live_server: LiveServer, ending: bytes) -> None:
    """An empty header takes four bytes on the wire, two hundred in memory: a hundred partial heads held 135 MiB."""
    document = refusal(live_server.exchange(LIVE + b"a:\r\n" * 1000 + ending))

    assert (document["status"], document["code"]) == (431, "headers_too_large")


def test_two_hundred_headers_are_accepted(live_server: LiveServer) -> None:
    """Browsers send twenty; proxies add some."""
    lines = b"".join(b"x-%d: y\r\n" % number for number in range(200))

    assert parse(live_server.exchange(LIVE + lines + b"Connection: close\r\n\r\n"))[0] == 200


def test_incomplete_heads_have_a_total_limit() -> None:
    """Each may have 64 KiB for ten seconds, and the connections of a client are not counted."""
    half = LIVE + b"A: " + b"a" * 60_000
    with service_process(header_timeout_s="60") as running, ExitStack() as stack:
        held = [stack.enter_context(running.server.connect()) for _ in range(700)]
        for connection in held:
            connection.sendall(half)
        with running.server.connect() as one:
            # Sent after the incomplete heads were read: a complete head is still accepted.
            one.sendall(LIVE + b"Connection: close\r\n\r\n")
            assert parse(read_all(one))[0] == 200
        for connection in held:
            connection.setblocking(False)
        refused = []
        for connection in held:
            with suppress(BlockingIOError):
                refused.append(connection.recv(1 << 16))

        assert 31 * MIB < 60_000 * (len(held) - len(refused)) < 34 * MIB
        status, headers, body = parse(refused[-1])
        assert (status, json.loads(body)["code"]) == (503, "overloaded")
        assert int(headers["retry-after"]) >= 1
        for connection in held:
            connection.close()
        with running.server.connect() as one:
            one.sendall(half)
            one.sendall(b"\r\nConnection: close\r\n\r\n")
            assert parse(read_all(one))[0] == 200, "a closed connection releases the bytes of its head"


def leave_unread(running: ServiceProcess, stack: ExitStack, size: int, *lines: str) -> int:
    """Request a response of this many bytes, and read nothing of it; returns the client's port."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.server.port))
    target = f"/v1/pool/adaptive_avg_pool1d?shape=1,1&dtype=float32&output_size={size // 4}"
    head = [f"POST {target} HTTP/1.1", "Host: x", "Content-Type: application/octet-stream", "Content-Length: 4", *lines]
    connection.sendall("\r\n".join([*head, "", "1234"]).encode())
    port: int = connection.getsockname()[1]
    return port


@pytest.mark.slow
def test_an_unread_response_holds_its_lease_to_the_last_byte() -> None:
    """One unsent byte pins its whole tensor: two hundred clients that left the last kilobytes unread held 346 MiB
    uncounted. So the lease lasts until the last byte is sent, and the stall timeout applies."""
    with service_process(body_timeout_s="1") as running, running.server.client() as client, ExitStack() as stack:
        process = psutil.Process(running.process.pid)

        def has_no_leases() -> bool:
            return parse_metrics(client.get("/metrics").text)["poolhouse_held_bytes", frozenset()] == 0

        def connected() -> set[int]:
            return {each.raddr.port for each in process.net_connections(kind="tcp") if each.raddr}

        # Find how many bytes of an unread response the kernel takes: the connections of smaller ones are kept.
        ports = {leave_unread(running, stack, size): size for size in range(64 << 10, 6 * MIB, 48 << 10)}
        assert becomes_true(has_no_leases)
        most = max(ports[port] for port in connected() & set(ports))
        stack.close()
        assert becomes_true(lambda: len(connected()) == 1)
        idle_bytes = process.memory_info().rss

        for number in range(200):
            leave_unread(running, stack, most + 400 * (number - 50))
        assert becomes_true(has_no_leases)

        # Connections, the allocator and the kernel need some memory too.
        assert process.memory_info().rss - idle_bytes < 128 * MIB


@pytest.mark.parametrize("apart_bytes", [480 << 10, pytest.param(48 << 10, marks=pytest.mark.slow)])
def test_a_client_that_reads_nothing_is_disconnected_however_little_is_unsent(apart_bytes: int) -> None:
    """A few unsent kilobytes do not pause writing, and the closed connection waited for them without end."""
    sizes = range(64 << 10, 6 * MIB, apart_bytes)
    with service_process(body_timeout_s="0.5") as running, ExitStack() as stack:
        process = psutil.Process(running.process.pid)
        for size in sizes:
            # One of the sizes exceeds the kernel's buffers by less than is written at once.
            leave_unread(running, stack, size, "Connection: close")

        assert becomes_true(lambda: len(process.net_connections(kind="tcp")) == 1), "only the listening socket remains"
