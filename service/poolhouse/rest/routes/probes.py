"""What the platform asks: alive, ready, which version."""

from __future__ import annotations

import sys
from importlib import metadata

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from poolhouse.pooling import Pooling
from poolhouse.rest.answers import send_json
from poolhouse.version import __version__

_FRESH = (("cache-control", "no-store"),)


class Livez:
    """``GET /livez``: the event loop turns. A lost device is no reason for a restart."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200."""
        await send_json(scope, send, {"status": "alive"}, _FRESH)


class Readyz:
    """``GET /readyz``: requests can be served now."""

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 with the devices, or raise Unavailable with the state as its code."""
        self._pooling.check_ready()
        await send_json(scope, send, {"status": "ready", "devices": self._pooling.devices()}, _FRESH)


class Version:
    """``GET /version``: what runs here."""

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling
        self._versions = {
            "name": "poolhouse",
            "version": __version__,
            "python": ".".join(str(part) for part in sys.version_info[:3]),
            "torch": metadata.version("torch"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200."""
        await send_json(scope, send, {**self._versions, "devices": self._pooling.devices()}, _FRESH)


def probe_routes(pooling: Pooling) -> list[BaseRoute]:
    """What orchestrators and load balancers ask."""
    return [
        Route("/livez", Livez(), methods=["GET"]),
        Route("/readyz", Readyz(pooling), methods=["GET"]),
    ]


def version_route(pooling: Pooling) -> BaseRoute:
    """What people ask who look after it."""
    return Route("/version", Version(pooling), methods=["GET"])
