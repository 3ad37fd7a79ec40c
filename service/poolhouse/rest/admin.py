"""The application of the admin port: what the platform asks, apart from what callers ask.

With an admin port set, ``/metrics`` and ``/version`` are found there alone; the probes are in both places, since a load
balancer asks the port that it sends callers to. No key is asked for: who may reach the port is for the network to say.
"""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from poolhouse.pooling import Pooling
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.middleware import Frame
from poolhouse.rest.routes import probes
from poolhouse.rest.routes.suggestions import Signpost


def routes(pooling: Pooling, metrics: Metrics) -> list[BaseRoute]:
    """What tells of the service and its callers."""
    return [probes.version_route(pooling), Route("/metrics", metrics, methods=["GET"])]


def admin_app(pooling: Pooling, metrics: Metrics) -> ASGIApp:
    """The application of the admin port. It has no lifespan of its own: it lives as long as the service beside it."""
    router = Router([*probes.probe_routes(pooling), *routes(pooling, metrics)], redirect_slashes=False)
    endpoints = {route.path: route.endpoint for route in router.routes if isinstance(route, Route)}
    metrics.know({endpoint: path for path, endpoint in endpoints.items()})

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        # Without an application in the scope the router refuses in its own words.
        scope["app"] = router
        await router(scope, receive, send)

    return Frame(routed, Signpost(list(endpoints), ()), pooling, metrics)
