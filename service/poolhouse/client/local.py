"""The service in this process, for those who test what calls it: the real app through httpx's ASGI transport.

The app lives on an event loop in a thread of its own, whoever drives it: so one local service serves both clients.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from typing import Final, Protocol, TypeVar

import httpx

from poolhouse.client.exchange import Answer, Send
from poolhouse.client.transport import AsyncHttpxTransport

ORIGIN: Final = "http://poolhouse.local"

_Result = TypeVar("_Result")


class _App(Protocol):
    """What this file needs of the application."""

    async def __call__(
        self,
        scope: dict[str, object],
        receive: Callable[[], Coroutine[object, object, dict[str, object]]],
        send: Callable[[dict[str, object]], Coroutine[object, object, None]],
    ) -> None: ...

    @property
    def router(self) -> _Router: ...


class _Router(Protocol):
    def lifespan_context(self, app: _App) -> AbstractAsyncContextManager[object]: ...


class LocalService:
    """The app, started by its first request and stopped by :meth:`close`.

    Raises:
        ModuleNotFoundError: without the server extra.
    """

    def __init__(self) -> None:
        try:
            # By name: the plain install has no server, and everyone else should not wait for torch.
            create_app: Callable[[], _App] = import_module("poolhouse.rest.app").create_app
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                f"{missing.name} is not installed; a local service needs the server extra: "
                "pip install 'poolhouse[server]'",
                name=missing.name,
            ) from missing
        self._app = create_app()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="poolhouse-local", daemon=True)
        self._stack = AsyncExitStack()
        self._transport: AsyncHttpxTransport | None = None
        self._starting = threading.Lock()
        self._closed = False

    def exchange(self, send: Send) -> Answer:
        """The answer to this, waited for."""
        self._start()
        return asyncio.run_coroutine_threadsafe(self._exchange(send), self._loop).result()

    async def aexchange(self, send: Send) -> Answer:
        """The answer to this, awaited from any loop; cancelled with the one who awaits."""
        await asyncio.to_thread(self._start)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._exchange(send), self._loop))

    def close(self) -> None:
        """Stop the app and its thread. Twice is once."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
            if self._transport is not None:
                self._do(self._stack.aclose())
                self._do(self._transport.aclose())
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
            self._loop.close()

    def _start(self) -> None:
        with self._starting:
            if self._closed:
                raise RuntimeError("the local service is closed; make another client")
            if self._transport is None:
                self._thread.start()
                self._transport = self._do(self._enter())

    async def _enter(self) -> AsyncHttpxTransport:
        await self._stack.enter_async_context(self._app.router.lifespan_context(self._app))
        # ASGITransport's own types are looser than the app's: a dict of anything.
        asgi = httpx.ASGITransport(self._app, raise_app_exceptions=False)  # type: ignore[arg-type]
        return AsyncHttpxTransport(ORIGIN, httpx.AsyncClient(transport=asgi))

    async def _exchange(self, send: Send) -> Answer:
        assert self._transport is not None, "started by whoever sends"
        return await self._transport.exchange(send)

    def _do(self, work: Coroutine[object, object, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class LocalTransport:
    """A local service for the blocking client."""

    def __init__(self, service: LocalService) -> None:
        self._service = service

    def exchange(self, send: Send) -> Answer:
        """The answer to this."""
        return self._service.exchange(send)

    def interrupt(self, threads: Collection[int]) -> None:
        """Nothing: what has begun in this process is soon answered."""

    def close(self) -> None:
        """Stop the service."""
        self._service.close()


class AsyncLocalTransport:
    """A local service for the asyncio client."""

    def __init__(self, service: LocalService) -> None:
        self._service = service

    async def exchange(self, send: Send) -> Answer:
        """The answer to this."""
        return await self._service.aexchange(send)

    async def aclose(self) -> None:
        """Stop the service."""
        await asyncio.to_thread(self._service.close)
