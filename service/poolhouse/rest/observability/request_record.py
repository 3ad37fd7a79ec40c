"""The record of one request, for its response, the metrics, the logs and the traces.

A record is created when the request's head has been read, and passed to the observers when the request has finished. It
holds no payload, no key, and no query, which may hold data.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from poolhouse.rest.auth.authorization import Grant


class Stages(NamedTuple):
    """Times and durations of a successful pooling request, in seconds; times are from ``time.perf_counter``."""

    read_at: float
    decoded_at: float
    queue_s: float
    compute_s: float
    pooled_at: float
    encoded_at: float


class RequestRecord:
    """One request and its outcome.

    Attributes:
        method: of HTTP.
        path: as received, without the query.
        request_id: the value of ``X-Request-ID`` in the response: the client's, or a new one.
        route: the path template of its route; ``other`` for none.
        operator: from the path.
        model: the model, or the operator as a model, of a pooling request that is counted for it; set by the handler.
        status: of the response; 0 if the client disconnected before the response started.
        code: of the error, if the request was refused.
        key: the name of the API key.
        trace_id: of its trace.
        traceparent: as received.
        tracestate: as received.
        received_bytes: of the request body.
        sent_bytes: of the response body.
        read_at: when the body of a pooling request was complete, from ``time.perf_counter``; 0 before.
        started_at: from ``time.perf_counter``; 0 if there are no observers.
        ended_at: likewise.
        stages: of a successful pooling request.
        grant: the authorization by an API key; None if none was needed.
    """

    route: str = ""
    operator: str = ""
    model: str = ""
    status: int = 0
    code: str = ""
    key: str = ""
    trace_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    received_bytes: int = 0
    sent_bytes: int = 0
    read_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    stages: Stages | None = None
    grant: Grant | None = None

    def __init__(self, method: str, path: str, request_id: bytes) -> None:
        self.method = method
        self.path = path
        self.request_id = request_id


class RequestObserver(Protocol):
    """Observes finished requests; must not block."""

    def request_finished(self, request: RequestRecord) -> None:
        """Called once for each request."""

    def close(self) -> None:
        """Called at shutdown: flush what is buffered."""
