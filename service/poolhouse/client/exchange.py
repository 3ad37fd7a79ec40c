"""What passes between the flow, which decides, and a driver, which acts: requests, pauses, answers. Values alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from poolhouse.wire.quoting import escape_unprintable

Headers = Mapping[str, str]
"""By lower-case name."""

BodyAllocator = Callable[[int, Headers, int], Sequence[memoryview] | None]
"""Where the body of an answer shall lie: from status, headers and the most bytes that are taken, to writable flat
bytes, filled in order.

They hold exactly ``Content-Length`` bytes, or where that is missing what the other headers announce, and never more
than the most; None for a document or a refusal, which is collected as it comes. A transport writes the body there as it
comes, so that no second copy of it is ever in memory.
"""

DEFAULT_MAX_RESPONSE_BYTES: Final = 4 * 1024**3
"""The largest answer that is taken, unless the caller says otherwise: four times what a server gives by default."""


class Request(NamedTuple):
    """One HTTP request.

    Attributes:
        method: ``GET`` or ``POST``.
        target: path and query, escaped.
        headers: names and values.
        body: flat bytes in order, views of the caller's arrays where that saves a copy.
        rooms: where the answer shall lie; None for a document, which is collected.
        max_response_bytes: the largest answer that is taken.
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
    """One HTTP answer, its body where the request's ``allocate_body`` wanted it."""

    status: int
    headers: Headers
    body: Sequence[memoryview]

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return b"".join(self.body).decode("utf-8", "replace")

    @property
    def request_id(self) -> str | None:
        """The name under which the server logged the request."""
        name = self.headers.get("x-request-id")
        return None if name is None else escape_unprintable(name)


class Timeouts(NamedTuple):
    """How long to wait.

    Attributes:
        connect_s: for a connection.
        silence_s: for the next byte.
        whole_s: for the whole answer from now on; None for ever.
    """

    connect_s: float
    read_s: float
    total_s: float | None


class Send(NamedTuple):
    """The driver shall send this and hand back the answer, or throw what went wrong."""

    request: Request
    timeouts: Timeouts


class Sleep(NamedTuple):
    """The driver shall wait so long and hand back None."""

    seconds: float
