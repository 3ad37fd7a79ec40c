"""GET routes that serve HEAD requests too."""

from __future__ import annotations

from typing import ClassVar

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send


class GetRoute(APIRoute):
    """A FastAPI route that serves HEAD as GET without the body (RFC 9110 section 9.3.2).

    Starlette's routes do this and FastAPI's do not; a route with the method HEAD would appear in the OpenAPI document.

    Attributes:
        allow: the methods that the refusal of another one names.
    """

    allow: ClassVar[str] = "GET, HEAD"

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this route serves the request."""
        return super().matches(_as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or raise 405 with both methods in ``Allow``."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": self.allow})

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await super().handle(_as_get(scope), receive, send_head if scope["method"] == "HEAD" else send)


def _as_get(scope: Scope) -> Scope:
    return {**scope, "method": "GET"} if scope["type"] == "http" and scope["method"] == "HEAD" else scope
