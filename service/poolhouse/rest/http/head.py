"""The head of a request, and how it is read from bytes that come in any pieces.

httptools parses; the rules added here:

- the parser is fed up to the blank line that ends the head and never beyond it, so that it sees no byte of a body or of
  a further request, and an offer to upgrade, which is ignored (RFC 9110 section 7.8), cannot hide any;
- the size of a head and the number of its headers are limited: 431;
- a head that two readers could take for different requests is refused: see :func:`.headers.framing_error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from poolhouse.errors import HeadersTooLarge, Malformed, PoolhouseError, Unavailable
from poolhouse.rest.http.headers import Headers, content_length, framing_error, read_headers

# So much is looked at for the end of a head at a time.
_SCAN_BYTES: Final = 8 * 1024
_END: Final = b"\r\n\r\n"
# An empty header has four bytes on the wire, and takes two hundred in memory.
_MOST_HEADERS: Final = 256
# A head is kept for comparison with the next one where it is short, and holds no credentials.
_LONGEST_KEPT: Final = 1024
_MOST_KEPT: Final = 32
_CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization"})
# So many are kept for all connections; a head with one of these names is no other request's.
_MOST_KNOWN: Final = 256
_OF_ONE_REQUEST: Final = frozenset({b"x-request-id", b"traceparent"})


class Head:
    """Request line and headers of one request.

    Attributes:
        method: upper case.
        target: as it was sent.
        path: of the target, not decoded.
        query: of the target, without the question mark.
        version: of HTTP, such as ``"1.1"``.
        pairs: names in lower case, and values, in their order.
        headers: by name.
        length: bytes of the body; None where it is chunked.
        keeps_alive: whether the client takes further answers on this connection.
        expects_continue: whether the client waits to be told that its body is wanted.
        raw: the bytes of the head, empty where they must not be kept.
        match: the handler that answers it, once it was looked for.
        memo: what a handler worked out from this head, for requests that repeat it byte for byte.
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
        """The head that another server has parsed into ASGI's scope."""
        head = cls.__new__(cls)
        head.method, head.version, head.raw_headers, head.headers = scope["method"], "1.1", scope["headers"], headers
        head.path, head.query = scope["path"].encode("utf-8", "replace"), scope["query_string"]
        head.target, head.raw, head.match, head.memo = head.path, b"", None, None
        head.keeps_alive, head.expects_continue = True, False
        head.length = content_length(headers)
        return head

    def keep_raw(self, raw: bytes) -> None:
        """Keep the bytes, so that the next head can be compared with them."""
        # guard: credentials-are-not-kept
        if len(raw) <= _LONGEST_KEPT and len(self.raw_headers) <= _MOST_KEPT and _CREDENTIALS.isdisjoint(self.headers):
            self.raw = raw


