"""The door: large requests that certainly find no room are refused before anything is made of them.

A full service answers many more requests with 503 than it pools. By the way through the application such a refusal
costs about as much of the event loop as a tiny request, and what it costs is missing for those who were let in. Here
it is a few looks at the headers. The answer is the application's own, word for word; what is unusual in any way goes
the application's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from poolhouse.pooling import Pooling
from poolhouse.rest.headers import Headers, request_id
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.problems import Problem, problem

_REMEMBERED: Final = 1024
_LONGEST_KEY: Final = 512
# What these say changes nothing in a refusal, or is looked at below.
_PLAIN: Final = frozenset(
    (
        *(b"host", b"content-type", b"content-length", b"user-agent", b"connection"),
        *(b"accept", b"accept-encoding", b"accept-language", b"x-request-id"),
    )
)


class Need(NamedTuple):
    """What a request that was let in holds.

    Attributes:
        nbytes: so many bytes.
        scope: its operator and endpoint, for the metrics.
    """

    nbytes: int
    scope: Mapping[str, object]


class Needs:
    """What requests were found to hold whose target and headers tell all of it; most callers ask the same again."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes, bytes, bytes], Need] = {}

    def learn(self, path: bytes, query: bytes, headers: Headers, need: Need) -> None:
        """A request with these was let in."""
        key = (path, query, headers.get(b"content-type", b""), headers.get(b"content-length", b""))
        if key in self._known or sum(map(len, key)) > _LONGEST_KEY:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = need

    def of(self, path: bytes, query: bytes, headers: Headers) -> Need | None:
        """What another one holds, if it is known."""
        return self._known.get((path, query, headers.get(b"content-type", b""), headers.get(b"content-length", b"")))


class Door:
    """Refuses at once whom the pool route would refuse for want of room.

    Args:
        pooling: has room or not.
        needs: what the pool route has learnt.
        metrics: counts those that are turned away.
    """

    def __init__(self, pooling: Pooling, needs: Needs, metrics: Metrics) -> None:
        self._pooling = pooling
        self._needs = needs
        self._metrics = metrics

    def refusal(self, method: bytes, target: bytes, headers: Headers) -> Problem | None:
        """The answer for a request that finds no room; None for one that may, or that must be looked at.

        Args:
            method: of the request line.
            target: the same.
            headers: by name, in lower case.
        """
        path, _, query = target.partition(b"?")
        need = self._needs.of(path, query, headers)
        full = None if need is None else self._pooling.turned_away(need.nbytes)
        if need is None or full is None or method != b"POST":
            return None
        if not _PLAIN.issuperset(headers) or headers.get(b"accept", b"*/*") != b"*/*":
            return None
        name = request_id(headers)
        refused = problem(full, instance=path.decode("latin-1"), request_id=name.decode("ascii"))
        self._metrics.refused(full.code)
        self._metrics.answered(need.scope, refused.status, 0, len(refused.body))
        return Problem(refused.status, (*refused.headers, (b"x-request-id", name)), refused.body)
