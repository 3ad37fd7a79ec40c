"""Refuse what a browser sends for a page of another origin without asking the service first.

A browser asks by a preflight request before a page may send JSON or npy to another origin. It does not ask before it
sends a form, plain text or a body without a type, so any page could make its visitors' browsers work a service that
they can reach and that needs no key. Programs send no ``Origin``.
Source: the Fetch Standard, "CORS-safelisted request-header" and "Origin header"; Fetch Metadata, ``Sec-Fetch-Site``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolhouse.errors import Forbidden
from poolhouse.rest.http.headers import Headers
from poolhouse.wire.quoting import quote_clipped

_TYPES_WITHOUT_PREFLIGHT: Final = frozenset(
    {b"", b"multipart/form-data", b"text/plain", b"application/x-www-form-urlencoded"}
)


class OriginCheck:
    """Compares the origin of a page with that of the request and with those that may call the service.

    Args:
        allowed: the setting ``cors_origins``.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allows_all = "*" in allowed
        self._allowed = frozenset(each.encode() for each in allowed)

    def check(self, method: str, headers: Headers) -> None:
        """Refuse a request of a foreign page for which its browser has not asked.

        Args:
            method: of HTTP; GET changes nothing, and browsers ask before they send others than POST.
            headers: by name.

        Raises:
            Forbidden: ``Origin`` is another one than that of the request, and not allowed.
        """
        origin = headers.get(b"origin")
        if origin is None or method != "POST" or self._allows_all or origin in self._allowed:
            return
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        # Behind a proxy that replaces Host only the browser knows. A page cannot set Sec-Fetch-Site.
        is_own = (
            headers.get(b"sec-fetch-site") == b"same-origin" or _host_of(origin) == headers.get(b"host", b"").lower()
        )
        # guard: foreign-form-is-refused
        if media_type in _TYPES_WITHOUT_PREFLIGHT and not is_own:
            raise Forbidden(
                "origin_not_allowed",
                f"A page of the origin {quote_clipped(origin.decode('latin-1'))} sent this request to another origin. "
                "Its origin must be in the service's setting cors_origins; behind a proxy, let the proxy pass Host "
                "unchanged. Programs send no Origin header, and pages of the service's own origin may send forms.",
            )


def _host_of(origin: bytes) -> bytes | None:
    """Host and port of an origin; None for the origin ``null`` of files and of pages in a sandbox."""
    _, separator, host = origin.partition(b"://")
    return host.lower() if separator and host else None
