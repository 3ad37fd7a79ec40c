"""Parse request headers: names and values, request ids, traces, Content-Length, Request-Timeout and framing.

ASGI and the parsers give lower-case names and stripped values. Creating a Starlette ``Request`` would cost more.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from poolhouse.errors import Malformed

Headers = dict[bytes, bytes]
"""One value per name; repeated headers are joined with commas, as RFC 9110 section 5.3 reads them."""

HEADERS_KEY = "poolhouse.headers"
RECORD_KEY = "poolhouse.record"
"""Scope keys of the request's headers and of its :class:`.observability.request_record.RequestRecord`."""

_VALID_REQUEST_ID = re.compile(rb"[\x20-\x7e]{1,128}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SECONDS = re.compile(rb"[0-9]{1,9}(\.[0-9]{0,9})?")
_LENGTH = re.compile(rb"[0-9]{1,19}")


# A request id is a random number of the process and a counter, since random numbers cost a system call each.
_PROCESS_ID = secrets.token_hex(4).encode()
_request_count = itertools.count()


def read_headers(pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Collect the headers by name."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def raw_path(scope: Mapping[str, Any]) -> str:
    """The path of an ASGI scope as received, if the server provides ``raw_path``; else the decoded one."""
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path if raw is None else raw.decode("latin-1")


def header_text(headers: Headers, name: bytes) -> str | None:
    """A header as text, or None. Decoding as Latin-1 cannot fail."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def request_id(headers: Headers) -> bytes:
    """The client's ``X-Request-ID`` if it is printable ASCII of at most 128 characters, else a new id."""
    given = headers.get(b"x-request-id")
    if given is not None and _VALID_REQUEST_ID.fullmatch(given):
        return given
    return new_request_id()


def new_request_id() -> bytes:
    """Make a unique request id."""
    return b"%s%08x" % (_PROCESS_ID, next(_request_count))


def trace_id(headers: Headers) -> str | None:
    """The trace id of a valid ``traceparent``, or None. An invalid one is ignored, as W3C Trace Context requires."""
    given = headers.get(b"traceparent")
    if given is None:
        return None
    match = _TRACEPARENT.fullmatch(given)
    return match[1].decode() if match else None


def content_length(headers: Headers) -> int | None:
    """The announced length of the body in bytes; None without a Content-Length, as for a chunked body.

    Raises:
        Malformed: the value is not a plain number.
    """
    given = headers.get(b"content-length")
    if given is None:
        return None
    if _LENGTH.fullmatch(given) is None:
        raise Malformed(
            "malformed_header",
            f"Content-Length is {_quoted(given)}; it must be one number of bytes, such as 1024.",
        )
    return int(given)


def framing_error(headers: Headers, version: str) -> Malformed | None:
    """The error for a head that a proxy could take for a different request; None for all other heads.

    Args:
        headers: by name, with repeated ones joined by commas.
        version: of HTTP: ``"1.1"``, ``"1.0"`` or ``"0.9"``.
    """
    host = headers.get(b"host")
    coding = headers.get(b"transfer-encoding")
    if host is not None and b"," in host:
        detail = "Host must be sent once, with one name."
    elif host is None and version == "1.1":
        detail = "An HTTP/1.1 request needs a Host header (RFC 9112 section 3.2); add one."
    elif coding is None:
        return None
    elif version != "1.1":
        detail = "HTTP/1.0 has no Transfer-Encoding; send a Content-Length, or use HTTP/1.1."
    elif coding.lower() != b"chunked":
        detail = (
            f"Transfer-Encoding is {_quoted(coding)}; only chunked is supported. "
            "Compress with Content-Encoding: gzip or zstd instead."
        )
    else:
        return None
    return Malformed("malformed_request", detail)


def request_timeout_s(headers: Headers) -> float | None:
    """The seconds that ``Request-Timeout`` allows, or None without the header.

    Raises:
        Malformed: the value is not a positive decimal number.
    """
    given = headers.get(b"request-timeout")
    if given is None:
        return None
    if _SECONDS.fullmatch(given) is None or float(given) <= 0:
        raise Malformed(
            "malformed_header",
            f"Request-Timeout is {_quoted(given)}; it must be decimal seconds above 0, such as 2.5.",
        )
    return float(given)


def _quoted(value: bytes) -> str:
    return repr(value[:40].decode("latin-1"))
