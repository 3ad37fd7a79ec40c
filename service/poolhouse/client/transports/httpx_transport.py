"""Transports over httpx, for https, for proxies and for an httpx client of the caller's own.

httpx joins the parts of a body, in both directions. So it gets bodies in pieces of a quarter of a megabyte, and its
response pieces are copied into the buffers of the request one by one; the pieces are the only copy.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Self

import httpx

from poolhouse.client.endpoint import environment_proxy
from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.exchange import Request, Response, Send, Timeouts
from poolhouse.client.transports.httpx_deadline import DEADLINE, DeadlineTransport
from poolhouse.client.transports.response_body import ResponseBody
from poolhouse.wire.quoting import escape_unprintable

PIECE_BYTES: Final = 256 * 1024
"""Small enough that httpx's copy stays in the CPU cache, large enough that a body has few pieces."""


def split_body(body: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Split a body into pieces that httpx copies one at a time."""
    for part in body:
        view = memoryview(part)
        for start in range(0, len(view), PIECE_BYTES):
            yield bytes(view[start : start + PIECE_BYTES])


class _RequestStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request's body for both httpx clients; each iteration starts at its beginning."""

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
    """Transport over an httpx client, which is closed with the transport.

    Args:
        origin: scheme, host and port.
        http_client: the caller's own; by default a new one. Without a :class:`DeadlineTransport` the deadline of a
            call is checked only between the pieces of the two bodies.
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
        """Send a request and return its response."""
        deadline = _call_deadline(send.timeouts)
        if self._injected_client is None and self._pid != os.getpid():
            self._recreate_client()
        with _translate_errors(self._origin, deadline):
            request = _build_request(self._http, self._origin, send, deadline)
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                body = ResponseBody(send.request, response.status_code, response.headers)
                for piece in [_read_content(response)] if _was_read(response) else response.iter_raw():
                    body.write(piece)
                    _check_deadline(deadline)
                return Response(response.status_code, response.headers, body.finish())
            finally:
                response.close()

    def _recreate_client(self) -> None:
        # After a fork: on a connection that two processes share, each would read the other's responses. The old client
        # is kept and not closed, since a thread of the parent may have held one of its locks.
        with self._recreate_lock:
            if self._pid != os.getpid():
                self._parent_client, self._http = self._http, _make_client(self._origin)
                self._pid = os.getpid()

    def interrupt(self, threads: Collection[int]) -> None:
        """Do nothing: httpx does not tell which connection a thread uses, so the exchanges go on."""

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


class AsyncHttpxTransport:
    """Transport over an asyncio httpx client, as :class:`HttpxTransport`."""

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
        """Send a request and return its response."""
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
            body = ResponseBody(send.request, response.status_code, response.headers)
            if _was_read(response):
                body.write(_read_content(response))
            else:
                async for piece in response.aiter_raw():
                    body.write(piece)
            return Response(response.status_code, response.headers, body.finish())
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _make_client(origin: str) -> httpx.Client:
    return httpx.Client(transport=DeadlineTransport(proxy=environment_proxy(origin)))


def _make_async_client(origin: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(proxy=environment_proxy(origin)))


def _pickle_arguments(origin: str, http_client: httpx.Client | httpx.AsyncClient | None) -> tuple[object, ...]:
    """The arguments that recreate a transport when it is unpickled.

    Raises:
        TypeError: the address has a password, which a file would reveal, or the httpx client cannot be pickled.
    """
    if "@" in origin:
        raise TypeError(
            f"a client of {_redact_password(origin)} cannot be pickled, since its address has a password; "
            "make the client in the process that uses it"
        )
    if http_client is not None:
        try:
            pickle.dumps(http_client)
        except Exception as fault:  # objects that cannot be pickled raise errors of many classes
            raise TypeError(
                f"a client with an httpx.{type(http_client).__name__} of your own cannot be pickled: {fault}; "
                "make the client in the process that uses it"
            ) from fault
    return origin, http_client


def _redact_password(origin: str) -> str:
    # Messages are logged, and a log must not contain a password.
    scheme, _, netloc = origin.partition("://")
    return f"{scheme}://{netloc.rpartition('@')[2]}"


def _build_request(
    client: httpx.Client | httpx.AsyncClient, origin: str, send: Send, deadline: float | None = None
) -> httpx.Request:
    request, timeouts = send.request, send.timeouts
    headers = [*request.headers, ("Accept-Encoding", "identity")]
    if request.method == "POST":
        # Without it httpx, which does not know the length of a stream, would use the chunked coding.
        headers.append(("Content-Length", str(request.nbytes)))
    built = client.build_request(
        request.method,
        origin + request.target,
        headers=headers,
        timeout=httpx.Timeout(timeouts.read_s, connect=timeouts.connect_s, pool=timeouts.total_s),
        extensions={DEADLINE: deadline},
    )
    if request.method == "POST":
        built.stream = _RequestStream(request, deadline)
    return built


def _was_read(response: httpx.Response) -> bool:
    """Whether an event hook of the caller's httpx client, or its transport, has read or closed the response."""
    return response.is_stream_consumed or response.is_closed


def _read_content(response: httpx.Response) -> bytes:
    """The content of a response that was read.

    Raises:
        ConnectionFailed: the content was not kept.
    """
    try:
        return response.content
    except httpx.ResponseNotRead:
        raise ConnectionFailed(
            "The httpx client has closed the response, or has read it without keeping its content; "
            "check the event hooks of http_client."
        ) from None


def _call_deadline(timeouts: Timeouts) -> float | None:
    return None if timeouts.total_s is None else time.monotonic() + timeouts.total_s


def _check_deadline(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise _deadline_error()


def _deadline_error() -> TimedOut:
    return TimedOut("The response was not complete at the deadline of the call; give the call a longer timeout.")


@contextmanager
def _translate_errors(origin: str, deadline: float | None = None) -> Iterator[None]:
    origin = _redact_password(origin)
    try:
        yield
    except httpx.ConnectTimeout:
        raise ConnectionFailed(f"{origin} did not accept a connection in time; check that it is running.") from None
    except httpx.TimeoutException:
        _check_deadline(deadline)
        raise TimedOut(f"{origin} did not respond in time; give the call a longer timeout.") from None
    except httpx.RequestError as failure:
        raise ConnectionFailed(
            f"{origin} gave no response: {escape_unprintable(str(failure)) or type(failure).__name__}."
        ) from failure
