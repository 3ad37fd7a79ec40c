"""What is done for every request, whether the connection hands it to a handler or the ASGI application serves it.

A request gets a name, its key is looked at, what is raised becomes a problem document, and when it is over it is
counted, charged and told to the observers. Both ways call these functions, so no request is missing in a metric, a log
or a quota because it came the short way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from starlette.types import Scope

from poolhouse.errors import PoolhouseError, Unavailable
from poolhouse.rest.auth.authorization import Authorization
from poolhouse.rest.http.headers import (
    HEADERS_KEY,
    RECORD_KEY,
    Headers,
    header_text,
    raw_path,
    read_headers,
    request_id,
    trace_id,
)
from poolhouse.rest.http.problems import Problem, internal_error, render_problem
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestObserver, RequestRecord
from poolhouse.service import PoolingService

_LONGEST_PATH: Final = 256

_log = logging.getLogger("poolhouse.rest")


class ClientDisconnected(Exception):
    """The client has closed the connection; nobody is there to answer."""


class Accounting:
    """Begins, refuses and ends requests.

    Args:
        pooling: knows whether the service stops.
        metrics: counts.
        authorization: knows the API keys; None where none is needed.
        observers: told of every request that is over.
    """

    def __init__(
        self,
        pooling: PoolingService,
        metrics: Metrics,
        authorization: Authorization | None = None,
        observers: Sequence[RequestObserver] = (),
    ) -> None:
        self._admission = pooling.admission
        self._metrics = metrics
        self._authorization = authorization
        self._observers = tuple(observers)

    @property
    def is_draining(self) -> bool:
        """Whether the service stops, so that a client should not keep its connection."""
        return self._admission.is_draining

    def begin_request(self, method: str, path: str, headers: Headers) -> RequestRecord:
        """Name a request.

        Args:
            method: of HTTP.
            path: as it was sent, without the query.
            headers: by name.
        """
        record = RequestRecord(method, path, request_id(headers))
        if b"traceparent" in headers:
            record.trace_id = trace_id(headers) or ""
        if self._observers:
            record.started_at = perf_counter()
            record.path = path[:_LONGEST_PATH]
            record.traceparent = header_text(headers, b"traceparent") or ""
            record.tracestate = header_text(headers, b"tracestate") or ""
        return record

    def authorize(self, record: RequestRecord, path: str, headers: Headers) -> None:
        """Let a request in by its key, where one is needed, and note it.

        Args:
            record: of the request.
            path: decoded, without the root path.
            headers: by name.

        Raises:
            Unauthorized, QuotaExceeded: see :meth:`.auth.authorization.Authorization.authorize`.
        """
        if self._authorization is not None:
            record.grant = grant = self._authorization.authorize(path, headers)
            if grant is not None:
                record.key = grant.name

    def may_list_paths(self, record: RequestRecord) -> bool:
        """Whether the client may hear which other paths there are; where keys are set, only one with a key may."""
        return self._authorization is None or record.grant is not None

    def record_of(self, scope: Scope) -> RequestRecord:
        """The record of a request: the middleware's, or a new one where our routes are included in an application
        that has not our middleware."""
        if RECORD_KEY not in scope:
            headers = scope[HEADERS_KEY] = read_headers(scope["headers"])
            scope[RECORD_KEY] = self.begin_request(scope["method"], raw_path(scope), headers)
        record: RequestRecord = scope[RECORD_KEY]
        return record

    @contextmanager
    def authorized(self, scope: Scope) -> Iterator[RequestRecord]:
        """The record of a request for a route that needs a key, which is looked at here if no middleware has.

        Raises:
            Unauthorized, QuotaExceeded: see :meth:`.auth.authorization.Authorization.authorize`.
        """
        if RECORD_KEY in scope:
            yield scope[RECORD_KEY]
            return
        record = self.record_of(scope)
        record.route, record.status = self._metrics.route_of(scope), 200
        try:
            # No path of ours, so none that is open.
            self.authorize(record, "", scope[HEADERS_KEY])
            yield record
        except PoolhouseError as error:
            record.status = error.status
            raise
        finally:
            if record.grant is not None:
                # Nobody has counted the bytes that came: those that were announced stay charged.
                record.received_bytes = record.grant.charged_bytes
            self.finish_request(record)

    def error_for_client(self, raised: BaseException, record: RequestRecord) -> PoolhouseError | None:
        """What the client is told of something that was raised; None where nobody is there to be told.

        A fault of ours is logged here, with its traceback.
        """
        if isinstance(raised, PoolhouseError):
            return raised
        if isinstance(raised, ClientDisconnected):
            return None
        if isinstance(raised, asyncio.CancelledError):
            # The grace period is over, and the server cancels what still runs.
            return Unavailable("draining", "The service is stopping; ask again in a moment.")
        if isinstance(raised, MemoryError):
            # The system has less memory than the settings allow. What this request held is free once it is refused.
            _log.warning("request %s found no memory (trace %s)", record.request_id.decode(), record.trace_id or "-")
            return Unavailable(
                "overloaded",
                "There is no memory for this request now. Send fewer rows at once, or try again in a moment.",
                retry_after_s=1,
            )
        told = record.request_id.decode(), record.trace_id or "-"
        _log.error("request %s failed (trace %s)", *told, exc_info=raised)
        return internal_error()

    def refuse(self, error: PoolhouseError, record: RequestRecord, headers: Headers) -> Problem:
        """Count a refusal, and write it.

        Args:
            error: what is refused, and why.
            record: of the request.
            headers: of the request.
        """
        self._metrics.record_refusal(error.code)
        record.code = error.code
        refusal = render_problem(error, instance=record.path, request_id=record.request_id.decode())
        # A client told "no" instead of "100 Continue" may or may not send the body that it announced; on a kept
        # connection its bytes would be read as the next request.
        if b"expect" in headers:
            return Problem(refusal.status, (*refusal.headers, (b"connection", b"close")), refusal.body)
        return refusal

    def finish_request(self, record: RequestRecord) -> None:
        """Count, charge and tell of a request that is over."""
        received, sent = record.received_bytes, record.sent_bytes
        self._metrics.record_response(record.route, record.operator, record.status, received, sent)
        if record.grant is not None and self._authorization is not None:
            self._authorization.settle(record.grant, received + sent)
            self._metrics.record_key_usage(record.grant.name, received + sent)
        if self._observers:
            record.ended_at = perf_counter()
            for observer in self._observers:
                try:
                    observer.request_finished(record)
                except Exception:
                    # Nobody asked for what it does; it must not become the client's trouble.
                    _log.exception("request %s could not be told of", record.request_id.decode())
