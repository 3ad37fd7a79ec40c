"""The root path: the prefix under which a proxy serves the service, whether the proxy strips it or not.

nginx strips it if ``proxy_pass`` ends in a slash, Traefik does with ``stripPrefix``, and a Kubernetes ingress keeps it.
A request does not say which, so both are accepted: the prefix is removed if the path starts with it. This is
unambiguous as long as no path of the service itself starts with the root path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr

from starlette.types import ASGIApp, Receive, Scope, Send


def check_root_path(root_path: str, paths: Iterable[str]) -> None:
    """Refuse a root path that starts like a path of the service.

    Args:
        root_path: from the settings; empty for none.
        paths: of the service's routes.

    Raises:
        ValueError: the message names the conflicting path.
    """
    first = root_path.split("/")[1:2]
    for path in paths:
        if first and path.split("/")[1:2] == first:
            raise ValueError(f"root_path {root_path} starts like the service's own path {path}; use another one")


class RootPathMiddleware:
    """Sets ``path`` and ``root_path`` of each request as ASGI specifies: the path starts with the root path.

    Args:
        app: the application.
        root_path: from the settings, not empty.
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
    """Set the root path of a request.

    Args:
        scope: of HTTP; the server may have prepended the root path already.
        root_path: from the settings, not empty.
    """
    server_root_path: str = scope.get("root_path", "")
    if server_root_path not in ("", root_path):
        # Another server, such as Ray Serve, mounts the application at a path of its own.
        return
    scope["root_path"] = root_path
    scope["path"] = root_path + _strip_root_path(root_path, scope["path"].removeprefix(server_root_path))
    if "raw_path" in scope:
        raw = root_path.encode("ascii")
        path = scope["raw_path"].removeprefix(server_root_path.encode("ascii"))
        scope["raw_path"] = raw + _strip_root_path(raw, path)


def _strip_root_path(root_path: AnyStr, path: AnyStr) -> AnyStr:
    stripped = path.removeprefix(root_path)
    slash = root_path[:1]
    # "/pools" is not below "/pool"; "/pool" itself is the start page.
    return (stripped or slash) if stripped[:1] in (slash, root_path[:0]) else path
