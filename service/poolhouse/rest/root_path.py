"""The path below which a proxy serves the service, whether the proxy takes it off the requests or leaves it there.

nginx takes it off where ``proxy_pass`` ends in a slash, Traefik does with ``stripPrefix``, a Kubernetes ingress leaves
it. Nothing in a request says which, so both are understood: a path that begins with the root path has it, any other had
it. That is clear as long as no path of the service itself begins like that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr

from starlette.types import ASGIApp, Receive, Scope, Send


def check_root_path(root_path: str, paths: Iterable[str]) -> None:
    """Refuse a root path with which a path of the service could be taken for one that has it already.

    Args:
        root_path: of the settings; empty is none.
        paths: of the service's routes.

    Raises:
        ValueError: which path is in the way.
    """
    first = root_path.split("/")[1:2]
    for path in paths:
        if first and path.split("/")[1:2] == first:
            raise ValueError(f"root_path {root_path} begins like the service's own {path}; take another path")


class RootPathMiddleware:
    """Gives a request the path that ASGI wants: the root path, and behind it the path of a route.

    Args:
        app: what serves the request.
        root_path: of the settings, not empty.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http":
            add_root_path(scope, self._root_path)
        await self._app(scope, receive, send)


def add_root_path(scope: Scope, root_path: str) -> None:
    """Put a request below the root path.

    Args:
        scope: of HTTP; its server may have put the root path in front, knowing of it, or may not know of it.
        root_path: of the settings, not empty.
    """
    given: str = scope.get("root_path", "")
    if given not in ("", root_path):
        # Another server's, as Ray's: it has its own idea of where this application is.
        return
    scope["root_path"] = root_path
    scope["path"] = root_path + _strip_root_path(root_path, scope["path"].removeprefix(given))
    if "raw_path" in scope:
        raw = root_path.encode("ascii")
        scope["raw_path"] = raw + _strip_root_path(raw, scope["raw_path"].removeprefix(given.encode("ascii")))


def _strip_root_path(root_path: AnyStr, path: AnyStr) -> AnyStr:
    rest = path.removeprefix(root_path)
    slash = root_path[:1]
    # "/pools" does not lie below "/pool"; "/pool" itself is the place of the start page.
    return (rest or slash) if rest[:1] in (slash, root_path[:0]) else path
