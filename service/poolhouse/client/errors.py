"""What a caller can catch beside the server's own refusals, and how a refusal on the wire becomes its class again."""

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
"""Characters of a stranger's answer that a message quotes."""

_PROXY_ERRORS: Final[dict[int, tuple[type[PoolhouseError], str]]] = {
    401: (Unauthorized, "missing_key"),
    403: (Forbidden, "key_not_allowed"),
    413: (TooLarge, "body_too_large"),
    429: (QuotaExceeded, "quota_exceeded"),
    503: (Unavailable, "overloaded"),
}
"""What a proxy in front of the service says in its own words, and means as we do."""


class ConnectionFailed(PoolhouseError):
    """No answer came: nobody listens, or the connection broke.

    Args:
        detail: what was tried, and what went wrong.
    """

    # There is no status without an answer.
    status = 0
    title: ClassVar[str] = "No answer came"

    def __init__(self, detail: str, *, code: str = "connection_failed") -> None:
        # Past the base, whose codes are those of the wire; this one never travels.
        Exception.__init__(self, detail)
        self.code = code
        self.detail = detail
        self.problems = ()
        self.retry_after_s: float | None = None
        self.limit_bytes = None
        self.headers = {}


class TimedOut(ConnectionFailed):
    """The deadline of the call passed, or the server was silent for too long."""

    title: ClassVar[str] = "No answer came in time"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="timed_out")


class UnexpectedAnswer(ConnectionFailed):
    """An answer that poolhouse does not give: of a proxy, or of another service.

    Args:
        status: its HTTP status.
        detail: what it said.
    """

    title: ClassVar[str] = "That is not poolhouse's answer"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail, code="unexpected_answer")
        self.status = status


def error_from_response(response: Response) -> PoolhouseError:
    """The error that an answer other than 200 stands for, to be raised."""
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
        kind, code = _PROXY_ERRORS[response.status]
        detail = f"HTTP {response.status} from something before the service: {_quote_body(response)}"
        error = kind(code, detail, retry_after_s=parse_retry_after_s(response), headers=response.headers)
    else:
        error = UnexpectedAnswer(response.status, _describe_unexpected(response))
        error.retry_after_s = parse_retry_after_s(response)
        error.headers = dict(response.headers)
    error.request_id = response.request_id
    error.problem = document
    return error


def parse_retry_after_s(response: Response) -> float | None:
    """Seconds that ``Retry-After`` asks to wait.

    We send seconds. A proxy may send a date, which is held against the answer's own ``Date``, since clocks differ.
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
    """The JSON object that a stranger's text is, or None."""
    document = parse_json(text)
    return document if isinstance(document, dict) else None


def parse_json(text: str) -> object:
    """What a stranger's text holds as JSON, or None."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        # Lists in lists a thousand deep are no fault of the caller's stack.
        return None
    return found


def _problem_document(response: Response) -> Mapping[str, object]:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    return parse_object(response.text) or {}


def _describe_unexpected(response: Response) -> str:
    place = response.headers.get("location")
    if 300 <= response.status < 400 and place is not None:
        # Followed, a body and a key would go to whoever the answer names.
        return (
            f"HTTP {response.status} sends us on to {place[:_MAX_QUOTED]!r}, and the client does not follow; "
            "give the address of the service itself as base_url."
        )
    return f"HTTP {response.status}, which poolhouse did not say: {_quote_body(response)}"


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
