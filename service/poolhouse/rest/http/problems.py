"""Refusals on the wire: RFC 9457 problem documents.

Every error of every route passes here, those of Starlette and of uvicorn too, so that a caller needs
one reader. What is inside stays inside: only our own sentences are sent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from poolhouse.errors import MOST_PROBLEMS, InternalError, PoolhouseError, QuotaExceeded, Unavailable

MEDIA_TYPE = "application/problem+json"
_MEDIA_TYPE = MEDIA_TYPE.encode()
_LONGEST_INSTANCE: Final = 256
_LONGEST_DETAIL: Final = 4096
_LONGEST_MESSAGE: Final = 1024
_LONGEST_POINTER: Final = 128
LARGEST_BODY_BYTES: Final = 16 * 1024
"""The largest refusal, whatever it quotes: a small request must not cause a large answer."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as HTTP sends it; header names are lower-case."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def render_problem(error: PoolhouseError, *, instance: str, request_id: str) -> Problem:
    """The problem document of a refusal.

    Args:
        error: what is refused, and why.
        instance: the path that was asked for; a very long one is cut.
        request_id: as in the ``X-Request-ID`` header, so that a saved body can be traced.
    """
    document: dict[str, object] = {
        "type": f"urn:poolhouse:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": _cut(error.detail, _LONGEST_DETAIL),
        "instance": instance[:_LONGEST_INSTANCE],
        "code": error.code,
        "request_id": request_id,
    }
    if error.problems:
        document["errors"] = [
            {
                "pointer": _cut(field.pointer, _LONGEST_POINTER),
                "code": field.code,
                "message": _cut(field.message, _LONGEST_MESSAGE),
            }
            for field in error.problems[:MOST_PROBLEMS]
        ]
    if error.limit_bytes is not None:
        document["limit_bytes"] = error.limit_bytes
    body = _text(document)
    if len(body) > LARGEST_BODY_BYTES:
        # Only escaped characters get so long: a quarter of the detail, at six bytes a character, fits.
        document.pop("errors", None)
        document["detail"] = _cut(error.detail, _LONGEST_DETAIL // 4)
        body = _text(document)
    headers = [
        (b"content-type", _MEDIA_TYPE),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if isinstance(error, QuotaExceeded | Unavailable):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s or 1))))
    if error.headers:
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in error.headers.items()]
    return Problem(error.status, tuple(headers), body)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def internal_error() -> InternalError:
    """The refusal for a fault of ours: says that it is ours and how to report it, nothing else."""
    return InternalError(
        "internal",
        "The service failed on this request; the fault is ours. "
        "Trying again may work. If it does not, report it with the request_id.",
    )


def _text(document: Mapping[str, object]) -> bytes:
    # Many are written when the service is full: then each microsecond is one that pools nothing.
    try:
        return orjson.dumps(document)
    except TypeError:
        # A path may hold half a surrogate pair; backslashreplace turns it into JSON's own escape.
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")
