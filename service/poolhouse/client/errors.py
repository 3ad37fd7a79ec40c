"""The client's own error classes, and the error class for a refusal that the server sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import ClassVar, Final

from poolhouse.client.exchange import Response
from poolhouse.errors import (
    CODES,
    FieldProblem,
    Forbidden,
    PoolhouseError,
    QuotaExceeded,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from poolhouse.wire.quoting import escape_unprintable

_MAX_QUOTED: Final = 200
"""Characters of an unexpected response that a message quotes."""

_PROXY_ERRORS: Final[dict[int, tuple[type[PoolhouseError], str]]] = {
    401: (Unauthorized, "missing_key"),
    403: (Forbidden, "key_not_allowed"),
    413: (TooLarge, "body_too_large"),
    429: (QuotaExceeded, "quota_exceeded"),
    503: (Unavailable, "overloaded"),
}
"""Class and code for the statuses that mean the same from a proxy in front of the service as from the service."""


class ConnectionFailed(PoolhouseError):
    """There is no response: the connection was refused, or broke.

    Args:
        detail: what was attempted, and what failed.
    """

    # Without a response there is no status.
    status = 0
    title: ClassVar[str] = "No response"

    def __init__(self, detail: str, *, code: str = "connection_failed") -> None:
        # Not the base's __init__, which accepts the codes of the wire only.
        Exception.__init__(self, detail)
        self.code = code
        self.detail = detail
        self.problems = ()
        self.retry_after_s: float | None = None
        self.limit_bytes = None
        self.headers = {}


class TimedOut(ConnectionFailed):
    """The deadline of the call passed, or the server sent nothing for too long."""

    title: ClassVar[str] = "No response in time"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="timed_out")


class UnexpectedAnswer(ConnectionFailed):
    """A response that is not poolhouse's, but of a proxy or of another service.

    Args:
        status: its HTTP status; 0 if it has none.
        detail: what is unexpected, with the start of the response.
    """

    title: ClassVar[str] = "Not a response of poolhouse"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail, code="unexpected_answer")
        self.status = status


def error_from_response(response: Response) -> PoolhouseError:
    """Make the error for a response with a status other than 200."""
    document = _problem_document(response)
    code, detail = document.get("code"), document.get("detail")
    error: PoolhouseError
    if isinstance(code, str) and code in CODES and isinstance(detail, str):
        limit = document.get("limit_bytes")
        error = CODES[code](
            code,
            escape_unprintable(detail),
            problems=_field_problems(document.get("errors")),
            retry_after_s=parse_retry_after_s(response),
            limit_bytes=limit if isinstance(limit, int) else None,
            headers=response.headers,
        )
    elif response.status in _PROXY_ERRORS:
        error_class, code = _PROXY_ERRORS[response.status]
        detail = f"HTTP {response.status}, from a proxy in front of the service: {_quote_body(response)}"
        error = error_class(code, detail, retry_after_s=parse_retry_after_s(response), headers=response.headers)
    else:
        error = UnexpectedAnswer(response.status, _describe_unexpected(response))
        error.retry_after_s = parse_retry_after_s(response)
        error.headers = dict(response.headers)
    error.request_id = response.request_id
    error.problem = document
    return error


def parse_retry_after_s(response: Response) -> float | None:
    """Parse ``Retry-After`` to seconds.

    The service sends seconds. A proxy may send a date; it is compared with the ``Date`` of the same response, since the
    time of this machine may differ.
    """
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdecimal():
        return float(text) if len(text) < 10 else None
    until, since = _timestamp_s(text), _timestamp_s(response.headers.get("date", ""))
    return None if until is None or since is None else max(0.0, until - since)


def _timestamp_s(text: str) -> float | None:
    parts = parsedate_tz(text)
    try:
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None


def parse_object(text: str) -> Mapping[str, object] | None:
    """Parse untrusted text that should be a JSON object; None if it is not."""
    document = parse_json(text)
    return document if isinstance(document, dict) else None


def parse_json(text: str) -> object:
    """Parse untrusted text as JSON; None if it is not."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        # RecursionError: lists nested a thousand deep.
        return None
    return found


def _problem_document(response: Response) -> Mapping[str, object]:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    return parse_object(response.text) or {}


def _describe_unexpected(response: Response) -> str:
    location = response.headers.get("location")
    if 300 <= response.status < 400 and location is not None:
        # Not followed: the body and the key would go to the address in the response.
        return (
            f"HTTP {response.status} redirects to {location[:_MAX_QUOTED]!r}, and the client follows no redirects; "
            "give the address of the service itself as base_url."
        )
    return f"HTTP {response.status}, which is not a response of poolhouse: {_quote_body(response)}"


def _field_problems(entries: object) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            pointer, code, message = (
                escape_unprintable(str(entry.get(name, ""))) for name in ("pointer", "code", "message")
            )
            found.append(FieldProblem(pointer, code, message))
    return found


def _quote_body(response: Response) -> str:
    return repr(response.text[:_MAX_QUOTED])
