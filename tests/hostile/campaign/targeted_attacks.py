"""Targeted attacks: each is possible for one client within the limits, and once blocked the service or its memory.

An attack is a function of a port and a stop event. It runs in a process of its own (see :mod:`.attack_process`) until
the event is set. It ignores the responses, unless a wrong response is what it looks for.
"""

from __future__ import annotations

import json
import random
import select
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

Attack = Callable[[int, Event], None]

POOL: Final = "/v1/pool/"
_TIMEOUT_S: Final = 5.0
_RESET: Final = b"\1\0\0\0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class TargetedAttack:
    """One attack.

    Attributes:
        name: a short description.
        run: runs it.
        keyed: whether the service has keys; the attacker has none.
    """

    name: str
    run: Attack
    needs_keys: bool = False


def request_head(target: str, *lines: str, method: str = "POST", length: int | None = None) -> bytes:
    """The head of a request."""
    sized = [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *lines, *sized, "", ""]).encode()


def pool_request(operator: str, body: bytes | dict[str, object], *lines: str, query: str = "") -> bytes:
    """A complete pooling request: JSON for a dict, raw elements for bytes."""
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request_head(f"{POOL}{operator}?{query}", f"Content-Type: {kind}", *lines, length=len(text)) + text


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Open a connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def exchange(connection: socket.socket, sent: bytes) -> bytes:
    """Send a request, and read the head and the body of its response; empty if the connection was closed."""
    connection.sendall(sent)
    received = bytearray()
    while b"\r\n\r\n" not in received:
        piece = connection.recv(1 << 16)
        if not piece:
            return b""
        received += piece
    top, _, rest = bytes(received).partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length:")), len(rest)
    )
    left = length - len(rest)
    while left > 0:
        piece = connection.recv(min(1 << 16, left))
        if not piece:
            return b""
        left -= len(piece)
    return top


def repeated(requests: list[bytes], connections: int = 1) -> Attack:
    """Repeat the same requests on a number of persistent connections."""

    def one(port: int, stop: Event) -> None:
        while not stop.is_set():
            with suppress(OSError), connected(port) as connection:
                while not stop.is_set() and all(exchange(connection, request) for request in requests):
                    pass

    return run_in_parallel(one, connections)


