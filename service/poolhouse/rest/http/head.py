"""Parse request heads (request line and headers) from arbitrary pieces, and cache heads that repeat.

httptools parses; this module adds:

- The parser gets the bytes up to the blank line that ends the head, and none behind it. So it sees no byte of a body or
  of a further request, and an offer to upgrade, which is ignored (RFC 9110 section 7.8), cannot hide any.
- The size of a head and the number of its headers are limited: 431.
- A head that two readers could take for different requests is refused: see :func:`.headers.framing_error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from poolhouse.errors import HeadersTooLarge, Malformed, PoolhouseError, TooSlow, Unavailable
from poolhouse.rest.http.headers import Headers, content_length, framing_error, read_headers

# The end of a head is searched in steps of this many bytes.
_SCAN_BYTES: Final = 8 * 1024
_END: Final = b"\r\n\r\n"
# An empty header takes four bytes on the wire, and two hundred in memory.
_MAX_HEADERS: Final = 256
# The most bytes and headers of a head that is kept for comparison with later heads.
_MAX_KEPT_BYTES: Final = 1024
_MAX_KEPT_HEADERS: Final = 32
_CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization"})
# The most heads in the cache of all connections. A head with one of these headers does not repeat.
_MAX_CACHED: Final = 256
_UNIQUE_HEADERS: Final = frozenset({b"x-request-id", b"traceparent"})


class Head:
    """Request line and headers of one request.

    Attributes:
        method: upper case.
        target: as it was sent.
        path: of the target, not decoded.
        query: of the target, without the question mark.
        version: of HTTP, such as ``"1.1"``.
        raw_headers: pairs of lower-case name and value, in order.
        headers: by name.
        length: of the body in bytes; None for a chunked body.
        keeps_alive: whether the client will reuse the connection.
        expects_continue: whether the client waits for 100 Continue before it sends the body.
        raw: the bytes of the head; empty if they must not be kept.
        match: the handler, once it was looked up.
        memo: what a handler derived from this head, for requests that repeat it byte for byte.
    """

    __slots__ = (
        "expects_continue",
        "headers",
        "keeps_alive",
        "length",
        "match",
        "memo",
        "method",
        "path",
        "query",
        "raw",
        "raw_headers",
        "target",
        "version",
    )

    def __init__(
        self, method: str, target: bytes, version: str, pairs: Sequence[tuple[bytes, bytes]], *, keeps_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        url = parse_url(target)
        self.path: bytes = url.path or b"/"
        self.query: bytes = url.query or b""
        self.version = version
        self.raw_headers = pairs
        self.headers: Headers = read_headers(pairs)
        self.keeps_alive = keeps_alive
        self.raw = b""
        self.match: object = None
        self.memo: object = None
        self.expects_continue = self.headers.get(b"expect", b"").lower() == b"100-continue"
        self.length: int | None = None
        if b"transfer-encoding" not in self.headers:
            self.length = int(self.headers.get(b"content-length", b"0"))

    @classmethod
    def of_scope(cls, scope: Mapping[str, Any], headers: Headers) -> Head:
        """Make a head from an ASGI scope, which another server has parsed."""
        head = cls.__new__(cls)
        head.method, head.version, head.raw_headers, head.headers = scope["method"], "1.1", scope["headers"], headers
        head.path, head.query = scope["path"].encode("utf-8", "replace"), scope["query_string"]
        head.target, head.raw, head.match, head.memo = head.path, b"", None, None
        head.keeps_alive, head.expects_continue = True, False
        head.length = content_length(headers)
        return head

    def keep_raw(self, raw: bytes) -> None:
        """Keep the bytes for comparison with later heads, if the head is short and has no credentials."""
        is_short = len(raw) <= _MAX_KEPT_BYTES and len(self.raw_headers) <= _MAX_KEPT_HEADERS
        # guard: credentials-are-not-kept
        if is_short and _CREDENTIALS.isdisjoint(self.headers):
            self.raw = raw


class HeadCache:
    """Parsed heads of all connections by their bytes; the oldest is evicted when the cache is full."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def get(self, data: bytearray, nbytes: int) -> Head | None:
        """The cached head with which the received bytes begin; None if there is none.

        Args:
            data: the receive buffer.
            nbytes: the number of bytes received into it.
        """
        end = data.find(_END, 0, min(nbytes, _MAX_KEPT_BYTES))
        return None if end < 0 else self._heads.get(bytes(data[: end + len(_END)]))

    def add(self, head: Head) -> None:
        """Cache a head, if its bytes were kept and it may repeat."""
        if head.raw and _UNIQUE_HEADERS.isdisjoint(head.headers):
            self._heads[head.raw] = head
            if len(self._heads) > _MAX_CACHED:
                del self._heads[next(iter(self._heads))]


