"""Middleware that applies :mod:`.http.accounting` to each request of the ASGI application."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http import headers as request_headers
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import RECORD_KEY
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord

_LONGEST_OPERATOR: Final = 256


class RequestMiddleware:
    """Creates each request's record, authorizes it, and turns exceptions into problem documents.

    Once a response has started its status cannot change. Then the exception is raised on to the server, which closes
    the connection, and the client receives a body shorter than its Content-Length.
    """

    def __init__(self, app: ASGIApp, accounting: Accounting, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._accounting = accounting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan, which passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accounting = self._accounting
        headers: request_headers.Headers | None = scope.get(request_headers.HEADERS_KEY)
        if headers is None:
            headers = request_headers.read_headers(scope["headers"])
        scope[request_headers.HEADERS_KEY] = headers
        record = scope[RECORD_KEY] = accounting.begin_request(scope["method"], request_headers.raw_path(scope), headers)

        async def counted_receive() -> Message:
            message = await receive()
            record.received_bytes += len(message.get("body", b""))
            if record.grant is not None:
                record.grant.charge_received(record.received_bytes)
            return message

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", record.request_id)]
                if accounting.is_draining:
                    # The connection will be closed, and the next request on it would fail.
                    message["headers"].append((b"connection", b"close"))
            else:
                record.sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            accounting.authorize(record, scope["path"].removeprefix(scope.get("root_path", "")), headers)
            await self._app(scope, counted_receive, counted_send)
        except BaseException as raised:
            error = accounting.error_for_client(raised, record)
            response_is_broken = error is not None and record.status != 0
            try:
                if error is not None and not record.status:
                    await self._refuse(error, scope, record, counted_send)
            finally:
                # Its traceback holds this frame: a cycle that would keep the body until the garbage collector runs.
                del error
            if response_is_broken or not isinstance(raised, Exception):
                raise
        finally:
            record.route = self._metrics.route_of(scope)
            parameters = scope.get("path_params", {})
            record.operator = parameters.get("operator", parameters.get("model", ""))[:_LONGEST_OPERATOR]
            accounting.finish_request(record)

    async def _refuse(self, error: PoolhouseError, scope: Scope, record: RequestRecord, send: Send) -> None:
        refusal = self._accounting.refuse(error, record, scope[request_headers.HEADERS_KEY])
        await send({"type": "http.response.start", "status": refusal.status, "headers": list(refusal.headers)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})
