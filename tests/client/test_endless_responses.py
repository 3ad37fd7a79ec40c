"""A server from which something comes all the time, and never an answer: the deadline ends the call."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.transports.httpx_deadline import DeadlineTransport
from tests.rest.live_server import WAIT_TIMEOUT_S

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
METADATA = b'Tensor-Metadata: [{"name":"output","dtype":"uint8","shape":[1],"start":0,"end":1}]\r\n'
ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "extensions of a chunk": (HEAD + b"\r\n1", b";a=b" * 1000),
    "trailers": (HEAD + METADATA + b"\r\n1\r\nx\r\n0\r\n", b"X: y\r\n" * 1000),
}
CHUNK = b"1;" + b"a" * 900 + b"\r\nx\r\n"


@contextmanager
def run_endless_server(first: bytes, endless: bytes) -> Iterator[tuple[str, threading.Event]]:
    """A port that answers with this and then with that again and again, until nobody reads it; says when that was."""
    gone = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(first)
            while True:
                connection.sendall(endless)
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", gone


@pytest.mark.parametrize("way", ["sync", "async", "sync-httpx", "async-httpx"])
@pytest.mark.parametrize("said", ENDLESS.values(), ids=list(ENDLESS))
def test_what_never_becomes_an_answer_ends(way: str, said: tuple[bytes, bytes]) -> None:
    """There are always bytes to read, so no wait for some is ever too long."""

    async def asked_async(url: str) -> None:
        http = httpx.AsyncClient(trust_env=False) if way.endswith("httpx") else None
        async with AsyncClient(url, timeout=0.4, http_client=http) as client:
            await client.max_pool1d([[1.0]], 1)

    def asked(url: str) -> None:
        if way.startswith("async"):
            asyncio.run(asked_async(url))
            return
        http = httpx.Client(transport=DeadlineTransport()) if way.endswith("httpx") else None
        with Client(url, timeout=0.4, http_client=http) as client:
            client.max_pool1d([[1.0]], 1)

    with run_endless_server(*said) as (url, gone):
        with pytest.raises(ConnectionFailed):
            asked(url)

        assert gone.wait(WAIT_TIMEOUT_S), "the connection is closed"


def test_a_server_that_always_has_something_leaves_the_event_loop_to_others() -> None:
    """A read that need not wait does not give the loop away: nothing else in the process would run, deadlines least."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def asked(url: str) -> None:
        counting = asyncio.create_task(count())
        async with AsyncClient(url, timeout=0.4) as client:
            with pytest.raises(ConnectionFailed):
                await client.operators()
        counting.cancel()

    with run_endless_server(HEAD + b"\r\n", CHUNK * 100) as (url, gone):
        asyncio.run(asked(url))

        assert gone.wait(WAIT_TIMEOUT_S)
    assert turns > 1