@dataclass
class PartialHeadBudget:
    """Limits the bytes of incomplete heads over all connections. Most heads arrive whole, and are not counted.

    Attributes:
        held_bytes: the bytes of all incomplete heads.
        limit_bytes: the most such bytes.
    """

    held_bytes: int = 0
    limit_bytes: int = 32 * 1024 * 1024

    def resize(self, before: int, nbytes: int) -> None:
        """Change the bytes that one connection holds from ``before`` to ``nbytes``.

        Raises:
            Unavailable: the connection holds more than before, and all connections hold more than the limit.
        """
        self.held_bytes += nbytes - before
        if nbytes > before and self.held_bytes > self.limit_bytes:
            raise Unavailable(
                "overloaded",
                "Too many connections have sent incomplete headers. Send all headers at once, or try again later.",
                retry_after_s=1,
            )


class HeadReader:
    """Parses one head, piece by piece.

    Args:
        limit_bytes: the largest head.
        budget: counts the bytes of incomplete heads.

    Attributes:
        head: once it is complete.
        has_begun: whether a byte of the request line has arrived; empty lines may precede it.
        target: of the request line, as far as received; for error responses.
    """

    def __init__(self, limit_bytes: int, budget: PartialHeadBudget) -> None:
        self.head: Head | None = None
        self.has_begun = False
        self.target = b""
        self._limit_bytes = limit_bytes
        self._budget = budget
        self._held_bytes = 0
        self._pairs: list[tuple[bytes, bytes]] = []
        self._fed_bytes = 0
        self._tail = b""
        self._refusal: PoolhouseError | None = None
        self._parser: HttpRequestParser | None = HttpRequestParser(self)

    def feed(self, data: memoryview) -> int:
        """Parse a piece; return how many of its bytes belong to the head, or to empty lines before it.

        Raises:
            Malformed: the bytes are not HTTP, or ambiguous.
            HeadersTooLarge: the head exceeds its limit.
            Unavailable: the incomplete heads of all connections exceed their limit.
        """
        position = 0
        while position < len(data) and self.head is None:
            piece = bytes(data[position : position + _SCAN_BYTES])
            seen = self._tail + piece
            found = seen.find(_END)
            if found >= 0:
                piece = piece[: found + len(_END) - len(self._tail)]
            self._tail = b"" if found >= 0 else seen[-len(_END) + 1 :]
            is_whole = self._fed_bytes == 0
            self._fed_bytes += len(piece)
            position += len(piece)
            head = self._parse(piece)
            if head is not None:
                if found < 0:
                    raise malformed_request()
                if is_whole:
                    head.keep_raw(piece)
            elif found >= 0 and self.has_begun:
                raise malformed_request()
            if self._fed_bytes > self._limit_bytes:
                raise headers_too_large(self._limit_bytes)
        self._hold(0 if self.head is not None else self._fed_bytes)
        return position

    def close(self) -> None:
        """Stop: release the bytes that are counted for an incomplete head."""
        self._hold(0)

    def _hold(self, nbytes: int) -> None:
        before, self._held_bytes = self._held_bytes, nbytes
        if before != nbytes:
            self._budget.resize(before, nbytes)

    def _parse(self, piece: bytes) -> Head | None:
        assert self._parser is not None, "the head is already complete"
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            # The offer is ignored. httptools raises it at the end of the head, which is all that was fed.
            pass
        except HttpParserError:
            raise self._refusal or malformed_request() from None
        return self.head

    # ---- called by the parser

    def on_message_begin(self) -> None:
        """Note the start of a request; a second one would consist of bytes of the first."""
        if self.has_begun:
            self._refusal = malformed_request()
            raise self._refusal
        self.has_begun = True

    def on_url(self, part: bytes) -> None:
        """Append a part of the target."""
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Append a header."""
        if len(self._pairs) == _MAX_HEADERS:
            self._refusal = headers_too_large(self._limit_bytes, f"There are more than {_MAX_HEADERS} headers.")
            raise self._refusal
        self._pairs.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Make the head, or refuse it."""
        parser = self._parser
        assert parser is not None
        version, method = parser.get_http_version(), parser.get_method().decode("ascii")
        if method == "CONNECT":
            # The bytes behind a CONNECT request are not HTTP.
            raise malformed_request()
        # For a target that is not a URL, httptools raises a parser error.
        head = Head(
            method,
            self.target,
            version,
            self._pairs,
            keeps_alive=version != "1.0" and parser.should_keep_alive(),
        )
        # The parser refers to this reader: a reference cycle.
        self._parser = None
        self._refusal = framing_error(head.headers, version)
        if self._refusal is not None:
            raise self._refusal
        self.head = head


def malformed_request() -> Malformed:
    """The error for bytes that are not valid HTTP."""
    return Malformed(
        "malformed_request",
        "The bytes are not a valid HTTP/1.1 request. Check the request line, the headers and the framing of the body. "
        "A TLS client must connect to the proxy in front of this service.",
    )


def headers_too_large(limit_bytes: int, given: str = "") -> HeadersTooLarge:
    """The error for a head, or for the framing of a body, over its limit."""
    given = given or f"The request line and headers exceed {limit_bytes} bytes."
    return HeadersTooLarge(
        "headers_too_large",
        f"{given} Send long fields in a JSON body, and fewer cookies.",
        limit_bytes=limit_bytes,
    )


def headers_too_slow(timeout_s: float) -> TooSlow:
    """The error for headers that were not complete in time."""
    return TooSlow("body_too_slow", f"The headers were not complete within {timeout_s:g} s. Send them at once.")
