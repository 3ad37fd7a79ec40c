"""Run a handler as an ASGI endpoint.

This serves requests under other ASGI servers, and on our own server the bodies that the connection does not receive
itself: those of unknown length and compressed ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, TypeVar

from starlette.types import Receive, Scope, Send

from poolhouse.rest.http.accounting import Accounting, ClientDisconnected
from poolhouse.rest.http.asgi_exchange import RESPONSE_PROGRESS_KEY, VIEWS_KEY
from poolhouse.rest.http.handler import AcceptedRequest, Handler
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import HEADERS_KEY, Headers, content_length
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.http.response import Response
from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.request_limits import inflater_of
from poolhouse.service import PoolingService

Result = TypeVar("Result")

# Joining chunks costs a copy, another message costs a call of the event loop; below this size the copy is cheaper.
_ONE_MESSAGE_BYTES: Final = 64 * 1024
_COPIED_BYTES: Final = 1024 * 1024
_ENCRYPTED_BYTES: Final = 256 * 1024


def operator_of_path(parameters: Mapping[str, str]) -> str:
    """The operator that a path names."""
    return parameters["operator"]


class HandlerEndpoint:
    """An ASGI application that calls a handler. It raises refusals; the middleware turns them into responses.

    Args:
        handler: responds to the requests.
        pooling: has the threads that inflate bodies.
        accounting: has the request's record and its key.
        name_of: the name of the operator or model, from the parameters of the path.
    """

    def __init__(
        self,
        handler: Handler,
        pooling: PoolingService,
        accounting: Accounting,
        name_of: Callable[[Mapping[str, str]], str] = operator_of_path,
    ) -> None:
        self._name_of = name_of
        self._accounting = accounting
        self._handler = handler
        self._pooling = pooling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        with self._accounting.authorized(scope) as record:
            await self._serve(scope, receive, send, record)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, record: RequestRecord) -> None:
        headers: Headers = scope[HEADERS_KEY]
        head = Head.of_scope(scope, headers)
        prepared = self._handler.on_head(head, self._name_of(scope["path_params"]), record)
        try:
            body = await read_body(
                receive,
                prepared.limits,
                length=content_length(headers),
                inflater=inflater_of(headers, prepared.limits),
                deadline=prepared.deadline,
                lease=prepared.lease,
                run_in_thread=partial(
                    self._pooling.run_in_thread, lease=prepared.lease, activity="the body was inflated"
                ),
                reserve=prepared.expect_body,
            )
            result = self._handler.on_body(prepared, body)
            del body
            response = result if isinstance(result, Response) else await cancel_on_disconnect(result, receive)
            del result
            await _send(scope, send, response, prepared)
        finally:
            prepared.close()


async def cancel_on_disconnect(work: Awaitable[Result], receive: Receive) -> Result:
    """Await ``work``, and cancel it if the client disconnects first.

    Args:
        work: the response that the client waits for.
        receive: of ASGI; since the body has been read, its next message can only be a disconnect.

    Raises:
        ClientDisconnected: the client closed the connection.
    """
    working = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnected
        return working.result()
    finally:
        disconnect.cancel()
        if not working.done():
            working.cancel()
            # The caller releases the lease next. Until the engine has dropped the job it may still submit it to a
            # device and retain the lease, so wait for that.
            await asyncio.wait((working,))
        # The task holds the exception, whose traceback holds this frame: a reference cycle that would keep the body
        # in memory until the garbage collector runs.
        # guard: refused-task-is-forgotten
        del working


async def _send(scope: Scope, send: Send, response: Response, prepared: AcceptedRequest) -> None:
    """Send a response. The chunks of a large one are sent without a copy if the server accepts memoryviews."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    if response.nbytes <= _ONE_MESSAGE_BYTES:
        await send({"type": "http.response.body", "body": b"".join(response.chunks)})
        return
    chunks: Iterable[bytes | memoryview] = response.chunks
    if VIEWS_KEY not in scope:
        chunks = _sliced(chunks, _COPIED_BYTES, bytes)
    elif scope["scheme"] == "https":
        # The transport would encrypt a whole chunk at once: an uncounted copy that blocks the event loop for a second.
        chunks = _sliced(chunks, _ENCRYPTED_BYTES, memoryview)
    response_progress: ResponseProgress | None = scope.get(RESPONSE_PROGRESS_KEY)
    if response_progress is not None:
        response_progress.begin(response.nbytes)
        prepared.lease.set_preemptible(response_progress)
    try:
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if response_progress is not None:
                response_progress.add_written(len(chunk))
        # The server applies backpressure at the next message, not after the last one. Without this message the lease
        # would end while the tensors are still in the server's buffers.
        await send({"type": "http.response.body", "body": b""})
    finally:
        prepared.lease.clear_preemptible()
        if response_progress is not None:
            response_progress.end()


def _sliced(
    chunks: Iterable[bytes | memoryview], size: int, form: type[bytes] | type[memoryview]
) -> Iterator[bytes | memoryview]:
    """Split the chunks into slices of at most ``size`` bytes."""
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield form(memoryview(chunk)[start : start + size])
