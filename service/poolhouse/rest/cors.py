"""CORS: off by default; where it is on, the named origins may call and may read our headers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from poolhouse.errors import Malformed
from poolhouse.rest.headers import request_id
from poolhouse.rest.problems import problem
from poolhouse.rest.refusals import ProblemResponse

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
        refusal = ProblemResponse(problem(error, instance="", request_id=given.decode("ascii")))
        granted = {name: value for name, value in response.headers.items() if name.startswith(("access-", "vary"))}
        refusal.headers.update({**granted, "x-request-id": given.decode("ascii")})
        return refusal
