"""CORS: off by default; where it is on, the named origins may call and may read our headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from poolhouse.errors import Malformed
from poolhouse.rest.http.headers import request_id
from poolhouse.rest.http.problems import render_problem
from poolhouse.rest.routes.refusals import ProblemResponse

_EXPOSED = ("X-Request-ID", "Server-Timing", "Tensor-Metadata", "Pool-Seed", "Pool-Warning", "Retry-After")


def add_cors(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call the application."""
    app.add_middleware(
        _Cors,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=list(_EXPOSED),
        max_age=3600,
    )


def cors_headers(origins: Sequence[str]) -> Callable[[bytes | None], list[tuple[bytes, bytes]]] | None:
    """What gives the headers that an answer to a page of an origin has beside its own; None where CORS is off.

    For answers that do not pass through the application. They are what Starlette's middleware adds to one of its own.
    """
    if not origins:
        return None
    rules = _Cors(_nothing, allow_origins=list(origins), expose_headers=list(_EXPOSED))

    def headers_for(origin: bytes | None) -> list[tuple[bytes, bytes]]:
        headers = MutableHeaders(raw=[])
        given = None if origin is None else origin.decode("latin-1")
        if given is not None:
            headers.update(rules.simple_headers)
        if given is not None and not rules.allow_all_origins and rules.is_allowed_origin(given):
            rules.allow_explicit_origin(headers, given)
        else:
            headers["Vary"] = "Origin"
        return headers.raw

    return headers_for


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Behind the rules stands no application."""


class _Cors(CORSMiddleware):
    """Starlette's, with a refused preflight in our words."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        given = request_id({b"x-request-id": request_headers.get("x-request-id", "").encode("latin-1")})
        error = Malformed(
            "malformed_request",
            "This page may not call the service like that: origin, method or headers are not among those "
            "that the service's cors_origins setting and its routes allow.",
        )
        refusal = ProblemResponse(render_problem(error, instance="", request_id=given.decode("ascii")))
        granted = {name: value for name, value in response.headers.items() if name.startswith(("access-", "vary"))}
        refusal.headers.update({**granted, "x-request-id": given.decode("ascii")})
        return refusal
