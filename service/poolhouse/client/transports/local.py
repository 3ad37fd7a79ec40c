"""Transports to a service in this process, for tests: the real app through httpx's ASGI transport.

The app runs on an event loop in its own thread, so that one class serves the blocking and the asyncio client.
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
    """The part of the application that is used here."""

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
    """The app, started by its first request and stopped by :meth:`close`. Unpickling makes a new one.

    Raises:
        ModuleNotFoundError: the server extra is not installed.
    """

    def __init__(self) -> None:
        try:
            # By name: the plain install has no server, and importing it takes seconds, for torch.
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
        """Send a request and return its response, from any thread."""
        try:
            return self._submit(send).result()
        except CancelledError:
            raise _closed_error() from None

    async def aexchange(self, send: Send) -> Response:
        """Send a request and return its response, from any event loop; cancelling the task cancels the request."""
        response = asyncio.wrap_future(await asyncio.to_thread(self._submit, send))
        try:
            return await response
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _closed_error() from None

    def close(self) -> None:
        """Stop the app and its thread; a second call does nothing."""
        with self._lock:
            self.closed = True
            if self._app_thread is not None:
                self._app_thread.run(self._stack.aclose())
                self._app_thread.close()
                self._app_thread = None

    def _submit(self, send: Send) -> Future[Response]:
        # Under the lock of close(), which therefore ends every call that was submitted.
        with self._lock:
            if self.closed:
                raise RuntimeError("this client is closed; make a new one")
            if self._app_thread is None:
                self._app_thread = self._start_app()
            return self._app_thread.submit(send)

    def _start_app(self) -> _AppThread:
        # ASGITransport's types are less precise than the app's.
        asgi = httpx.ASGITransport(self._app, raise_app_exceptions=False)  # type: ignore[arg-type]
        thread = _AppThread(asgi)
        try:
            thread.run(self._stack.enter_async_context(self._app.router.lifespan_context(self._app)))
        except BaseException:
            thread.close()
            raise
        return thread


def _closed_error() -> ConnectionFailed:
    return ConnectionFailed("The service in this process was closed before it sent a response.")


class _AppThread:
    """An event loop in its own thread, and a transport on that loop."""

    def __init__(self, asgi: httpx.ASGITransport) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="poolhouse-local", daemon=True)
        self._transport = AsyncHttpxTransport(ORIGIN, httpx.AsyncClient(transport=asgi))
        self._thread.start()

    def submit(self, send: Send) -> Future[Response]:
        """Send a request; the future gets its response."""
        return asyncio.run_coroutine_threadsafe(self._transport.exchange(send), self._loop)

    def run(self, coroutine: Coroutine[object, object, _Result]) -> _Result:
        """Run a coroutine on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """Cancel the pending calls, and stop the loop and its thread."""
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
    """Transport of the blocking client to a local service."""

    def __init__(self, service: LocalService) -> None:
        self._service = service

    def __reduce__(self) -> tuple[type[Self], tuple[LocalService]]:
        return type(self), (self._service,)

    @property
    def closed(self) -> bool:
        """Whether the service was stopped."""
        return self._service.closed

    def exchange(self, send: Send) -> Response:
        """Send a request and return its response."""
        return self._service.exchange(send)

    def interrupt(self, threads: Collection[int]) -> None:
        """Do nothing: a request in this process ends soon."""

    def close(self) -> None:
        """Stop the service."""
        self._service.close()


class AsyncLocalTransport:
    """Transport of the asyncio client to a local service."""

    def __init__(self, service: LocalService) -> None:
        self._service = service

    def __reduce__(self) -> tuple[type[Self], tuple[LocalService]]:
        return type(self), (self._service,)

    @property
    def closed(self) -> bool:
        """Whether the service was stopped."""
        return self._service.closed

    async def exchange(self, send: Send) -> Response:
        """Send a request and return its response."""
        return await self._service.aexchange(send)

    async def aclose(self) -> None:
        """Stop the service."""
        await asyncio.to_thread(self._service.close)