class HeadCache:
    """Heads that came before on any connection, by their bytes; the oldest is forgotten where they are too many."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def get(self, data: bytearray, nbytes: int) -> Head | None:
        """The head that the first bytes of this are; None where it is not known.

        Args:
            data: what was received.
            nbytes: so much of it.
        """
        end = data.find(_END, 0, min(nbytes, _LONGEST_KEPT))
        return None if end < 0 else self._heads.get(bytes(data[: end + len(_END)]))

    def add(self, head: Head) -> None:
        """Keep a head, if its bytes were kept and it may come again."""
        if head.raw and _OF_ONE_REQUEST.isdisjoint(head.headers):
            self._heads[head.raw] = head
            if len(self._heads) > _MOST_KNOWN:
                del self._heads[next(iter(self._heads))]


@dataclass
class PartialHeadBudget:
    """The heads of all connections that are not whole yet. Most heads come in one piece, and hold nothing.

    Attributes:
        held_bytes: their bytes together.
        limit_bytes: how many there may be.
    """

    held_bytes: int = 0
    limit_bytes: int = 32 * 1024 * 1024

    def resize(self, before: int, nbytes: int) -> None:
        """A connection that held so many bytes holds so many from now on.

        Raises:
            Unavailable: it holds more, and all together hold too much.
        """
        self.held_bytes += nbytes - before
        if nbytes > before and self.held_bytes > self.limit_bytes:
            raise Unavailable(
                "overloaded",
                "Many connections have sent parts of headers. Send all headers at once, or try again later.",
                retry_after_s=1,
            )


class HeadReader:
    """Reads one head.

    Args:
        limit_bytes: the largest head.
        partial: where the bytes of a head that is not whole are counted.

    Attributes:
        head: once it is complete.
        has_begun: whether a byte of a request line has come; empty lines may stand before it.
        target: of the request line, as far as it has come: for the words of a refusal.
    """

    def __init__(self, limit_bytes: int, partial: PartialHeadBudget) -> None:
        self.head: Head | None = None
        self.has_begun = False
        self.target = b""
        self._limit_bytes = limit_bytes
        self._budget = partial
        self._held_bytes = 0
        self._pairs: list[tuple[bytes, bytes]] = []
        self._fed_bytes = 0
        self._tail = b""
        self._refusal: PoolhouseError | None = None
        self._parser: HttpRequestParser | None = HttpRequestParser(self)

    def feed(self, data: memoryview) -> int:
        """Read on, and give how many of these bytes belong to the head, or to empty lines before it.

        Raises:
            Malformed: they are no HTTP, or could be read in two ways.
            HeadersTooLarge: they are too many.
            Unavailable: all connections together hold too much of heads that are not whole.
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
        """The head will not be read on."""
        self._hold(0)

    def _hold(self, nbytes: int) -> None:
        before, self._held_bytes = self._held_bytes, nbytes
        if before != nbytes:
            self._budget.resize(before, nbytes)

    def _parse(self, piece: bytes) -> Head | None:
        assert self._parser is not None, "a head that is complete is not read on"
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            # The offer is ignored. It comes with a complete head, which is all that was fed.
            pass
        except HttpParserError:
            raise self._refusal or malformed_request() from None
        return self.head

    # ---- what the parser calls

    def on_message_begin(self) -> None:
        """A request begins; a second one here would be read from bytes of the first."""
        if self.has_begun:
            self._refusal = malformed_request()
            raise self._refusal
        self.has_begun = True

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        if len(self._pairs) == _MOST_HEADERS:
            self._refusal = headers_too_large(self._limit_bytes, f"There are more than {_MOST_HEADERS} headers.")
            raise self._refusal
        self._pairs.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        parser = self._parser
        assert parser is not None
        version, method = parser.get_http_version(), parser.get_method().decode("ascii")
        if method == "CONNECT":
            # What follows it is not HTTP.
            raise malformed_request()
        # A target that is no URL is refused by an error of the parser.
        head = Head(
            method,
            self.target,
            version,
            self._pairs,
            keeps_alive=version != "1.0" and parser.should_keep_alive(),
        )
        # The parser knows this reader, and would keep it alive.
        self._parser = None
        self._refusal = framing_error(head.headers, version)
        if self._refusal is not None:
            raise self._refusal
        self.head = head


def malformed_request() -> Malformed:
    """The refusal of bytes that cannot be read."""
    return Malformed(
        "malformed_request",
        "These bytes are not an HTTP/1.1 request. Check the request line, the headers and the "
        "framing of the body; a TLS client must speak to the proxy before this service.",
    )


def headers_too_large(limit_bytes: int, given: str = "") -> HeadersTooLarge:
    """The refusal of a head, or of the framing of a body, beyond its limit."""
    given = given or f"Request line and headers pass {limit_bytes} bytes."
    return HeadersTooLarge(
        "headers_too_large",
        f"{given} Send fields that are long in a JSON body, and fewer cookies.",
        limit_bytes=limit_bytes,
    )
