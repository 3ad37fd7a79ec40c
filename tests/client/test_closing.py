"""A closed client raises an error at every call, over every transport."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import httpx
import pytest
import torch

from poolhouse import nn
from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.transports.local import AsyncLocalTransport, LocalTransport
from tests.client.test_transports import EMPTY_LIST, run_scripted_server
from tests.rest.live_server import WAIT_TIMEOUT_S

CLIENTS: dict[str, Callable[[str], Client]] = {
    "sockets": Client,
    "httpx": lambda url: Client(url, http_client=httpx.Client(trust_env=False)),
    "local": lambda _: Client.local(),
}
ASYNC_CLIENTS: dict[str, Callable[[str], AsyncClient]] = {
    "sockets": AsyncClient,
    "httpx": lambda url: AsyncClient(url, http_client=httpx.AsyncClient(trust_env=False)),
    "local": lambda _: AsyncClient.local(),
}
raises_closed = pytest.raises(RuntimeError, match="this client is closed; make a new one")


@pytest.mark.parametrize("transport", CLIENTS)
@pytest.mark.parametrize("used", [False, True])
def test_a_closed_client_refuses_to_call(transport: str, used: bool) -> None:
    """It would open connections that are never closed."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        client = CLIENTS[transport](server.url)
        copied = client.with_options(timeout=3)
        if used:
            client.operators()
        client.close()
        client.close()
        heads = len(server.heads)

        for each in (client, copied):
            with raises_closed:
                each.operators()
            with raises_closed:
                each.max_pool1d([[1.0]], 1)
            with raises_closed:
                each.map("max_pool1d", [[[1.0]]], kernel_size=1, return_exceptions=True)
            with raises_closed, each:
                pass
        assert len(server.heads) == heads


@pytest.mark.parametrize("transport", ASYNC_CLIENTS)
@pytest.mark.parametrize("used", [False, True])
def test_a_closed_async_client_refuses_to_call(transport: str, used: bool) -> None:
    """As :func:`test_a_closed_client_refuses_to_call`."""

    async def call(url: str) -> None:
        client = ASYNC_CLIENTS[transport](url)
        copied = client.with_options(timeout=3)
        if used:
            await client.operators()
        await client.aclose()
        await client.aclose()
        for each in (client, copied):
            with raises_closed:
                await each.operators()
            with raises_closed:
                await each.max_pool1d([[1.0]], 1)
            with raises_closed:
                each.map("max_pool1d", [[[1.0]]], kernel_size=1, return_exceptions=True)
            with raises_closed:
                async with each:
                    pass

    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        asyncio.run(call(server.url))
        assert len(server.heads) == (used and transport != "local")


def test_a_call_in_progress_gets_its_response_and_its_connection_is_closed() -> None:
    """Another thread may close a client at any time."""
    requested, respond = threading.Event(), threading.Event()

    def script(_: int) -> bytes:
        requested.set()
        assert respond.wait(WAIT_TIMEOUT_S)
        return EMPTY_LIST

    results: list[object] = []
    with run_scripted_server(script) as server:
        client = Client(server.url)
        thread = threading.Thread(target=lambda: results.append(client.operators()))
        thread.start()
        assert requested.wait(WAIT_TIMEOUT_S)
        client.close()
        respond.set()
        thread.join(WAIT_TIMEOUT_S)

        assert results == [()]
        assert server.disconnected.acquire(timeout=WAIT_TIMEOUT_S)


@pytest.mark.parametrize("transport", ["sockets", "httpx"])
def test_no_retry_is_sent_after_the_close(transport: str) -> None:
    """A call that sleeps before its retry would open a connection that is never closed."""
    with run_scripted_server(lambda _: b"") as server:
        client = CLIENTS[transport](server.url)

        class ClosingPolicy:
            """Closes the client when the delay before a retry is computed."""

            def delay_s(self, *_: object, **__: object) -> float:
                client.close()
                return 0.0

        object.__setattr__(client._options, "retry", ClosingPolicy())
        with raises_closed:
            client.operators()

        assert len(server.heads) == 1


def test_a_layer_with_a_closed_client_raises_the_error() -> None:
    """A model may be used after the block in which its client was made."""
    with Client.local() as client:
        layer = nn.MaxPool1d(2, client=client)

    with raises_closed:
        layer(torch.zeros(1, 1, 2))


class UnresponsiveApp:
    """An application that receives requests and never responds."""

    def __init__(self) -> None:
        self.requested = threading.Event()

    @property
    def router(self) -> UnresponsiveApp:
        return self

    def lifespan_context(self, _: object) -> UnresponsiveApp:
        return self

    async def __aenter__(self) -> None:
        """Start nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Stop nothing."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        self.requested.set()
        await asyncio.Event().wait()


def _make_unresponsive(client: Client | AsyncClient) -> UnresponsiveApp:
    app = UnresponsiveApp()
    transport = client._transport
    assert isinstance(transport, LocalTransport | AsyncLocalTransport)
    transport._service._app = app
    return app


def test_closing_a_local_service_ends_its_calls() -> None:
    """Its event loop has stopped, so they would wait for ever."""
    errors: list[BaseException] = []

    def call() -> None:
        try:
            client.operators()
        except (RuntimeError, ConnectionFailed) as error:
            errors.append(error)

    client = Client.local(timeout=None).with_options(max_retries=0)
    app = _make_unresponsive(client)
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert app.requested.wait(WAIT_TIMEOUT_S)
    client.close()
    thread.join(WAIT_TIMEOUT_S)

    assert ["closed before it sent a response" in str(error) for error in errors] == [True]


def test_closing_an_async_local_service_ends_its_calls() -> None:
    """And a task that is cancelled raises CancelledError."""

    async def run() -> None:
        client = AsyncClient.local(timeout=None).with_options(max_retries=0)
        app = _make_unresponsive(client)
        call, cancelled = (asyncio.create_task(client.operators()) for _ in range(2))
        assert await asyncio.to_thread(app.requested.wait, WAIT_TIMEOUT_S)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await client.aclose()
        with pytest.raises(ConnectionFailed, match="closed before it sent a response"):
            await asyncio.wait_for(call, WAIT_TIMEOUT_S)

    asyncio.run(run())
