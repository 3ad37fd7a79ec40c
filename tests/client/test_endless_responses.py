"""Servers that always send bytes but never a complete response: the deadline ends the call."""

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
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "chunk extensions": (HEAD + b"\r\n1", b";a=b" * 1000),
    "trailers": (HEAD + METADATA + b"\r\n1\r\nx\r\n0\r\n", b"X: y\r\n" * 1000),
}
CHUNK = b"1;" + b"a" * 900 + b"\r\nx\r\n"


@contextmanager
def run_endless_server(first: bytes, endless: bytes) -> Iterator[tuple[str, threading.Event]]:
    """Run a server that sends ``first``, then ``endless`` repeatedly, until its client disconnects.

    Yields:
        its address, and an event that is set when the client has disconnected.
    """
    disconnected = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(first)
            while True:
                connection.sendall(endless)
        disconnected.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", disconnected


@pytest.mark.parametrize("client_kind", ["sync", "async", "sync-httpx", "async-httpx"])
@pytest.mark.parametrize("response", ENDLESS.values(), ids=list(ENDLESS))
def test_an_endless_response_ends_at_the_deadline(client_kind: str, response: tuple[bytes, bytes]) -> None:
    """No read ever waits, so no read timeout is exceeded."""

    async def call_async(url: str) -> None:
        http = httpx.AsyncClient(trust_env=False) if client_kind.endswith("httpx") else None
        async with AsyncClient(url, timeout=0.4, http_client=http) as client:
            await client.max_pool1d([[1.0]], 1)

    def call(url: str) -> None:
        if client_kind.startswith("async"):
            asyncio.run(call_async(url))
            return
        http = httpx.Client(transport=DeadlineTransport()) if client_kind.endswith("httpx") else None
        with Client(url, timeout=0.4, http_client=http) as client:
            client.max_pool1d([[1.0]], 1)

    with run_endless_server(*response) as (url, disconnected):
        with pytest.raises(ConnectionFailed):
            call(url)

        assert disconnected.wait(WAIT_TIMEOUT_S), "the connection is closed"


def test_an_endless_response_lets_other_tasks_run() -> None:
    """A read that does not wait does not yield to the event loop, so no other task and no timer would run."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def call(url: str) -> None:
        counting = asyncio.create_task(count())
        async with AsyncClient(url, timeout=0.4) as client:
            with pytest.raises(ConnectionFailed):
                await client.operators()
        counting.cancel()

    with run_endless_server(HEAD + b"\r\n", CHUNK * 100) as (url, disconnected):
        asyncio.run(call(url))

        assert disconnected.wait(WAIT_TIMEOUT_S)
    assert turns > 1