def run_in_parallel(attack: Attack, count: int) -> Attack:
    """Run a number of copies in parallel."""

    def run(port: int, stop: Event) -> None:
        threads = [Thread(target=attack, args=(port, stop), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def bombs(port: int, stop: Event) -> None:
    """A gzip body of a megabyte that inflates to a gigabyte of zeros, decoded as npy."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 16384, 16380), }"
    header = header + b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    top = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    size = 4 * 16384 * 16380
    press = zlib.compressobj(9, wbits=31)
    pieces = [press.compress(top)]
    pieces += [press.compress(bytes(1 << 20)) for _ in range(size >> 20)] + [press.compress(bytes(size & 0xFFFFF))]
    body = b"".join([*pieces, press.flush()])
    lines = ("Content-Type: application/x-npy", "Content-Encoding: gzip")
    request = request_head(f"{POOL}max_pool2d?kernel_size=2", *lines, length=len(body)) + body

    def one(port: int, stop: Event) -> None:
        while not stop.is_set():
            # Disconnects in the middle of the response: the cost is the inflation.
            with suppress(OSError), connected(port) as connection:
                connection.sendall(request)
                connection.recv(1 << 16)

    run_in_parallel(one, 6)(port, stop)


def chunked(port: int, stop: Event) -> None:
    """Six large chunked bodies at once, which never end."""
    query = "kernel_size=2&dtype=uint8&shape=1,1,32768,32768"
    top = request_head(
        f"{POOL}max_pool2d?{query}", "Content-Type: application/octet-stream", "Transfer-Encoding: chunked"
    )
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"

    def one(port: int, stop: Event) -> None:
        while not stop.is_set():
            with suppress(OSError), connected(port) as connection:
                connection.sendall(top)
                for _ in range(1000):
                    if stop.is_set():
                        break
                    connection.sendall(chunk)

    run_in_parallel(one, 6)(port, stop)


def slow_readers(port: int, stop: Event) -> None:
    """Large responses, read at 80 kB/s by three clients."""
    request = pool_request("adaptive_avg_pool2d", bytes(4), query="output_size=15000,15000&dtype=float32&shape=1,1,1,1")

    def one(port: int, stop: Event) -> None:
        while not stop.is_set():
            with suppress(OSError), socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                connection.settimeout(_TIMEOUT_S)
                connection.connect(("127.0.0.1", port))
                connection.sendall(request)
                while not stop.wait(0.05) and connection.recv(4096):
                    pass

    run_in_parallel(one, 3)(port, stop)


def floods(port: int, stop: Event) -> None:
    """50 connections, each with 64 KiB of small requests in one write, whose responses are not read."""
    flood = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4000)[: 1 << 16]
    while not stop.is_set():
        connections = []
        with suppress(OSError):
            for _ in range(50):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S))
                connections[-1].sendall(flood)
            stop.wait(1)
        for connection in connections:
            connection.close()


def resets(port: int, stop: Event) -> None:
    """Requests, some of them pipelined, and a connection reset at a random time."""
    one = pool_request("max_pool2d", {"input": [[[1.0] * 40] * 40], "kernel_size": 2})
    while not stop.is_set():
        with suppress(OSError), connected(port) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.sendall(one * random.randint(1, 20) + one[: random.randrange(len(one))])
            if random.random() < 0.5:
                connection.recv(100)


def empty_lines(port: int, stop: Event) -> None:
    """Connections that reset the idle timer with an empty line; as many as the system allows."""
    connections = []
    while not stop.is_set():
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
            exchange(connection, request_head("/livez", method="GET"))
            connection.sendall(b"\r\n")
            connections.append(connection)
        if len(connections) > 400:
            connections.pop(0).close()


def distinct_requests(port: int, stop: Event) -> None:
    """Small requests with long heads, all different: cached plans are never used again."""
    while not stop.is_set():
        with suppress(OSError), connected(port) as connection:
            for _ in range(1000):
                if stop.is_set():
                    return
                size, pad = random.randint(1, 1 << 30), "x" * random.randint(0, 30_000)
                query = f"kernel_size=1&stride={size}&dtype=float32&shape=1,1,2"
                lines = (f"X-Pad: {pad}", f"Accept: */*, a/{pad[:8000]}{size}")
                if not exchange(connection, pool_request("max_pool1d", bytes(8), *lines, query=query)):
                    break


def aborted_heads(port: int, stop: Event) -> None:
    """Storms of connections, each closed after half a head."""
    while not stop.is_set():
        connections = []
        with suppress(OSError):
            for _ in range(200):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S))
                connections[-1].sendall(b"POST /v1/pool/max_pool2d HTTP/1.1\r\nHost: x\r\nX-A: ")
            select.select([], [], [], 0.05)
        for connection in connections:
            connection.close()


def bursts(port: int, stop: Event) -> None:
    """Sixty requests of 8 MiB that finish at once, then a pause of a second in which their memory is free."""
    request = pool_request("max_pool2d", bytes(8 << 20), query="kernel_size=2&dtype=uint8&shape=8,1024,1024")
    while not stop.is_set():
        connections = []
        with suppress(OSError):
            for _ in range(60):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S))
                connections[-1].sendall(request[:-1])
            for connection in connections:
                connection.sendall(request[-1:])
            for connection in connections:
                exchange(connection, b"")
        for connection in connections:
            connection.close()
        stop.wait(1)


def half_heads(port: int, stop: Event) -> None:
    """A thousand incomplete heads, with many empty headers or one long one."""
    begins = request_head("/livez", method="GET")[:-2]
    while not stop.is_set():
        connections = []
        with suppress(OSError):
            for number in range(1000):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S))
                connections[-1].sendall(begins + (b"a:\r\n" * 15_000 if number % 2 else b"A: " + b"a" * 60_000))
            stop.wait(1)
        for connection in connections:
            connection.close()


def unread_answers(port: int, stop: Event) -> None:
    """Responses that fit mostly into the system's default socket buffers, and are not read further."""
    connections = []
    while not stop.is_set():
        with suppress(OSError):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(_TIMEOUT_S)
            connection.connect(("127.0.0.1", port))
            query = f"shape=1,1&dtype=float32&output_size={random.randint(5 << 17, 6 << 17)}"
            connection.sendall(pool_request("adaptive_avg_pool1d", bytes(4), query=query))
            connections.append(connection)
        if len(connections) > 400:
            connections.pop(0).close()
    for connection in connections:
        connection.close()


def _list_body(leaf: str, length: int) -> bytes:
    text = ",".join([leaf] * length)
    return f'{{"kernel_size": 2, "input": [[{text}]]}}'.encode()


def _json(text: bytes, *lines: str, operator: str = "max_pool1d") -> bytes:
    return request_head(f"{POOL}{operator}", "Content-Type: application/json", *lines, length=len(text)) + text


_TINY: Final = {"input": [[[1, 2], [3, 4]]], "kernel_size": 2}
_UNKNOWN: Final = {f"field_number_{number}": 1 for number in range(1020)}

TARGETED_ATTACKS: Final = (
    TargetedAttack(
        "media ranges that could be read in many ways",
        repeated([pool_request("max_pool2d", _TINY, "Accept: a/b" + "; " * 40 + "@")], 8),
    ),
    TargetedAttack(
        "empty answers of many rows as JSON",
        repeated(
            [
                pool_request("adaptive_max_pool2d", {"input": [[[1]]], "output_size": [200_000_000, 0]}),
                pool_request(
                    "max_pool1d",
                    b"",
                    "Accept: application/json",
                    query="kernel_size=1&dtype=float32&shape=20000000,0,4",
                ),
                pool_request("adaptive_avg_pool3d", {"input": [[[[1]]]], "output_size": [0, 2**31 - 1, 2**31 - 1]}),
            ]
        ),
    ),
    TargetedAttack("six gzip bombs at once", bombs),
    TargetedAttack("chunked bodies without end", chunked),
    TargetedAttack(
        "names that are nearly right, and a thousand unknown fields",
        repeated(
            [
                request_head("/docs/v1/pool/adaptive_max_pool2x", method="GET"),
                request_head("/v1/operators/" + "adaptive_max_pool2x" * 400, method="GET"),
                pool_request("max_pool2d", {**_TINY, **_UNKNOWN}),
            ],
            20,
        ),
    ),
    TargetedAttack(
        "averages of integers with a huge divisor",
        repeated(
            [
                pool_request(
                    "avg_pool2d",
                    bytes(8 << 20),
                    query=f"kernel_size=2&divisor_override={2**62}&dtype=int64&shape=1,1,1024,1024",
                )
            ],
            4,
        ),
    ),
    TargetedAttack(
        "one window of a large input",
        repeated(
            [
                pool_request(
                    "avg_pool3d",
                    bytes(2 << 24),
                    query="kernel_size=1&stride=2147483647&dtype=float16&shape=1,1,1,4096,4096",
                )
            ],
            4,
        ),
    ),
    TargetedAttack(
        "random samples for a hundred million planes of one element",
        repeated(
            [
                pool_request(
                    "fractional_max_pool2d",
                    bytes(1 << 26),
                    query="kernel_size=1&output_size=1&dtype=uint8&shape=8192,8192,1,1",
                )
            ]
        ),
    ),
    TargetedAttack(
        "large answers of truth values as JSON",
        repeated(
            [
                pool_request(
                    "adaptive_max_pool2d",
                    b"\1",
                    "Accept: application/json",
                    query="output_size=12000,12000&dtype=bool&shape=1,1,1,1",
                )
            ],
            3,
        ),
    ),
    TargetedAttack(
        "thirty clients that send 20 MiB each",
        repeated(
            [pool_request("max_pool2d", bytes(20 << 20), query="kernel_size=2&dtype=uint8&shape=20,1024,1024")], 30
        ),
    ),
    TargetedAttack(
        "a hundred clients that send 3 MiB each, and leave",
        repeated(
            [pool_request("avg_pool2d", bytes(3 << 20), query="kernel_size=2&dtype=float32&shape=3,512,512")], 100
        ),
    ),
    TargetedAttack(
        "one plane of 512 MiB",
        repeated([pool_request("max_pool2d", bytes(1 << 29), query="kernel_size=2&dtype=uint8&shape=1,1,16384,32768")]),
    ),
    TargetedAttack(
        "one plane that holds the device for seconds",
        repeated(
            [
                pool_request(
                    "adaptive_avg_pool2d", bytes(4), query="output_size=15000,15000&dtype=float32&shape=1,1,1,1"
                ),
                pool_request(
                    "lp_pool2d",
                    bytes(1 << 24),
                    query="kernel_size=3&stride=1&norm_type=1e300&dtype=float32&shape=1,1,2048,2048",
                ),
            ],
            3,
        ),
    ),
    TargetedAttack("bursts of sixty bodies that are freed at once", bursts),
    TargetedAttack("half-sent heads on a thousand connections", half_heads),
    TargetedAttack("answers of which the last kilobytes are not read", unread_answers),
    TargetedAttack(
        "pages that are dear: metrics, documents, refusals",
        repeated(
            [
                request_head(path, method="GET")
                for path in ("/metrics", "/openapi.json", "/v1/operators", "/docs", "/nothing")
            ],
            20,
        ),
    ),
    TargetedAttack("three slow readers of large answers", slow_readers),
    TargetedAttack("pipelined floods on fifty connections", floods),
    TargetedAttack("resets at any moment", resets),
    TargetedAttack("idle connections kept with empty lines", empty_lines),
    TargetedAttack("fourteen thousand small requests, no two alike", distinct_requests),
    TargetedAttack("storms of connections", aborted_heads),
    TargetedAttack(
        "long JSON of many forms",
        repeated(
            [
                _json(_list_body("1.5", 2_000_000)),
                _json(_list_body('"NaN"', 1_000_000)),
                _json(_list_body("[1]", 1_000_000)),
                _json(b'{"a": "' + b"\\u0041" * 1_000_000 + b'", "kernel_size": 2, "input": [[1, 2]]}'),
                _json(b'{"input": ' + b"[" * 4_000_000),
                _json(b'{"input": [[1,2]], "kernel_size": ' + b"9" * 4_000_000 + b"}"),
                _json(b"{" + b",".join(b'"k%d":1' % number for number in range(200_000)) + b"}"),
                _json(b'{"input": [[{"a":' * 100_000),
            ],
            3,
        ),
    ),
    TargetedAttack(
        "chunk extensions without end",
        repeated(
            [
                request_head(f"{POOL}max_pool1d", "Content-Type: application/json", "Transfer-Encoding: chunked")
                + (b"1;" + b"e" * 4000 + b"\r\n \r\n") * 500
            ],
            8,
        ),
    ),
    TargetedAttack(
        "without a key: large bodies, hints, floods",
        repeated(
            [
                request_head("/docs/v1/pool/adaptive_max_pool2x", method="GET"),
                pool_request("max_pool2d", {**_TINY, **_UNKNOWN}),
                pool_request(
                    "max_pool2d", bytes(1 << 16), "Authorization: Bearer " + "k" * 4000, query="kernel_size=2"
                ),
            ],
            20,
        ),
        needs_keys=True,
    ),
    TargetedAttack("without a key: pipelined floods", floods, needs_keys=True),
    TargetedAttack("without a key: six gzip bombs at once", bombs, needs_keys=True),
)
