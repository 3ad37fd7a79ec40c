"""What connections hold while no request of theirs is held: heads that are not whole, and responses that nobody reads."""

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
    """An empty header has four bytes on the wire and two hundred in memory: a hundred half-sent heads held 135 MiB."""
    document = refusal(live_server.exchange(LIVE + b"a:\r\n" * 1000 + ending))

    assert (document["status"], document["code"]) == (431, "headers_too_large")


def test_two_hundred_headers_are_accepted(live_server: LiveServer) -> None:
    """Browsers send twenty; proxies add some."""
    lines = b"".join(b"x-%d: y\r\n" % number for number in range(200))

    assert parse(live_server.exchange(LIVE + lines + b"Connection: close\r\n\r\n"))[0] == 200


def test_incomplete_heads_have_a_total_limit() -> None:
    """Each may have 64 KiB for ten seconds, and nobody counts the connections of one client."""
    half = LIVE + b"A: " + b"a" * 60_000
    with service_process(header_timeout_s="60") as running, ExitStack() as stack:
        held = [stack.enter_context(running.server.connect()) for _ in range(700)]
        for connection in held:
            connection.sendall(half)
        with running.server.connect() as one:
            # Asked for after the heads were read: whoever sends all headers at once is answered.
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
            assert parse(read_all(one))[0] == 200, "what was held is given back with its connection"


def leave_unread(running: ServiceProcess, stack: ExitStack, size: int, *lines: str) -> int:
    """Ask for a response of so many bytes and read nothing of it; gives the port of the client."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.server.port))
    target = f"/v1/pool/adaptive_avg_pool1d?shape=1,1&dtype=float32&output_size={size // 4}"
    head = [f"POST {target} HTTP/1.1", "Host: x", "Content-Type: application/octet-stream", "Content-Length: 4", *lines]
    connection.sendall("\r\n".join([*head, "", "1234"]).encode())
    port: int = connection.getsockname()[1]
    return port


def test_an_unread_response_holds_its_lease_to_the_last_byte() -> None:
    """It pins the tensor that it is of: two hundred clients that left the last kilobytes held 346 MiB that nobody
    counted. So the lease lasts until the last byte has left, and the client has the time limit for silence."""
    with service_process(body_timeout_s="1") as running, running.server.client() as client, ExitStack() as stack:
        process = psutil.Process(running.process.pid)

        def settled() -> bool:
            return parse_metrics(client.get("/metrics").text)["poolhouse_held_bytes", frozenset()] == 0

        def connected() -> set[int]:
            return {each.raddr.port for each in process.net_connections(kind="tcp") if each.raddr}

        # How much the system takes of a response that is not read: of a smaller one all, and the connection is kept.
        ports = {leave_unread(running, stack, size): size for size in range(64 << 10, 6 * MIB, 48 << 10)}
        assert becomes_true(settled)
        most = max(ports[port] for port in connected() & set(ports))
        stack.close()
        assert becomes_true(lambda: len(connected()) == 1)
        idle_bytes = process.memory_info().rss

        for number in range(200):
            leave_unread(running, stack, most + 400 * (number - 50))
        assert becomes_true(settled)

        # Connections have something too, and so have the allocator and the system.
        assert process.memory_info().rss - idle_bytes < 128 * MIB


@pytest.mark.parametrize("apart_bytes", [480 << 10, pytest.param(48 << 10, marks=pytest.mark.slow)])
def test_a_client_that_reads_nothing_is_disconnected_however_little_is_unsent(apart_bytes: int) -> None:
    """A few kilobytes of a response do not stop its writing, and were waited for without end once it was closed."""
    sizes = range(64 << 10, 6 * MIB, apart_bytes)
    with service_process(body_timeout_s="0.5") as running, ExitStack() as stack:
        process = psutil.Process(running.process.pid)
        for size in sizes:
            # Whatever the system takes for itself, of one of them less than is written at once is left.
            leave_unread(running, stack, size, "Connection: close")

        assert becomes_true(lambda: len(process.net_connections(kind="tcp")) == 1), "only the listening socket is left"
