"""Limits that the settings and the request's headers put on a request: body size, rate, deadline, content coding."""

from __future__ import annotations

from time import monotonic
from typing import Final

from poolhouse.errors import deadline_error
from poolhouse.rest.http.headers import Headers, header_text, request_timeout_s
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.settings import Settings
from poolhouse.wire.inflate import Inflater

UNREAD_BYTES: Final = 256 * 1024
"""The bytes of a body of unknown length that the server's own buffers may hold before the body is read."""


def body_limits(settings: Settings) -> tuple[TransferLimits, TransferLimits]:
    """The limits of binary bodies, and those of JSON bodies."""
    return (
        TransferLimits(
            settings.max_body_bytes,
            settings.body_timeout_s,
            "Send fewer rows in each request: pooling never mixes rows, so the joined responses are the same result.",
            settings.min_body_bytes_per_s,
            settings.contended_body_timeout_s,
        ),
        TransferLimits(
            settings.max_json_bytes,
            settings.body_timeout_s,
            "Send it as binary, where the limit is "
            f"{settings.max_body_bytes} bytes: Content-Type application/x-npy, "
            "application/vnd.safetensors or application/octet-stream, with the fields in the query string.",
            settings.min_body_bytes_per_s,
            settings.contended_body_timeout_s,
        ),
    )


def deadline_of(headers: Headers) -> float | None:
    """The ``loop.time()`` at which ``Request-Timeout`` ends, or None.

    Computed with ``monotonic()``: the event loop's own time has a resolution of milliseconds and is updated once per
    iteration.
    """
    if b"request-timeout" not in headers:
        return None
    seconds = request_timeout_s(headers)
    return None if seconds is None else monotonic() + seconds


def check_deadline(deadline: float | None) -> None:
    """Refuse work whose client has stopped waiting.

    Raises:
        DeadlinePassed: the deadline has passed.
    """
    if deadline is not None and monotonic() >= deadline:
        raise deadline_error("passed before the work began", "Allow more time.")


def inflater_of(headers: Headers, limits: TransferLimits) -> Inflater | None:
    """The inflater for the request's Content-Encoding; None if the body is not compressed."""
    encoding = header_text(headers, b"content-encoding")
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return None
    return Inflater(encoding, limits.limit_bytes)
