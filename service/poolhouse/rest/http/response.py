"""Answers: what a handler gives back, and the bytes that stand before its body on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http.headers import new_request_id
from poolhouse.rest.http.problems import render_problem

HeaderPairs = Iterable[tuple[bytes, bytes]]

_VISIBLE: Final = bytes({*range(0x20, 0x100), 0x09} - {0x7F})
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
# Names of headers that were looked at: our own code writes them, so they are few.
_checked_names: set[bytes] = set()


def status_line(status: int) -> bytes:
    """The first line of an answer."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def header_lines(headers: HeaderPairs) -> bytes:
    """Headers as they are written, looked through: one header must not become two, whatever it says.

    Args:
        headers: names in lower case.

    Raises:
        RuntimeError: a name or a value is none.
    """
    lines = []
    for name, value in headers:
        if name not in _checked_names:
            _check_name(name)
        lines.append(name + b": " + value + b"\r\n")
    written = b"".join(lines)
    if written.translate(None, _VISIBLE) != b"\r\n" * len(lines):
        raise RuntimeError("a header's value must not hold control characters")
    return written


def _check_name(name: bytes) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise RuntimeError(f"{name!r} is no name of a header in lower case")
    _checked_names.add(name)


def protocol_error_response(error: PoolhouseError, target: bytes, default_headers: HeaderPairs) -> bytes:
    """The answer to what was no request, after which its connection ends.

    Args:
        error: what is refused, and why.
        target: of the request line, as far as it was read.
        default_headers: those that all answers of the server have.
    """
    request_id = new_request_id()
    refusal = render_problem(error, instance=target.decode("latin-1"), request_id=request_id.decode())
    named = ((b"x-request-id", request_id), (b"connection", b"close"))
    lines = header_lines((*default_headers, *refusal.headers, *named))
    return b"".join((status_line(refusal.status), lines, b"\r\n", refusal.body))


class Response:
    """The answer of a handler.

    Attributes:
        status: of HTTP.
        lines: its headers as HTTP/1.1 writes them, all looked through.
        chunks: the body, in order: views of the result's own memory where that saves a copy.
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
        """All headers, as ASGI takes them."""
        pairs = []
        for line in self.header_lines.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b": ")
            pairs.append((name, value))
        return pairs
