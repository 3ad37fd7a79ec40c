"""The asyncio transport on scripted connections: resets; no network."""

from __future__ import annotations

import asyncio
import socket

import pytest

from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.exchange import Response, Timeouts
from poolhouse.client.transports import connection_pool
from poolhouse.client.transports.async_sockets import AsyncSocketTransport
from tests.client.transports.test_sockets import RESPONSE, Connection, post


def exchange(monkeypatch: pytest.MonkeyPatch, idle: Connection, new: list[Connection]) -> Response:
    """Send a request on an idle connection; new ones replace it."""

    async def connect(_: Timeouts) -> socket.socket:
        return new.pop(0)

    async def call() -> Response:
        transport = AsyncSocketTransport("http://h:1")
        monkeypatch.setattr(transport, "_connect", connect)
        transport._connection_pool.release(idle, can_reuse=True)
        try:
            return await transport.exchange(post())
        finally:
            await transport.aclose()

    for connection in (idle, *new):
        connection.setblocking(False)
    monkeypatch.setattr(connection_pool, "is_still_open", lambda _: True)
    return asyncio.run(call())


def test_a_reset_before_any_byte_is_like_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may have closed the connection just as the request was sent."""
    new = [Connection()]

    assert exchange(monkeypatch, Connection(b"", is_reset=True), new).text == "ok"
    assert new == []


@pytest.mark.parametrize("size", [1, len(RESPONSE) - 1])
def test_a_response_that_was_reset_is_not_requested_again(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The server has worked for it, and may fail again at the same place."""
    connection = Connection(RESPONSE[:size], is_reset=True)

    with pytest.raises(ConnectionFailed, match="reset the connection before it had sent the whole response"):
        exchange(monkeypatch, connection, [])

    assert connection.is_closed
