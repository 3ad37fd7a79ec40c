"""The pages: ``/docs`` (Swagger UI, vendored, no outside request), ``/openapi.json`` and ``/``.

Links are relative, so the pages work under any path that a proxy puts them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import orjson
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from poolhouse.rest.answers import Pairs, send_bytes
from poolhouse.rest.headers import HEADERS_KEY, text
from poolhouse.wire.inflate import choose_encoding, compress_once

SWAGGER_UI_VERSION = "5.35.0"
"""The vendored version; assets/README.md says how it came here, assets/SHA256SUMS what it must be."""

# One packet is one packet, compressed or not.
_COMPRESS_FROM_BYTES: Final = 1024

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>poolhouse</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{SWAGGER_UI_VERSION}/swagger-ui.css">
</head>
<body>
<div id="operations">This page needs JavaScript; the document is <a href="openapi.json">here</a>.</div>
<script src="docs/{SWAGGER_UI_VERSION}/swagger-ui-bundle.js"></script>
<script src="docs/{SWAGGER_UI_VERSION}/docs.js"></script>
</body>
</html>
"""
# Swagger UI sets style attributes and draws its icons from data: URLs; scripts come from here alone.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGE_HEADERS = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cache-control", "no-cache"),
)


class Fixed:
    """A static body; compressed once, and sent compressed where ``Accept-Encoding`` asks for it."""

    def __init__(self, body: bytes, media_type: str, headers: Pairs = (), status: int = 200) -> None:
        self._body = body
        self._media_type = media_type
        self._headers = tuple(headers)
        self._status = status
        self._packed = compress_once(body) if len(body) >= _COMPRESS_FROM_BYTES else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the body."""
        body, headers = self._body, self._headers
        if self._packed:
            headers = (*headers, ("vary", "accept-encoding"))
            encoding = choose_encoding(text(scope[HEADERS_KEY], b"accept-encoding"))
            if encoding in self._packed:
                body, headers = self._packed[encoding], (*headers, ("content-encoding", encoding))
        await send_bytes(scope, send, body, self._media_type, headers, self._status)


def routes(document: dict[str, object], root_path: str = "") -> list[BaseRoute]:
    """The routes of the pages.

    Args:
        document: the OpenAPI document to show.
        root_path: the path below which a proxy serves the service; unknown, the start page leads on by a relative link.
    """
    return [
        Route(
            "/",
            Fixed(
                b"See /docs.\n",
                "text/plain; charset=utf-8",
                [("location", f"{root_path}/docs" if root_path else "docs")],
                307,
            ),
            methods=["GET"],
        ),
        Route(
            "/openapi.json",
            Fixed(
                orjson.dumps(document),
                "application/json",
                [("cache-control", "no-cache"), ("x-content-type-options", "nosniff")],
            ),
            methods=["GET"],
        ),
        Route("/docs", Fixed(_PAGE.encode(), "text/html; charset=utf-8", _PAGE_HEADERS), methods=["GET"]),
        *(_asset(name, media_type) for name, media_type in _ASSETS.items()),
    ]


@cache
def _asset(name: str, media_type: str) -> Route:
    body = resources.files("poolhouse.rest").joinpath("assets", name).read_bytes()
    # The version is in the path, so a browser may keep what it has; our own script changes with the package.
    age = "max-age=3600" if name == "docs.js" else "max-age=31536000, immutable"
    headers = [("cache-control", f"public, {age}"), ("x-content-type-options", "nosniff")]
    return Route(f"/docs/{SWAGGER_UI_VERSION}/{name}", Fixed(body, media_type, headers), methods=["GET"])
