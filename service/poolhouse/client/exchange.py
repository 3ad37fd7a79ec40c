"""Values that a call's flow and its driver pass to each other: requests, responses, timeouts and sleeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from poolhouse.wire.quoting import escape_unprintable

Headers = Mapping[str, str]
"""Header values by lower-case name."""

BodyAllocator = Callable[[int, Headers, int], Sequence[memoryview] | None]
"""Allocates the buffers of a response body, from status, headers and the maximal number of bytes.

The buffers are writable flat bytes, which the transport fills in order as the body arrives, so that no second copy is
in memory. Together they have exactly ``Content-Length`` bytes, or without that header what the others announce, and at
most the maximum. None for a document or a refusal, which the transport collects.
"""

DEFAULT_MAX_RESPONSE_BYTES: Final = 4 * 1024**3
"""The largest response that a client accepts by default: four times what a server sends by default."""


class Request(NamedTuple):
    """One HTTP request.

    Attributes:
        method: ``GET`` or ``POST``.
        target: path and query, escaped.
        headers: names and values.
        body: flat bytes in order; views of the caller's arrays where possible.
        allocate_body: allocates the buffers of the response; None for a document, which is collected.
        max_response_bytes: the largest response that is accepted.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: tuple[bytes | memoryview, ...] = ()
    allocate_body: BodyAllocator | None = None
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES

    @property
    def nbytes(self) -> int:
        """The length of the body."""
        return sum(map(len, self.body))


class Response(NamedTuple):
    """One HTTP response, with its body in the buffers of the request's ``allocate_body``."""

    status: int
    headers: Headers
    body: Sequence[memoryview]

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return b"".join(self.body).decode("utf-8", "replace")

    @property
    def request_id(self) -> str | None:
        """The id of the request in the server's log."""
        request_id = self.headers.get("x-request-id")
        return None if request_id is None else escape_unprintable(request_id)


class Timeouts(NamedTuple):
    """Timeouts of one exchange.

    Attributes:
        connect_s: for a connection.
        read_s: for the next byte.
        total_s: for the whole exchange; None for no limit.
    """

    connect_s: float
    read_s: float
    total_s: float | None


class Send(NamedTuple):
    """Tells the driver to send a request and to return its response, or to throw the error into the flow."""

    request: Request
    timeouts: Timeouts


class Sleep(NamedTuple):
    """Tells the driver to sleep and to return None."""

    seconds: float
