"""The protocol of a request handler: refuses or accepts a head, then responds to the body; no ASGI, no FastAPI.

Our connections call a handler directly. On another ASGI server the same handler is called by
:class:`poolhouse.rest.routes.handler_endpoint.HandlerEndpoint`, with the same responses.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from poolhouse.batching.memory import Lease
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.observability.request_record import RequestRecord


class AcceptedRequest(Protocol):
    """A request whose head was accepted: its memory, and the limits of its body."""

    @property
    def limits(self) -> TransferLimits:
        """The limits of the body."""
        ...

    @property
    def deadline(self) -> float | None:
        """``loop.time()`` at which the request's deadline passes; None for no deadline."""
        ...

    @property
    def lease(self) -> Lease:
        """The memory that is reserved for the request."""
        ...

    @property
    def body_padding(self) -> int:
        """The bytes to leave free before the body in its buffer, so that its elements are aligned."""
        ...

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """Reserve memory for a body that has not arrived yet.

        Args:
            nbytes: of the body, as far as known.
            extra_bytes: in use beside the body while it is received.

        Raises:
            Unavailable: they do not fit into the memory budget.
        """

    def close(self) -> None:
        """Release everything: the response is written, or will not be."""


class Handler(Protocol):
    """Handles the requests of one route."""

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> AcceptedRequest:
        """Check a head, before any byte of the body is read.

        Args:
            head: of the request.
            operator: as the path names it.
            record: of the request; filled in.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...

    def on_complete_request(
        self, head: Head, operator: str, record: RequestRecord, body: memoryview
    ) -> Response | AcceptedRequest:
        """Respond to a request that arrived whole, if that is quick enough to do in one step of the event loop.

        Args:
            head: of the request.
            operator: as the path names it.
            record: of the request; filled in, with the length of the body once it is read.
            body: as for :meth:`on_body`.

        Returns:
            the response; or, if it takes longer, the result of :meth:`on_head`, for :meth:`on_body`.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...

    def on_body(self, accepted: AcceptedRequest, body: memoryview) -> Response | Awaitable[Response]:
        """Respond to a request whose body is complete; at once if that is quick.

        Args:
            accepted: from :meth:`on_head`.
            body: flat bytes, which the handler then owns.

        Returns:
            the response, or an awaitable of it, which may be cancelled when the client disconnects.

        Raises:
            PoolhouseError: the request is refused.
        """
        ...
