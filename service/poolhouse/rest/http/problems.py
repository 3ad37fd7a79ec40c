"""Render errors as RFC 9457 problem documents.

All errors of all routes are rendered here, including those of Starlette and uvicorn, so that a client needs one parser.
Only texts of this project are sent, never those of exceptions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from poolhouse.errors import MAX_PROBLEMS, InternalError, PoolhouseError, QuotaExceeded, Unavailable, Unprocessable

MEDIA_TYPE = "application/problem+json"
_MEDIA_TYPE = MEDIA_TYPE.encode()
_LONGEST_INSTANCE: Final = 256
_LONGEST_DETAIL: Final = 4096
_LONGEST_MESSAGE: Final = 1024
_LONGEST_POINTER: Final = 128
LARGEST_BODY_BYTES: Final = 16 * 1024
"""The largest problem document: a small request must not cause a large response."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error response; header names are in lower case."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def render_problem(error: PoolhouseError, *, instance: str, request_id: str) -> Problem:
    """Render the problem document of an error.

    Args:
        error: the error.
        instance: the path of the request; a long one is truncated.
        request_id: as in the ``X-Request-ID`` header, so that a saved document can be found in the log.
    """
    document: dict[str, object] = {
        "type": f"urn:poolhouse:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": "",
        "instance": instance[:_LONGEST_INSTANCE],
        "code": error.code,
        "request_id": request_id,
    }
    return _render(error, error.status, _MEDIA_TYPE, document, "detail")


def render_error(error: PoolhouseError, *, instance: str, request_id: str, root_path: str) -> Problem:
    """Render an error in the form of its path: below ``/v2`` the protocol's own, else a problem document.

    Args:
        error, instance, request_id: see :func:`render_problem`.
        root_path: the path under which a proxy publishes the service; ``instance`` may begin with it.
    """
    path = instance.removeprefix(root_path).partition("?")[0]
    if path == "/v2" or path.startswith("/v2/"):
        return render_inference_error(error, request_id=request_id)
    return render_problem(error, instance=instance, request_id=request_id)


def render_inference_error(error: PoolhouseError, *, request_id: str) -> Problem:
    """Render an error as the Open Inference Protocol has it: an object with ``error``, a text.

    Its clients read nothing else; ``code``, ``errors`` and ``request_id`` are the same as in a problem document. The
    protocol has no status 422: what cannot be pooled is 400, like all other invalid input.

    Args:
        error: the error.
        request_id: as in the ``X-Request-ID`` header.
    """
    document: dict[str, object] = {"error": "", "code": error.code, "request_id": request_id}
    status = 400 if error.status == Unprocessable.status else error.status
    return _render(error, status, b"application/json", document, "error")


def _render(
    error: PoolhouseError, status: int, media_type: bytes, document: dict[str, object], text_name: str
) -> Problem:
    """Complete a document with the text of an error, under ``text_name``, and with its details."""
    document[text_name] = _cut(error.detail, _LONGEST_DETAIL)
    if error.problems:
        document["errors"] = [
            {
                "pointer": _cut(field.pointer, _LONGEST_POINTER),
                "code": field.code,
                "message": _cut(field.message, _LONGEST_MESSAGE),
            }
            for field in error.problems[:MAX_PROBLEMS]
        ]
    if error.limit_bytes is not None:
        document["limit_bytes"] = error.limit_bytes
    body = _text(document)
    if len(body) > LARGEST_BODY_BYTES:
        # Only escaped characters make it so long: a quarter of the text, at six bytes a character, fits.
        document.pop("errors", None)
        document[text_name] = _cut(error.detail, _LONGEST_DETAIL // 4)
        body = _text(document)
    headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if isinstance(error, QuotaExceeded | Unavailable):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s or 1))))
    if error.headers:
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in error.headers.items()]
    return Problem(status, tuple(headers), body)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def internal_error() -> InternalError:
    """The error for an unexpected exception, without its text."""
    return InternalError(
        "internal",
        "The service failed on this request because of a bug in the service. "
        "A retry may succeed. If it does not, report the bug with the request_id.",
    )


def _text(document: Mapping[str, object]) -> bytes:
    # Under overload many errors are rendered, at the cost of pooling; orjson is the fastest encoder.
    try:
        return orjson.dumps(document)
    except TypeError:
        # The path has a lone surrogate; backslashreplace turns it into JSON's own escape.
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")
