"""``GET /docs`` (Swagger UI, vendored: no requests to other hosts) and ``GET /openapi.json``.

Links are relative, so the pages work below any path of a proxy. FastAPI's own page loads scripts from another host and
has an inline script, both of which our Content-Security-Policy forbids.
"""

from __future__ import annotations

from functools import cache, partial
from importlib import resources
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from poolhouse.rest.dependencies import get_headers
from poolhouse.rest.http.headers import Headers
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.static_response import PAGE_HEADERS, StaticResponse, make_off_loop

SWAGGER_UI_VERSION: Final = "5.35.0"
"""The vendored version; assets/README.md describes its source, assets/SHA256SUMS has its checksums."""

RequestHeaders = Annotated[Headers, Depends(get_headers)]

router = APIRouter(tags=["document"], route_class=GetRoute)

_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
}
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>poolhouse</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{SWAGGER_UI_VERSION}/swagger-ui.css">
<link rel="stylesheet" href="docs/{SWAGGER_UI_VERSION}/docs.css">
</head>
<body>
<nav class="pages" aria-label="Pages">
<strong>poolhouse</strong>
<a href="./">Playground</a>
<a href="docs" aria-current="page">API</a>
<a href="openapi.json">OpenAPI document</a>
</nav>
<div id="operations">This page needs JavaScript; the OpenAPI document is <a href="openapi.json">openapi.json</a>.</div>
<script src="docs/{SWAGGER_UI_VERSION}/swagger-ui-bundle.js"></script>
<script src="docs/{SWAGGER_UI_VERSION}/docs.js"></script>
</body>
</html>
"""
# Swagger UI sets style attributes and loads its icons from data: URLs. Scripts are allowed from this origin only.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGE_HEADERS: Final = {"content-security-policy": _POLICY, **PAGE_HEADERS}
_DOCUMENT_HEADERS: Final = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


@cache
def _page() -> StaticResponse:
    return StaticResponse(_PAGE.encode(), "text/html; charset=utf-8", _PAGE_HEADERS)


@cache
def _asset(name: str) -> StaticResponse:
    body = resources.files("poolhouse.rest").joinpath("assets", name).read_bytes()
    # The path has Swagger UI's version, so browsers may cache its files for ever; our own change with the package.
    age = "max-age=3600" if name.startswith("docs.") else "max-age=31536000, immutable"
    return StaticResponse(body, _ASSETS[name], {"cache-control": f"public, {age}", "x-content-type-options": "nosniff"})


def _document(app: FastAPI, root_path: str) -> StaticResponse:
    """The application's OpenAPI document for this root path; cached until either changes."""
    document = app.openapi()
    cached: tuple[object, str, StaticResponse] | None = getattr(app.state, "document", None)
    if cached is None or cached[0] is not document or cached[1] != root_path:
        served = {**document, "servers": [{"url": root_path or "/", "description": "This server."}]}
        cached = document, root_path, StaticResponse(orjson.dumps(served), "application/json", _DOCUMENT_HEADERS)
        app.state.document = cached
    return cached[2]


@router.get("/openapi.json", summary="The OpenAPI document.", response_model=dict[str, Any])
async def openapi(request: Request, headers: RequestHeaders) -> Response:
    """OpenAPI 3.1, for example for client generators."""
    document = await make_off_loop(partial(_document, request.app, request.scope.get("root_path", "")))
    return document.for_request(headers)


@router.get("/docs", summary="The documentation page.", response_class=HTMLResponse)
async def docs(headers: RequestHeaders) -> Response:
    """Shows each operation, and can send requests from the browser. It loads nothing from other hosts."""
    return (await make_off_loop(_page)).for_request(headers)


def _add_asset(name: str) -> None:
    async def asset(headers: RequestHeaders) -> Response:
        return (await make_off_loop(partial(_asset, name))).for_request(headers)

    router.add_api_route(f"/docs/{SWAGGER_UI_VERSION}/{name}", asset, name=name, include_in_schema=False)


for _name in _ASSETS:
    _add_asset(_name)
