"""``GET /status``, a live page for the people who run the service; on the port that serves ``/metrics``.

The page has no numbers in it: its script reads ``/metrics``, with a key where the service has keys. Links are relative,
so it works below any path of a proxy.
"""

from __future__ import annotations

from functools import cache, partial
from importlib import resources
from pathlib import PurePath
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from poolhouse.rest.dependencies import get_headers
from poolhouse.rest.http.headers import Headers
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.static_response import PAGE_HEADERS, StaticResponse

router = APIRouter(tags=["platform"], route_class=GetRoute)

_FOLDER: Final = resources.files("poolhouse.rest").joinpath("assets", "status")
_PAGE: Final = "status.html"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# The paths have no version, so browsers must ask again: a page of two versions would not work.
_ASSET_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_PAGE_HEADERS: Final = {**PAGE_HEADERS, **_ASSET_HEADERS}

RequestHeaders = Annotated[Headers, Depends(get_headers)]


@cache
def _file(name: str) -> StaticResponse:
    headers = _PAGE_HEADERS if name == _PAGE else _ASSET_HEADERS
    return StaticResponse(_FOLDER.joinpath(name).read_bytes(), _MEDIA_TYPES[PurePath(name).suffix], headers)


@router.get("/status", summary="The status page.", response_class=HTMLResponse)
async def status_page(headers: RequestHeaders) -> Response:
    """Shows the load, the latency, the memory and the devices of the running service, live, from ``/metrics``."""
    return (await run_in_threadpool(_file, _PAGE)).for_request(headers)


def _add_file(name: str) -> None:
    async def file(headers: RequestHeaders) -> Response:
        return (await run_in_threadpool(partial(_file, name))).for_request(headers)

    router.add_api_route(f"/status/{name}", file, name=f"status/{name}", include_in_schema=False)


for _each in _FOLDER.iterdir():
    if _each.name != _PAGE:
        _add_file(_each.name)
