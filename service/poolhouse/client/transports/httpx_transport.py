"""How requests reach a server through httpx: https, proxies, a client of the caller's own. The one file that knows it.

httpx joins what it is given and what it gets. So bodies go in as views of a quarter of a megabyte, and come out piece
by piece into the rooms that the request has for them; the pieces are httpx's only copy.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, Self

import httpx

from poolhouse.client.endpoint import environment_proxy
from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.exchange import Request, Response, Send, Timeouts
from poolhouse.client.transports.httpx_deadline import DEADLINE, DeadlineTransport
from poolhouse.client.transports.response_body import ResponseBody
from poolhouse.wire.quoting import escape_unprintable

PIECE_BYTES: Final = 256 * 1024
"""Small enough that what httpx copies stays in the cache, large enough that there are few."""


class Transport(Protocol):
    """Sends one request at a time for each thread that asks. Pickled, it is an address, and connects anew."""

    @property
    def closed(self) -> bool:
        """Whether its connections were closed for good."""
        ...

    def exchange(self, send: Send) -> Response:
        """The answer to this.

        Raises:
            ConnectionFailed: there is none.
        """
        ...

    def interrupt(self, threads: Collection[int]) -> None:
        """Break off what these threads wait for, where that can be done; they get ConnectionFailed."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class AsyncTransport(Protocol):
    """Sends one request at a time for each task that asks; a cancelled one closes its connection. Pickled, it is an
    address, and connects anew.
    """

    @property
    def closed(self) -> bool:
        """Whether its connections were closed for good."""
        ...

    async def exchange(self, send: Send) -> Response:
        """The answer to this.

        Raises:
            ConnectionFailed: there is none.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def split_body(body: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The body in order, in pieces that httpx can copy one at a time."""
    for part in body:
        view = memoryview(part)
        for start in range(0, len(view), PIECE_BYTES):
            yield bytes(view[start : start + PIECE_BYTES])


