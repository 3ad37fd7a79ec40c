"""What answers a route without a coroutine: first the head, then the body, or both at once.

The connection calls a handler directly; behind an ASGI server of another make the same object stands behind
:class:`poolhouse.rest.routes.handler_endpoint.HandlerEndpoint`. Both give the same answers.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from poolhouse.batching.memory import Lease
from poolhouse.rest.http.body_limits import BodyLimits
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response
from poolhouse.rest.observability.request_record import RequestRecord


class AcceptedRequest(Protocol):
    """A request whose head was accepted: what it holds, and how its body is received."""

    @property
    def limits(self) -> BodyLimits:
        """What the body may be."""
        ...

    @property
    def deadline(self) -> float | None:
        """``loop.time()`` after which nobody waits for the answer any more; None for never."""
        ...

    @property
    def lease(self) -> Lease:
        """The memory that is held for the request."""
        ...

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """Hold memory for a body that is not here yet.

        Args:
            nbytes: of the body, as far as it is known.
            extra_bytes: what is held beside it while it comes.

        Raises:
            Unavailable: there is none.
        """

    def close(self) -> None:
        """The answer is written, or will not be: give back what is held."""


class Handler(Protocol):
    """Answers the requests of one route."""

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> AcceptedRequest:
        """Look at a head, before a byte of the body is read.

        Args:
            head: of the request.
            operator: as the path names it.
            record: of the request; what is found is noted there.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...

    def on_complete_request(
        self, head: Head, operator: str, record: RequestRecord, body: memoryview
    ) -> Response | AcceptedRequest:
        """Answer a request that is here whole, where that is so quick that nothing else need happen meanwhile.

        Args:
            head: of the request.
            operator: as the path names it.
            record: of the request; what is found is noted there, and once the body is looked at how long it is.
            body: as for :meth:`on_body`.

        Returns:
            the answer; or where that takes longer what :meth:`on_head` gives, for :meth:`on_body`.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...

    def on_body(self, accepted: AcceptedRequest, body: memoryview) -> Response | Awaitable[Response]:
        """Answer a request whose body is whole: at once where that is quick.

        Args:
            prepared: from :meth:`on_head`.
            body: flat bytes that belong to the handler.

        Returns:
            the answer, or what gives it; awaiting that may be cancelled when the client leaves.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...
