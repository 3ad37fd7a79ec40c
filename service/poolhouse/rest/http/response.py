"""The response of a handler, and the serialization of status lines and headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http.headers import new_request_id
from poolhouse.rest.http.problems import render_error

HeaderPairs = Iterable[tuple[bytes, bytes]]

_VISIBLE: Final = bytes({*range(0x20, 0x100), 0x09} - {0x7F})
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
# Header names that passed the check; only our code writes names, so they are few.
_checked_names: set[bytes] = set()


def status_line(status: int) -> bytes:
    """The first line of a response."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def header_lines(headers: HeaderPairs) -> bytes:
    """Serialize headers, and check them, so that no value can inject another header.

    Args:
        headers: names in lower case.

    Raises:
        RuntimeError: a name or a value is invalid.
    """
    lines = []
    for name, value in headers:
        if name not in _checked_names:
            _check_name(name)
        lines.append(name + b": " + value + b"\r\n")
    written = b"".join(lines)
    if written.translate(None, _VISIBLE) != b"\r\n" * len(lines):
        raise RuntimeError("a header value must not contain control characters")
    return written


def _check_name(name: bytes) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise RuntimeError(f"{name!r} is not a lower-case header name")
    _checked_names.add(name)


def protocol_error_response(
    error: PoolhouseError, target: bytes, default_headers: HeaderPairs, root_path: str = ""
) -> bytes:
    """Render the error response to invalid HTTP; it closes the connection.

    Args:
        error: the error.
        target: of the request line, as far as received.
        default_headers: of all responses of the server.
        root_path: the path under which a proxy publishes the service.
    """
    request_id = new_request_id()
    refusal = render_error(
        error, instance=target.decode("latin-1"), request_id=request_id.decode(), root_path=root_path
    )
    own_headers = ((b"x-request-id", request_id), (b"connection", b"close"))
    lines = header_lines((*default_headers, *refusal.headers, *own_headers))
    return b"".join((status_line(refusal.status), lines, b"\r\n", refusal.body))


class Response:
    """The response of a handler.

    Attributes:
        status: of HTTP.
        header_lines: the headers, checked and serialized.
        chunks: of the body, in order; views of the result's memory where that saves a copy.
        nbytes: of the body.
    """

    __slots__ = ("chunks", "header_lines", "nbytes", "status")

    def __init__(self, status: int, lines: bytes, chunks: tuple[bytes | memoryview, ...], nbytes: int) -> None:
        self.status = status
        self.header_lines = lines
        self.chunks = chunks
        self.nbytes = nbytes

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI takes them."""
        pairs = []
        for line in self.header_lines.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b": ")
            pairs.append((name, value))
        return pairs
