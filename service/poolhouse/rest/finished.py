"""A request that is over, as logs and traces tell it. No payload is in it, no key, and no query: that may hold data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

STAGES_KEY: Final = "poolhouse.stages"
"""Where the scope has the stages of an answered call."""


class Stages(NamedTuple):
    """Where the time of an answered call went; clock readings are ``time.perf_counter``'s, all in seconds."""

    read: float
    decoded: float
    queue_s: float
    compute_s: float
    pooled: float
    encoded: float


@dataclass(slots=True)
class Finished:
    """One request: who asked what, and what became of it.

    ``status`` is 0 where the caller left before an answer began, ``code`` the refusal's where it was refused.
    ``begun`` and ``ended`` are readings of ``time.perf_counter``.
    """

    method: str
    path: str
    route: str
    operator: str
    status: int
    code: str
    key: str
    request_id: str
    trace_id: str
    traceparent: str
    tracestate: str
    received_bytes: int
    sent_bytes: int
    begun: float
    ended: float
    stages: Stages | None


class Observer(Protocol):
    """Is told of every request when it is over; must not wait."""

    def finished(self, request: Finished) -> None:
        """One request is over."""

    def close(self) -> None:
        """The service stops: what is not passed on yet is passed on now."""
