"""The steps common to all calls: begin a record, check the API key, receive, map an exception to a status, count.

Metrics, logs and quotas cover calls as they cover requests of HTTP, by the same functions of
:mod:`poolhouse.rest.http.accounting`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
import grpc.aio

from poolhouse.errors import PoolhouseError, draining_error
from poolhouse.rest.dependencies import Service
from poolhouse.rest.http.headers import Headers
from poolhouse.rpc.exchange import Context, Exchange, protocol_status, status_of
from poolhouse.rpc.receiving import Receiver

_HEADER_NAMES: Final = frozenset({"authorization", "x-request-id", "traceparent", "tracestate"})
_PUBLIC_PATH: Final = "/livez"
"""A path of HTTP that needs no key."""

Respond = Callable[[bytes, Exchange], Awaitable[bytes]]
"""Responds to the message of a call."""


class Calls:
    """Begins, refuses and finishes calls.

    Args:
        service: the objects of the service.
        receiver: receives messages.

    Attributes:
        busy: the number of calls in progress; a stream counts for each of its messages.
    """

    def __init__(self, service: Service, receiver: Receiver) -> None:
        self._accounting = service.accounting
        self._metrics = service.metrics
        self._admission = service.pooling.admission
        self._receiver = receiver
        self._idle = asyncio.Event()
        self._idle.set()
        self.busy = 0

    async def wait_until_idle(self) -> None:
        """Wait until no call is in progress."""
        await self._idle.wait()

    def begin(self, path: str, headers: Headers, remaining_s: float | None) -> Exchange:
        """Begin a call, or a message of a stream.

        Args:
            path: of the call: ``/package.Service/Method``.
            headers: the metadata of the call.
            remaining_s: the time that the client waits; None for no limit.
        """
        record = self._accounting.begin_request("POST", path, headers)
        record.route = path
        self.busy += 1
        self._idle.clear()
        return Exchange(record, self._admission, remaining_s)

    def authorize(self, exchange: Exchange, headers: Headers, *, is_public: bool = False) -> None:
        """Check the API key.

        Raises:
            Unauthorized, QuotaExceeded: see :meth:`poolhouse.rest.auth.authorization.Authorization.authorize`.
        """
        self._accounting.authorize(exchange.record, _PUBLIC_PATH if is_public else exchange.record.path, headers)

    def refuse(self, exchange: Exchange, raised: Exception) -> PoolhouseError:
        """Count a refused or failed call, and return its error for the client."""
        error = self._accounting.error_for_client(raised, exchange.record)
        assert error is not None, "only a disconnect has no error"
        self._metrics.record_refusal(error.code)
        exchange.record.code = error.code
        exchange.record.status = protocol_status(error)
        return error

    def disconnect(self, exchange: Exchange) -> None:
        """Count a call that was cancelled: by its client, or since the grace period has ended."""
        if self._accounting.is_draining:
            self.refuse(exchange, draining_error())
        else:
            exchange.record.status = 0
            self._metrics.record_disconnect("waiting")

    def finish(self, exchange: Exchange) -> None:
        """Count a finished call, and free its memory."""
        exchange.close()
        self._accounting.finish_request(exchange.record)
        self.busy -= 1
        if not self.busy:
            self._idle.set()

    def unary(
        self, path: str, respond: Respond, *, is_public: bool = False, needs_admission: bool = False
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """The handler of a method with one message and one response.

        For gRPC its requests are a stream, so that a call is refused before its message is received.

        Args:
            path: of the method.
            respond: to the message.
            is_public: whether the method needs no key. Then its message is not received, since anybody could send a
                large one.
            needs_admission: whether memory is reserved, and the call is refused while the service drains.
        """

        async def handle(_messages: object, context: Context) -> bytes:
            headers = headers_of(context)
            exchange = self.begin(path, headers, context.time_remaining())
            # After the response was sent; or the client has cancelled the call.
            context.add_done_callback(lambda _: self.finish(exchange))
            record = exchange.record
            context.set_trailing_metadata((("x-request-id", record.request_id.decode()),))
            try:
                self.authorize(exchange, headers, is_public=is_public)
                if needs_admission:
                    exchange.admit()
                # guard: public-calls-are-not-received
                if is_public:
                    response = await respond(b"", exchange)
                else:
                    response = await respond(await self._receiver.receive(context, exchange), exchange)
            except asyncio.CancelledError:
                self.disconnect(exchange)
                raise
            except Exception as raised:  # the client gets a status for any of them, and a bug is logged
                error = self.refuse(exchange, raised)
            else:
                record.status, record.sent_bytes = 200, len(response)
                return response
            await self.abort(context, exchange, error)
            raise AssertionError("abort raises")

        return grpc.stream_unary_rpc_method_handler(handle)

    async def abort(self, context: Context, exchange: Exchange, error: PoolhouseError) -> None:
        """End a call with the status of an error; raises gRPC's own exception for that."""
        code, text = status_of(error)
        trailing = [("x-request-id", exchange.record.request_id.decode()), ("poolhouse-code", error.code)]
        if error.retry_after_s is not None:
            trailing.append(("retry-after", f"{max(1, math.ceil(error.retry_after_s))}"))
        exchange.close()
        await context.abort(code, text, tuple(trailing))


def headers_of(context: Context) -> Headers:
    """The metadata of a call that have a meaning for the service, like headers of HTTP."""
    found: Headers = {}
    for name, value in context.invocation_metadata() or ():
        if name in _HEADER_NAMES:
            encoded = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
            key = name.encode()
            found[key] = found[key] + b", " + encoded if key in found else encoded
    return found
