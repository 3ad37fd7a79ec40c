"""The steps common to all requests: begin a record, check the API key, map an exception to an error, count the end.

:class:`.handler_exchange.HandlerExchange` and the ASGI middleware call the same functions, so metrics, logs and quotas
cover every request, whichever of the two serves it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from starlette.types import Scope

from poolhouse.errors import PoolhouseError, Unavailable, draining_error
from poolhouse.rest.auth.authorization import Authorization
from poolhouse.rest.http.headers import (
    HEADERS_KEY,
    RECORD_KEY,
    Headers,
    header_text,
    new_request_id,
    raw_path,
    read_headers,
    request_id,
    trace_id,
)
from poolhouse.rest.http.origins import OriginCheck
from poolhouse.rest.http.problems import Problem, internal_error, render_error
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestObserver, RequestRecord
from poolhouse.service import PoolingService

_LONGEST_PATH: Final = 256

_log = logging.getLogger("poolhouse.rest")


class ClientDisconnected(Exception):
    """The client has closed the connection, so no response can be sent."""


class Accounting:
    """Begins, refuses and finishes requests.

    Args:
        pooling: tells whether the service is draining.
        metrics: the metrics of the process.
        authorization: checks API keys; None if no keys are configured.
        observers: notified of every finished request.
        root_path: the path under which a proxy publishes the service.
        allowed_origins: of pages that may send requests, as the setting ``cors_origins`` has them.
    """

    def __init__(
        self,
        pooling: PoolingService,
        metrics: Metrics,
        authorization: Authorization | None = None,
        observers: Sequence[RequestObserver] = (),
        root_path: str = "",
        allowed_origins: Sequence[str] = (),
    ) -> None:
        self._admission = pooling.admission
        self._metrics = metrics
        self._authorization = authorization
        self._observers = tuple(observers)
        self._root_path = root_path
        self._origins = OriginCheck(allowed_origins)

    @property
    def is_draining(self) -> bool:
        """Whether the service is draining, so that a client should not reuse its connection."""
        return self._admission.is_draining

    def begin_request(self, method: str, path: str, headers: Headers) -> RequestRecord:
        """Create the record of a request, with its id.

        Args:
            method: of HTTP.
            path: as received, without the query.
            headers: by name.
        """
        record = RequestRecord(method, path, request_id(headers) if b"x-request-id" in headers else new_request_id())
        if b"traceparent" in headers:
            record.trace_id = trace_id(headers) or ""
        if self._observers:
            record.started_at = perf_counter()
            record.path = path[:_LONGEST_PATH]
            record.traceparent = header_text(headers, b"traceparent") or ""
            record.tracestate = header_text(headers, b"tracestate") or ""
        return record

    def authorize(self, record: RequestRecord, path: str, headers: Headers) -> None:
        """Check the origin of a request, and its API key if keys are configured; note the grant in the record.

        Args:
            record: of the request.
            path: decoded, without the root path.
            headers: by name.

        Raises:
            Forbidden: see :meth:`.origins.OriginCheck.check`.
            Unauthorized, QuotaExceeded: see :meth:`.auth.authorization.Authorization.authorize`.
        """
        if b"origin" in headers:
            self._origins.check(record.method, headers)
        if self._authorization is not None:
            record.grant = grant = self._authorization.authorize(path, headers)
            if grant is not None:
                record.key = grant.name

    def may_list_paths(self, record: RequestRecord) -> bool:
        """Whether an error may list existing paths; if keys are configured, only for a client with a valid key."""
        return self._authorization is None or record.grant is not None

    def record_of(self, scope: Scope) -> RequestRecord:
        """The record of a request: the middleware's, or a new one if another application includes our routes without
        our middleware."""
        if RECORD_KEY not in scope:
            headers = scope[HEADERS_KEY] = read_headers(scope["headers"])
            scope[RECORD_KEY] = self.begin_request(scope["method"], raw_path(scope), headers)
        record: RequestRecord = scope[RECORD_KEY]
        return record

    @contextmanager
    def authorized(self, scope: Scope) -> Iterator[RequestRecord]:
        """The record of a request to a route that needs a key; checks the key if no middleware has done so.

        Raises:
            Forbidden, Unauthorized, QuotaExceeded: see :meth:`authorize`.
        """
        if RECORD_KEY in scope:
            yield scope[RECORD_KEY]
            return
        record = self.record_of(scope)
        record.route, record.status = self._metrics.route_of(scope), 200
        try:
            # The path is the other application's, so it is none of our paths that need no key.
            self.authorize(record, "", scope[HEADERS_KEY])
            yield record
        except PoolhouseError as error:
            record.status = error.status
            raise
        finally:
            if record.grant is not None:
                # The received bytes were not counted, so the announced ones stay charged.
                record.received_bytes = record.grant.charged_bytes
            self.finish_request(record)

    def error_for_client(self, raised: BaseException, record: RequestRecord) -> PoolhouseError | None:
        """The error that a client gets for an exception; None if the client has disconnected.

        An unexpected exception is logged here, with its traceback.
        """
        if isinstance(raised, PoolhouseError):
            return raised
        if isinstance(raised, ClientDisconnected):
            return None
        if isinstance(raised, asyncio.CancelledError):
            # The grace period has ended, and the server cancels the remaining tasks.
            return draining_error()
        if isinstance(raised, MemoryError):
            # The system has less memory than the settings allow. The memory of this request is free once it is refused.
            _log.warning("request %s ran out of memory (trace %s)", record.request_id.decode(), record.trace_id or "-")
            return Unavailable(
                "overloaded",
                "The system has no memory for this request now. Send a smaller request, or try again in a moment.",
                retry_after_s=1,
            )
        names = record.request_id.decode(), record.trace_id or "-"
        _log.error("request %s failed (trace %s)", *names, exc_info=raised)
        return internal_error()

    def refuse(self, error: PoolhouseError, record: RequestRecord, headers: Headers) -> Problem:
        """Count a refused request, and render its error: a problem document, or below ``/v2`` the protocol's own.

        Args:
            error: the reason.
            record: of the request.
            headers: of the request.
        """
        self._metrics.record_refusal(error.code)
        record.code = error.code
        used_id = record.request_id.decode()
        refusal = render_error(error, instance=record.path, request_id=used_id, root_path=self._root_path)
        # A client that gets an error instead of "100 Continue" may or may not send the announced body; if the
        # connection were kept, the body's bytes could be parsed as the next request.
        if b"expect" in headers:
            return Problem(refusal.status, (*refusal.headers, (b"connection", b"close")), refusal.body)
        return refusal

    def finish_request(self, record: RequestRecord) -> None:
        """Count a finished request, settle its quota, and notify the observers."""
        received, sent = record.received_bytes, record.sent_bytes
        self._metrics.record_response(record.route, record.operator, record.status, received, sent)
        if record.model and record.status != 200:
            seconds = perf_counter() - record.read_at if record.read_at else 0.0
            self._metrics.models.record_failure(record.model, record.code, seconds)
        if record.grant is not None and self._authorization is not None:
            self._authorization.settle(record.grant, received + sent)
            self._metrics.record_key_usage(record.grant.name, received + sent)
        if self._observers:
            record.ended_at = perf_counter()
            for observer in self._observers:
                try:
                    observer.request_finished(record)
                except Exception:
                    # A failing observer must not fail the request.
                    _log.exception("an observer failed on request %s", record.request_id.decode())