class _RequestStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request's body for both of httpx's clients, from its start each time it is asked for."""

    def __init__(self, request: Request, deadline: float | None) -> None:
        self._request = request
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for piece in split_body(self._request.body):
            _check_deadline(self._deadline)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in split_body(self._request.body):
            yield piece


class HttpxTransport:
    """Through an httpx client, which is closed with the transport.

    Args:
        origin: scheme, host and port.
        http_client: the caller's own; None for one of ours. Without a :class:`DeadlineTransport` it keeps the deadline
            of a call only between the pieces of the two bodies.
    """

    def __init__(self, origin: str, http_client: httpx.Client | None = None) -> None:
        self._origin = origin
        self._injected_client = http_client
        self._pid = os.getpid()
        self._recreate_lock = threading.Lock()
        self._http = http_client or _make_client(origin)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), _pickle_arguments(self._origin, self._injected_client)

    @property
    def closed(self) -> bool:
        """Whether the httpx client is closed."""
        return self._http.is_closed

    def exchange(self, send: Send) -> Response:
        """The answer to this."""
        deadline = _call_deadline(send.timeouts)
        if self._injected_client is None and self._pid != os.getpid():
            self._recreate_client()
        with _translate_errors(self._origin, deadline):
            request = _build_request(self._http, self._origin, send, deadline)
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                filling = ResponseBody(send.request, response.status_code, response.headers)
                for piece in response.iter_raw():
                    filling.write(piece)
                    _check_deadline(deadline)
                return Response(response.status_code, response.headers, filling.finish())
            finally:
                response.close()

    def _recreate_client(self) -> None:
        # After a fork: on a connection that two processes share, each reads answers of the other. The old client is
        # kept and left alone, since a thread of the parent may have held a lock of it.
        with self._recreate_lock:
            if self._pid != os.getpid():
                self._parent_client, self._http = self._http, _make_client(self._origin)
                self._pid = os.getpid()

    def interrupt(self, threads: Collection[int]) -> None:
        """Nothing: httpx does not say on which connection a thread waits, so what has begun is answered."""

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


class AsyncHttpxTransport:
    """As :class:`HttpxTransport`, for asyncio."""

    def __init__(self, origin: str, http_client: httpx.AsyncClient | None = None) -> None:
        self._origin = origin
        self._injected_client = http_client
        self._http = http_client or _make_async_client(origin)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), _pickle_arguments(self._origin, self._injected_client)

    @property
    def closed(self) -> bool:
        """Whether the httpx client is closed."""
        return self._http.is_closed

    async def exchange(self, send: Send) -> Response:
        """The answer to this."""
        with _translate_errors(self._origin):
            try:
                async with asyncio.timeout(send.timeouts.total_s):
                    return await self._exchange(send)
            except TimeoutError:
                raise _deadline_error() from None

    async def _exchange(self, send: Send) -> Response:
        request = _build_request(self._http, self._origin, send)
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            filling = ResponseBody(send.request, response.status_code, response.headers)
            async for piece in response.aiter_raw():
                filling.write(piece)
            return Response(response.status_code, response.headers, filling.finish())
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _make_client(origin: str) -> httpx.Client:
    return httpx.Client(transport=DeadlineTransport(proxy=environment_proxy(origin)))


def _make_async_client(origin: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(proxy=environment_proxy(origin)))


def _pickle_arguments(origin: str, given: httpx.Client | httpx.AsyncClient | None) -> tuple[object, ...]:
    """What a transport is made of again.

    Raises:
        TypeError: a password in the address, which a file would give away, or an httpx client that cannot be pickled.
    """
    if "@" in origin:
        raise TypeError(
            f"a client of {_redact_password(origin)} cannot be pickled: a password stands in its address; "
            "make the client in the process that uses it"
        )
    if given is not None:
        try:
            pickle.dumps(given)
        except Exception as fault:
            raise TypeError(
                f"a client with an http_client of its own cannot be pickled, for httpx.{type(given).__name__} cannot: "
                f"{fault}; make the client in the process that uses it"
            ) from fault
    return origin, given


def _redact_password(origin: str) -> str:
    # Messages are logged, and a password in the address is not for the log.
    scheme, _, netloc = origin.partition("://")
    return f"{scheme}://{netloc.rpartition('@')[2]}"


def _build_request(
    client: httpx.Client | httpx.AsyncClient, origin: str, send: Send, deadline: float | None = None
) -> httpx.Request:
    request, patience = send.request, send.timeouts
    headers = [*request.headers, ("Accept-Encoding", "identity")]
    if request.method == "POST":
        # Else httpx, which cannot see the end of a stream, would send it chunked.
        headers.append(("Content-Length", str(request.nbytes)))
    built = client.build_request(
        request.method,
        origin + request.target,
        headers=headers,
        timeout=httpx.Timeout(patience.read_s, connect=patience.connect_s, pool=patience.total_s),
        extensions={DEADLINE: deadline},
    )
    if request.method == "POST":
        built.stream = _RequestStream(request, deadline)
    return built


def _call_deadline(timeouts: Timeouts) -> float | None:
    return None if timeouts.total_s is None else time.monotonic() + timeouts.total_s


def _check_deadline(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise _deadline_error()


def _deadline_error() -> TimedOut:
    return TimedOut("The answer did not come before the call's deadline; give it a longer timeout.")


@contextmanager
def _translate_errors(origin: str, deadline: float | None = None) -> Iterator[None]:
    origin = _redact_password(origin)
    try:
        yield
    except httpx.ConnectTimeout:
        raise ConnectionFailed(f"{origin} did not accept a connection in time; is it up?") from None
    except httpx.TimeoutException:
        _check_deadline(deadline)
        raise TimedOut(f"{origin} was silent for too long; give the call a longer timeout.") from None
    except httpx.RequestError as failure:
        raise ConnectionFailed(
            f"{origin} gave no answer: {escape_unprintable(str(failure)) or type(failure).__name__}."
        ) from failure
