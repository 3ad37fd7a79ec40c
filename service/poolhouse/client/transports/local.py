"""The service in this process, for those who test what calls it: the real app through httpx's ASGI transport.

The app lives on an event loop in a thread of its own, whoever drives it: so one local service serves both clients.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from typing import Final, Protocol, Self, TypeVar

import httpx

from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.exchange import Response, Send
from poolhouse.client.transports.httpx_transport import AsyncHttpxTransport

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
    """The app, started by its first request and stopped by :meth:`close`. Pickled, it is another one where it is read.

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
        self._stack = AsyncExitStack()
        self._app_thread: _AppThread | None = None
        self._lock = threading.Lock()
        self.closed = False

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def exchange(self, send: Send) -> Response:
        """The answer to this, waited for."""
        try:
            return self._submit(send).result()
        except CancelledError:
            raise _closed_error() from None

    async def aexchange(self, send: Send) -> Response:
        """The answer to this, awaited from any loop; cancelled with the one who awaits."""
        begun = asyncio.wrap_future(await asyncio.to_thread(self._submit, send))
        try:
            return await begun
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _closed_error() from None

    def close(self) -> None:
        """Stop the app and its thread. Twice is once."""
        with self._lock:
            self.closed = True
            if self._app_thread is not None:
                self._app_thread.run(self._stack.aclose())
                self._app_thread.close()
                self._app_thread = None

    def _submit(self, send: Send) -> Future[Response]:
        # Under the lock of close(), which so knows of every call that it has to end.
        with self._lock:
            if self.closed:
                raise RuntimeError("this client is closed; make another one")
            if self._app_thread is None:
                self._app_thread = self._start_app()
            return self._app_thread.submit(send)

    def _start_app(self) -> _AppThread:
        # ASGITransport's own types are looser than the app's: a dict of anything.
        asgi = httpx.ASGITransport(self._app, raise_app_exceptions=False)  # type: ignore[arg-type]
        running = _AppThread(asgi)
        try:
            running.run(self._stack.enter_async_context(self._app.router.lifespan_context(self._app)))
        except BaseException:
            running.close()
            raise
        return running


def _closed_error() -> ConnectionFailed:
    return ConnectionFailed("The service in this process was closed before it answered.")


class _AppThread:
    """An event loop in a thread of its own, and a transport on it."""

    def __init__(self, asgi: httpx.ASGITransport) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="poolhouse-local", daemon=True)
        self._transport = AsyncHttpxTransport(ORIGIN, httpx.AsyncClient(transport=asgi))
        self._thread.start()

    def submit(self, send: Send) -> Future[Response]:
        """Ask; the answer comes."""
        return asyncio.run_coroutine_threadsafe(self._transport.exchange(send), self._loop)

    def run(self, work: Coroutine[object, object, _Result]) -> _Result:
        """What work on the loop comes to."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the calls that wait, and stop the loop and its thread."""
        self.run(self._cancel_calls())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_calls(self) -> None:
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._transport.aclose()


class LocalTransport:
    """A local service for the blocking client."""

    def __init__(self, service: LocalService) -> None:
        self._service = service

    def __reduce__(self) -> tuple[type[Self], tuple[LocalService]]:
        return type(self), (self._service,)

    @property
    def closed(self) -> bool:
        """Whether the service was stopped."""
        return self._service.closed

    def exchange(self, send: Send) -> Response:
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

    def __reduce__(self) -> tuple[type[Self], tuple[LocalService]]:
        return type(self), (self._service,)

    @property
    def closed(self) -> bool:
        """Whether the service was stopped."""
        return self._service.closed

    async def exchange(self, send: Send) -> Response:
        """The answer to this."""
        return await self._service.aexchange(send)

    async def aclose(self) -> None:
        """Stop the service."""
        await asyncio.to_thread(self._service.close)
