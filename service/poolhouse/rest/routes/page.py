"""``GET /``: the page on which people try out pooling, and its files below ``/page``; programs get links as JSON.

The page's files are in ``rest/assets/page``: one HTML, one CSS, ES modules without a build step.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from poolhouse.rest.dependencies import get_headers
from poolhouse.rest.http.headers import Headers, header_text
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.static_response import PAGE_HEADERS, StaticResponse, make_off_loop
from poolhouse.version import __version__
from poolhouse.wire.accept import parse_accept

ASSETS_PATH: Final = "/page/"
"""Below it are the page's files, which need no API key."""

RequestHeaders = Annotated[Headers, Depends(get_headers)]

router = APIRouter(route_class=GetRoute)

_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
# Nothing inline: a text of a file or of the address that became markup would still not run.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LINKS: Final = {
    "docs": "docs",
    "openapi": "openapi.json",
    "operators": "v1/operators",
    "pool": "v1/pool/{operator}",
    "plan": "v1/plan/{operator}",
    "trace": "v1/trace/{operator}",
    "inference": "v2",
    "live": "livez",
    "ready": "readyz",
    "version": "version",
}
"""The links for programs, by relation."""
_FILE_HEADERS: Final = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


def _folder() -> Traversable:
    return resources.files("poolhouse.rest").joinpath("assets", "page")


@cache
def _files() -> dict[str, Traversable]:
    """The page's files that browsers request, by name."""
    return {each.name: each for each in _folder().iterdir() if _suffix(each.name) in _MEDIA_TYPES}


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


@lru_cache(maxsize=4)
def _page(root_path: str) -> StaticResponse:
    """The page for this root path. Without one its links are relative, since a proxy may add a prefix."""
    text = _folder().joinpath("index.html").read_text(encoding="utf-8")
    if root_path:
        # The page is also served at the root path without a slash, where relative links would miss.
        text = text.replace('="./', f'="{escape(root_path)}/')
    headers = {"content-security-policy": _POLICY, **PAGE_HEADERS}
    return StaticResponse(text.encode(), "text/html; charset=utf-8", headers, vary="accept")


@lru_cache(maxsize=4)
def _links(root_path: str) -> StaticResponse:
    links = {relation: f"{root_path}/{path}" for relation, path in _LINKS.items()}
    body = orjson.dumps({"name": "poolhouse", "release": __version__, "links": links})
    return StaticResponse(body, "application/json", _FILE_HEADERS, vary="accept")


@cache
def _file(name: str) -> StaticResponse:
    return StaticResponse(_files()[name].read_bytes(), _MEDIA_TYPES[_suffix(name)], _FILE_HEADERS)


def prefers_html(accept: str | None) -> bool:
    """Whether ``Accept`` weighs HTML higher than JSON, as that of browsers does; without it JSON is preferred."""
    weights = {name: weight or 0.0 for name, weight in parse_accept(accept or "*/*")}
    anything = weights.get("*/*", 0.0)
    html = weights.get("text/html", weights.get("text/*", anything))
    return html > weights.get("application/json", weights.get("application/*", anything))


@router.get("/", include_in_schema=False)
async def page(request: Request, headers: RequestHeaders) -> Response:
    """The page, or links as JSON."""
    make = _page if prefers_html(header_text(headers, b"accept")) else _links
    found = await make_off_loop(partial(make, request.scope.get("root_path", "")))
    return found.for_request(headers)


@router.get(ASSETS_PATH + "{name}", include_in_schema=False)
async def page_file(name: str, headers: RequestHeaders) -> Response:
    """A file of the page."""
    if name not in _files():
        raise HTTPException(404)
    return (await make_off_loop(partial(_file, name))).for_request(headers)
