"""CORS, off by default: pages of the configured origins may send requests and read our response headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from poolhouse.errors import Malformed
from poolhouse.rest.exception_handlers import ProblemResponse
from poolhouse.rest.http.headers import request_id
from poolhouse.rest.http.problems import render_problem

_EXPOSED = (
    "X-Request-ID",
    "Server-Timing",
    "Tensor-Metadata",
    "Pool-Seed",
    "Pool-Seeds",
    "Pool-Warning",
    "Inference-Header-Content-Length",
    "Retry-After",
)


def add_cors(app: FastAPI, origins: Sequence[str]) -> None:
    """Add CORS middleware that allows these origins."""
    app.add_middleware(
        _Cors,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=list(_EXPOSED),
        max_age=3600,
    )


def cors_headers(origins: Sequence[str]) -> Callable[[bytes | None], list[tuple[bytes, bytes]]] | None:
    """A function that returns the CORS headers for the value of ``Origin``; None if CORS is off.

    For responses that bypass the application. The headers are those that Starlette's middleware adds.
    """
    if not origins:
        return None
    middleware = _Cors(_no_app, allow_origins=list(origins), expose_headers=list(_EXPOSED))

    def headers_for(origin: bytes | None) -> list[tuple[bytes, bytes]]:
        headers = MutableHeaders(raw=[])
        origin_text = None if origin is None else origin.decode("latin-1")
        if origin_text is not None:
            headers.update(middleware.simple_headers)
        if origin_text is not None and not middleware.allow_all_origins and middleware.is_allowed_origin(origin_text):
            middleware.allow_explicit_origin(headers, origin_text)
        else:
            headers["Vary"] = "Origin"
        return headers.raw

    return headers_for


async def _no_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Placeholder for an application that is never called."""


class _Cors(CORSMiddleware):
    """Starlette's middleware, with a problem document for a refused preflight request."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        name = request_id({b"x-request-id": request_headers.get("x-request-id", "").encode("latin-1")}).decode("ascii")
        error = Malformed(
            "malformed_request",
            "CORS does not allow this request: its origin, method or headers are not among those that the service's "
            "setting cors_origins and its routes allow.",
        )
        refusal = ProblemResponse(render_problem(error, instance="", request_id=name))
        cors = {key: value for key, value in response.headers.items() if key.startswith(("access-", "vary"))}
        refusal.headers.update({**cors, "x-request-id": name})
        return refusal
