"""What is known of one request: as its answer, the metrics, the logs and the traces need it.

A record is begun when the head of a request is known, and told to the observers when the request is over. No payload
is in it, no key, and no query: that may hold data.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from poolhouse.rest.auth.authorization import Grant


class Stages(NamedTuple):
    """Where the time of an answered call went; clock readings are ``time.perf_counter``'s, all in seconds."""

    read_at: float
    decoded_at: float
    queue_s: float
    compute_s: float
    pooled_at: float
    encoded_at: float


class RequestRecord:
    """One request: what was asked, and what became of it.

    Attributes:
        method: of HTTP.
        path: as it was sent, without the query.
        request_id: the client's, or ours, as it is sent.
        route: the path template that it was led to; ``other`` for none.
        operator: as the path names it.
        status: of the answer; 0 where the client left before one began.
        code: of the refusal, where it was refused.
        key: the name of the API key.
        trace_id: of the trace that it belongs to.
        traceparent: as it was sent.
        tracestate: as it was sent.
        received_bytes: of the body.
        sent_bytes: of the answer's body.
        begun: a reading of ``time.perf_counter``; 0 where nobody is told of the request.
        ended: another one.
        stages: of an answered call.
        grant: what the API key allows, where one was needed.
    """

    route: str = ""
    operator: str = ""
    status: int = 0
    code: str = ""
    key: str = ""
    trace_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    received_bytes: int = 0
    sent_bytes: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    stages: Stages | None = None
    grant: Grant | None = None

    def __init__(self, method: str, path: str, request_id: bytes) -> None:
        self.method = method
        self.path = path
        self.request_id = request_id


class RequestObserver(Protocol):
    """Is told of every request when it is over; must not wait."""

    def request_finished(self, request: RequestRecord) -> None:
        """One request is over."""

    def close(self) -> None:
        """The service stops: what is not passed on yet is passed on now."""
