"""A client that was closed: it calls no more and says so, whatever carries its bytes."""

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

KINDS: dict[str, Callable[[str], Client]] = {
    "sockets": Client,
    "httpx": lambda url: Client(url, http_client=httpx.Client(trust_env=False)),
    "local": lambda _: Client.local(),
}
ASYNC_KINDS: dict[str, Callable[[str], AsyncClient]] = {
    "sockets": AsyncClient,
    "httpx": lambda url: AsyncClient(url, http_client=httpx.AsyncClient(trust_env=False)),
    "local": lambda _: AsyncClient.local(),
}
closed = pytest.raises(RuntimeError, match="this client is closed; make another one")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", [False, True])
def test_a_closed_client_refuses_to_call(kind: str, used: bool) -> None:
    """It went on calling, over connections that nobody closes any more."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        client = KINDS[kind](listener.url)
        twin = client.with_options(timeout=3)
        if used:
            client.operators()
        client.close()
        client.close()
        heads = len(listener.heads)

        for each in (client, twin):
            with closed:
                each.operators()
            with closed:
                each.max_pool1d([[1.0]], 1)
            with closed:
                each.map("max_pool1d", [[[1.0]]], kernel_size=1, return_exceptions=True)
            with closed, each:
                pass
        assert len(listener.heads) == heads


@pytest.mark.parametrize("kind", ASYNC_KINDS)
@pytest.mark.parametrize("used", [False, True])
def test_a_closed_async_client_refuses_to_call(kind: str, used: bool) -> None:
    """As the other."""

    async def asked(url: str) -> None:
        client = ASYNC_KINDS[kind](url)
        twin = client.with_options(timeout=3)
        if used:
            await client.operators()
        await client.aclose()
        await client.aclose()
        for each in (client, twin):
            with closed:
                await each.operators()
            with closed:
                await each.max_pool1d([[1.0]], 1)
            with closed:
                each.map("max_pool1d", [[[1.0]]], kernel_size=1, return_exceptions=True)
            with closed:
                async with each:
                    pass

    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        asyncio.run(asked(listener.url))
        assert len(listener.heads) == (used and kind != "local")


def test_a_call_that_waits_is_answered_and_its_connection_closed() -> None:
    """Another thread may close a client at any time; what it has begun is not lost, and nothing stays open."""
    asked, go = threading.Event(), threading.Event()

    def script(_: int) -> bytes:
        asked.set()
        assert go.wait(WAIT_TIMEOUT_S)
        return EMPTY_LIST

    found: list[object] = []
    with run_scripted_server(script) as listener:
        client = Client(listener.url)
        thread = threading.Thread(target=lambda: found.append(client.operators()))
        thread.start()
        assert asked.wait(WAIT_TIMEOUT_S)
        client.close()
        go.set()
        thread.join(WAIT_TIMEOUT_S)

        assert found == [()]
        assert listener.gone.acquire(timeout=WAIT_TIMEOUT_S)


@pytest.mark.parametrize("kind", ["sockets", "httpx"])
def test_no_retry_goes_out_after_the_close(kind: str) -> None:
    """A call in its pause would open a connection that nobody closes."""
    with run_scripted_server(lambda _: b"") as listener:
        client = KINDS[kind](listener.url)

        class Closing:
            """Closes the client when it is asked how long to pause."""

            def delay_s(self, *_: object, **__: object) -> float:
                client.close()
                return 0.0

        object.__setattr__(client._options, "retry", Closing())
        with closed:
            client.operators()

        assert len(listener.heads) == 1


def test_a_layer_over_a_closed_client_says_so() -> None:
    """A model outlives the block that its client was made in."""
    with Client.local() as client:
        layer = nn.MaxPool1d(2, client=client)

    with closed:
        layer(torch.zeros(1, 1, 2))


class Silent:
    """An application that takes every request and answers none."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    @property
    def router(self) -> Silent:
        return self

    def lifespan_context(self, _: object) -> Silent:
        return self

    async def __aenter__(self) -> None:
        """Nothing begins."""

    async def __aexit__(self, *_: object) -> None:
        """Nothing ends."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        self.asked.set()
        await asyncio.Event().wait()


def _silenced(client: Client | AsyncClient) -> Silent:
    silent = Silent()
    transport = client._transport
    assert isinstance(transport, LocalTransport | AsyncLocalTransport)
    transport._service._app = silent
    return silent


def test_a_local_service_that_is_closed_ends_the_calls_that_wait() -> None:
    """Its event loop is gone, so they would wait for ever."""
    found: list[BaseException] = []

    def asked() -> None:
        try:
            client.operators()
        except (RuntimeError, ConnectionFailed) as fault:
            found.append(fault)

    client = Client.local(timeout=None).with_options(max_retries=0)
    silent = _silenced(client)
    thread = threading.Thread(target=asked, daemon=True)
    thread.start()
    assert silent.asked.wait(WAIT_TIMEOUT_S)
    client.close()
    thread.join(WAIT_TIMEOUT_S)

    assert ["closed before it answered" in str(fault) for fault in found] == [True]


def test_an_async_local_service_that_is_closed_ends_the_calls_that_wait() -> None:
    """As the other; and a task that is cancelled is cancelled."""

    async def asked() -> None:
        client = AsyncClient.local(timeout=None).with_options(max_retries=0)
        silent = _silenced(client)
        call, cancelled = (asyncio.create_task(client.operators()) for _ in range(2))
        assert await asyncio.to_thread(silent.asked.wait, WAIT_TIMEOUT_S)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await client.aclose()
        with pytest.raises(ConnectionFailed, match="closed before it answered"):
            await asyncio.wait_for(call, WAIT_TIMEOUT_S)

    asyncio.run(asked())
