"""A handler behind an ASGI route: for servers that are not ours, and for bodies that the connection leaves to the
application, those of unknown length and those that must be inflated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from functools import partial
from typing import Final, TypeVar

from starlette.types import Receive, Scope, Send

from poolhouse.rest.http.accounting import Accounting, ClientDisconnected
from poolhouse.rest.http.asgi_exchange import RESPONSE_PROGRESS_KEY, VIEWS_KEY
from poolhouse.rest.http.deadlines import ResponseProgress
from poolhouse.rest.http.handler import AcceptedRequest, Handler
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import HEADERS_KEY, Headers, content_length
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.http.response import Response
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.head_plan import inflater_of
from poolhouse.service import PoolingService

Result = TypeVar("Result")

# Joining costs a copy, a further message costs an event-loop call: below this the copy is cheaper.
_ONE_MESSAGE_BYTES: Final = 64 * 1024
_COPIED_BYTES: Final = 1024 * 1024
_ENCRYPTED_BYTES: Final = 256 * 1024


class HandlerEndpoint:
    """An ASGI application that asks a handler; refusals are raised, and the middleware writes them.

    Args:
        handler: answers the requests.
        pooling: has threads for what inflates.
        accounting: knows the request, and its key.
    """

    def __init__(self, handler: Handler, pooling: PoolingService, accounting: Accounting) -> None:
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
        prepared = self._handler.on_head(head, scope["path_params"]["operator"], record)
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
            found = self._handler.on_body(prepared, body)
            del body
            response = found if isinstance(found, Response) else await cancel_on_disconnect(found, receive)
            del found
            await _send(scope, send, response, prepared)
        finally:
            prepared.close()


async def cancel_on_disconnect(work: Awaitable[Result], receive: Receive) -> Result:
    """The result, given up when the client closes the connection before it.

    Args:
        work: what the client waits for.
        receive: ASGI's, with the body read: all that can come is that the client leaves.

    Raises:
        ClientDisconnected: when there is nobody left to answer.
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
            # Until the engine has let go of the job it may still hand it to a device, and share its lease:
            # the caller of this must not give that back before.
            await asyncio.wait((working,))
        # A refusal's traceback holds this frame, and the task holds the refusal: a circle that would keep the body
        # until the collector comes by.
        # guard: refused-task-is-forgotten
        del working


async def _send(scope: Scope, send: Send, response: Response, prepared: AcceptedRequest) -> None:
    """Send an answer. Chunks of a large one go out as they are, not copied, where the server takes that."""
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    if response.nbytes <= _ONE_MESSAGE_BYTES:
        await send({"type": "http.response.body", "body": b"".join(response.chunks)})
        return
    chunks: Iterable[bytes | memoryview] = response.chunks
    if VIEWS_KEY not in scope:
        chunks = _sliced(chunks, _COPIED_BYTES, bytes)
    elif scope["scheme"] == "https":
        # The transport would encrypt all of a chunk at once: a copy that nobody counts, and a second of the event loop.
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
        # The server waits with the next message, not after the last one: without this one the tensors would still lie
        # in its buffers when their bytes are given back.
        await send({"type": "http.response.body", "body": b""})
    finally:
        prepared.lease.clear_preemptible()
        if response_progress is not None:
            response_progress.end()


def _sliced(
    chunks: Iterable[bytes | memoryview], size: int, form: type[bytes] | type[memoryview]
) -> Iterator[bytes | memoryview]:
    """The chunks in slices of this size."""
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield form(memoryview(chunk)[start : start + size])
