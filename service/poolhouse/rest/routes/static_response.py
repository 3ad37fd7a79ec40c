"""Static bodies: compressed once, sent in the preferred coding, with an entity tag, so that browsers can ask again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from poolhouse.rest.http.headers import Headers, header_text
from poolhouse.wire.compress import compress_static
from poolhouse.wire.content_coding import choose_encoding

PAGE_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-cache",
}
"""The headers of every HTML page, beside its Content-Security-Policy."""

# A smaller body fits into one packet even uncompressed.
_COMPRESS_FROM_BYTES: Final = 1024


class StaticResponse:
    """A static body, compressed once and sent in the coding that ``Accept-Encoding`` prefers.

    Args:
        body: of the response.
        media_type: of the body.
        headers: further ones.
        vary: what else than ``Accept-Encoding`` the body depends on.
    """

    def __init__(self, body: bytes, media_type: str, headers: Mapping[str, str], vary: str = "") -> None:
        self._body = body
        self._compressed = compress_static(body) if len(body) >= _COMPRESS_FROM_BYTES else {}
        # Weak, since every coding of the body has the same tag (RFC 9110 section 8.8.1).
        self._tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        varies = ", ".join(each for each in (vary, "accept-encoding" if self._compressed else "") if each)
        self._headers = {**headers, "etag": self._tag, **({"vary": varies} if varies else {})}
        self._media_type = media_type

    def for_request(self, headers: Headers) -> Response:
        """The response to a request with these headers; 304 without a body if the client has it already."""
        known = header_text(headers, b"if-none-match") or ""
        if self._tag in (each.strip() for each in known.split(",")):
            return Response(status_code=304, headers=self._headers)
        with_type = {"content-type": self._media_type, **self._headers}
        encoding = choose_encoding(header_text(headers, b"accept-encoding")) if self._compressed else None
        if encoding is None or encoding not in self._compressed:
            return Response(self._body, headers=with_type)
        return Response(self._compressed[encoding], headers={**with_type, "content-encoding": encoding})


_making: Final = Lock()


async def make_off_loop(make: Callable[[], StaticResponse]) -> StaticResponse:
    """Call a function in a thread: making and compressing a body may take a second, and only its readers wait.

    One call at a time, so that many first requests make it once.
    """

    def locked() -> StaticResponse:
        with _making:
            return make()

    return await run_in_threadpool(locked)
