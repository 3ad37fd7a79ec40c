"""CORS: off by default; where it is on, the named origins may call and may read our headers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from poolhouse.errors import Malformed
from poolhouse.rest.headers import request_id
from poolhouse.rest.problems import problem

_EXPOSED = ("X-Request-ID", "Server-Timing", "Tensor-Metadata", "Pool-Seed", "Pool-Warning", "Retry-After")


def cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, callable by pages of these origins; as it is, when there are none."""
    if not origins:
        return app
    return _Cors(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=list(_EXPOSED),
        max_age=3600,
    )


class _Cors(CORSMiddleware):
    """Starlette's, with a refused preflight in our words."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        given = request_id({b"x-request-id": request_headers.get("x-request-id", "").encode("latin-1")})
        refusal = problem(
            Malformed(
                "malformed_request",
                "This page may not call the service like that: origin, method or headers are not among those "
                "that the service's cors_origins setting and its routes allow.",
            ),
            instance="",
            request_id=given.decode("ascii"),
        )
        headers = {name.decode(): value.decode("latin-1") for name, value in refusal.headers}
        granted = {name: value for name, value in response.headers.items() if name.startswith(("access-", "vary"))}
        return Response(refusal.body, refusal.status, {**headers, **granted, "x-request-id": given.decode("ascii")})
