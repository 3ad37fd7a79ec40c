"""One request served by a handler without ASGI: no scope, and no task unless the response has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Final

from poolhouse.buffers import BUFFER_POOL
from poolhouse.errors import draining_error
from poolhouse.rest.http.body_deadline import BodyDeadline
from poolhouse.rest.http.exchange import ConnectionApi
from poolhouse.rest.http.handler import AcceptedRequest
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response, header_lines
from poolhouse.rest.http.server_context import Match

# Up to this size, copying the body behind its head costs less than a second buffer.
_JOINED_BYTES: Final = 16 * 1024
# A TLS transport encrypts all that it is given at once: an uncounted copy, and up to a second of the event loop.
_ENCRYPTED_BYTES: Final = 256 * 1024
_NO_BODY: Final = memoryview(b"")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE: Final = b"connection: close\r\n\r\n"
_VARY: Final = b"vary: Accept-Encoding\r\n"
_VARY_ORIGIN: Final = b"vary: Origin\r\n"


class HandlerExchange:
    """One request for a handler, and its response.

    Args:
        connection: of the request.
        head: of the request; its body has a known length.
        match: the handler and the operator.
    """

    _accepted: AcceptedRequest | None = None
    _body: memoryview | None = None
    _filled: int = 0
    _deadline: BodyDeadline | None = None
    _task: asyncio.Task[None] | None = None
    _slices: Iterator[memoryview] | None = None
    _response_started: bool = False
    _is_closed: bool = False
    _is_lost: bool = False
    _has_response_progress: bool = False

    def __init__(self, connection: ConnectionApi, head: Head, match: Match) -> None:
        self.head = head
        self._connection = connection
        self._match = match
        self._keeps_alive = head.keeps_alive
        self._record = record = connection.context.accounting.begin_request(head.method, match.instance, head.headers)
        record.route, record.operator = match.route, match.operator

    def start(self) -> None:
        """See :meth:`.exchange.Exchange.start`."""
        record, head, match = self._record, self.head, self._match
        try:
            self._connection.context.accounting.authorize(record, match.path, head.headers)
            self._accepted = match.handler.on_head(head, match.operator, record)
        except Exception as raised:
            self._refuse(raised)
            return
        if head.expects_continue and head.length:
            self._connection.transport.write(_CONTINUE)

    def start_with_body(self, body: memoryview) -> None:
        """See :meth:`.exchange.Exchange.start_with_body`."""
        record, head, match = self._record, self.head, self._match
        # The receive buffer is shared by all connections. The copy is aligned, and the handler's own.
        own = memoryview(bytearray(body))
        try:
            self._connection.context.accounting.authorize(record, match.path, head.headers)
            found = match.handler.on_complete_request(head, match.operator, record, own)
        except Exception as raised:  # the client gets a problem document for any of them, and a bug is logged
            del own
            self._refuse(raised)
            return
        if isinstance(found, Response):
            self._respond(found)
        else:
            self._accepted, self._body = found, own
            record.received_bytes = len(own)
            del own
            self.on_body_end()

    # ---- the body

    def on_body_piece(self, piece: memoryview) -> None:
        """See :meth:`.exchange.Exchange.on_body_piece`."""
        if self._response_started:
            return
        if self._body is None and not self.prepare_body_buffer():
            return
        assert self._body is not None
        self._body[self._filled : self._filled + len(piece)] = piece
        self.on_received(len(piece))

    def prepare_body_buffer(self) -> bool:
        """See :meth:`.exchange.Exchange.prepare_body_buffer`."""
        accepted, length = self._accepted, self.head.length
        if self._response_started or accepted is None or length is None:
            return False
        if self._body is None:
            try:
                accepted.expect_body(length, 0)
                padding = accepted.body_padding
                self._body = BUFFER_POOL.acquire(length + padding)[padding:]
            except Exception as raised:
                self._refuse(raised)
                return False
            self._deadline = BodyDeadline(accepted.limits, accepted.deadline, self._received_fraction, self._on_expired)
            accepted.lease.set_preemptible(self._deadline)
        return True

    def body_buffer(self) -> memoryview:
        """See :meth:`.exchange.Exchange.body_buffer`."""
        assert self._body is not None, "prepare_body_buffer was not called"
        return self._body[self._filled :]

    def on_received(self, nbytes: int) -> None:
        """See :meth:`.exchange.Exchange.on_received`."""
        self._filled += nbytes
        self._record.received_bytes += nbytes
        if self._deadline is not None:
            self._deadline.progress(self._filled)

    def _received_fraction(self) -> float:
        return self._filled / max(1, self.head.length or 0)

    def _on_expired(self) -> None:
        if self._deadline is not None and not self._response_started:
            self._refuse(self._deadline.refusal())

    def _end_receiving(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            assert self._accepted is not None
            self._accepted.lease.clear_preemptible()

    # ---- the response

    def on_body_end(self) -> None:
        """See :meth:`.exchange.Exchange.on_body_end`."""
        if self._response_started:
            return
        self._end_receiving()
        body, self._body = self._body, None
        assert self._accepted is not None
        try:
            found = self._match.handler.on_body(self._accepted, _NO_BODY if body is None else body)
        except Exception as raised:
            del body
            self._refuse(raised)
            return
        if isinstance(found, Response):
            self._respond(found)
        else:
            self._task = self._connection.loop.create_task(self._respond_later(found))
            self._connection.server_state.tasks.add(self._task)
            self._task.add_done_callback(self._connection.server_state.tasks.discard)

    async def _respond_later(self, work: Awaitable[Response]) -> None:
        try:
            response = await work
            del work
            if not self._is_lost:
                self._respond(response)
        except asyncio.CancelledError as raised:
            if self._is_lost:
                return
            self._refuse(raised)
            raise
        except Exception as raised:
            if not self._is_lost:
                self._refuse(raised)
        finally:
            self._task = None
            if self._is_lost:
                self._close()

    def _respond(self, response: Response) -> None:
        try:
            self._write(response)
        except Exception as raised:
            self._connection.context.accounting.error_for_client(raised, self._record)
            self._connection.transport.abort()

    def _refuse(self, raised: BaseException) -> None:
        """Respond with the error for an exception; if the response has already begun, abort the connection."""
        accounting = self._connection.context.accounting
        error = accounting.error_for_client(raised, self._record)
        self._end_receiving()
        self._body = None
        if error is None or self._response_started:
            self._connection.transport.abort()
            return
        refusal = accounting.refuse(error, self._record, self.head.headers)
        headers = []
        for header in refusal.headers:
            if header == (b"connection", b"close"):
                self._keeps_alive = False
            else:
                headers.append(header)
        self._write(Response(refusal.status, header_lines(headers), (refusal.body,), len(refusal.body)))

    def _write(self, response: Response) -> None:
        connection, record, context = self._connection, self._record, self._connection.context
        # guard: draining-closes-connections
        if connection.is_stopping or context.accounting.is_draining:
            # A kept connection would be closed before the client's next request.
            self._keeps_alive = False
        self._response_started = True
        record.status = response.status
        connection.begin_response()
        lines, cors_lines = response.header_lines, b""
        if context.cors_headers is not None:
            cors_lines = header_lines(context.cors_headers(self.head.headers.get(b"origin")))
            if _VARY in lines and _VARY_ORIGIN in cors_lines:
                # As one header, like the middleware of other servers.
                lines = lines.replace(_VARY, _VARY[:-2] + b", Origin\r\n")
                cors_lines = cors_lines.replace(_VARY_ORIGIN, b"")
        head = (
            context.response_start(response.status, connection.server_state.default_headers),
            lines,
            b"x-request-id: ",
            record.request_id,
            b"\r\n",
            cors_lines,
            b"\r\n" if self._keeps_alive else _CLOSE,
        )
        nbytes = response.nbytes
        # A response without an accepted request has no lease to release later, and is hardly longer.
        if nbytes <= _JOINED_BYTES or self._accepted is None:
            record.sent_bytes = nbytes
            connection.send_response(b"".join((*head, *response.chunks)), keeps_alive=self._keeps_alive)
            self._end_response()
            return
        self._has_response_progress = True
        connection.response_progress.begin(nbytes)
        # guard: slow-responses-are-preempted
        self._accepted.lease.set_preemptible(connection.response_progress)
        # guard: tls-response-is-sliced
        if connection.is_encrypted:
            self._slices = _sliced(response.chunks)
            connection.transport.write(b"".join(head))
            self._write_slices()
        else:
            record.sent_bytes = nbytes
            connection.response_progress.add_written(nbytes)
            connection.transport.writelines((b"".join(head), *response.chunks))
            del response
            if not connection.is_write_paused:
                self._end_response()

    def _write_slices(self) -> None:
        assert self._slices is not None
        connection = self._connection
        for piece in self._slices:
            self._record.sent_bytes += len(piece)
            connection.response_progress.add_written(len(piece))
            connection.transport.write(piece)
            if connection.is_write_paused:
                return
        self._slices = None
        self._end_response()

    def on_write_resumed(self) -> None:
        """See :meth:`.exchange.Exchange.on_write_resumed`."""
        if self._slices is not None:
            self._write_slices()
        elif self._response_started:
            self._end_response()

    def _end_response(self) -> None:
        self._close()
        self._connection.end_response(keeps_alive=self._keeps_alive)

    # ---- ends

    def on_shutdown(self) -> None:
        """See :meth:`.exchange.Exchange.on_shutdown`."""
        self._refuse(draining_error())

    def on_disconnect(self) -> None:
        """See :meth:`.exchange.Exchange.on_disconnect`."""
        self._is_lost = True
        self._slices = None
        self._end_receiving()
        self._body = None
        if self._task is not None:
            # The task uses the memory until it has ended.
            # guard: disconnect-cancels-job
            self._task.cancel()
        else:
            self._close()

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._accepted is not None:
            if self._has_response_progress:
                self._accepted.lease.clear_preemptible()
                self._connection.response_progress.end()
            self._accepted.close()
        self._connection.context.accounting.finish_request(self._record)


def _sliced(chunks: tuple[bytes | memoryview, ...]) -> Iterator[memoryview]:
    for chunk in chunks:
        for start in range(0, len(chunk), _ENCRYPTED_BYTES):
            yield memoryview(chunk)[start : start + _ENCRYPTED_BYTES]
