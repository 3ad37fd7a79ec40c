"""The application: which route leads where. Wiring only."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from poolhouse.pooling import Pooling
from poolhouse.rest import admin
from poolhouse.rest.authorization import Authorization, authorization_of
from poolhouse.rest.cors import cors
from poolhouse.rest.door import Door, Needs
from poolhouse.rest.express import Express
from poolhouse.rest.finished import Observer
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.middleware import Frame
from poolhouse.rest.observing import observers as chosen_observers
from poolhouse.rest.openapi.document import document
from poolhouse.rest.pool import PoolEndpoint
from poolhouse.rest.root_path import check_root_path, place_below
from poolhouse.rest.routes import docs, operators, probes
from poolhouse.rest.routes.plan import PlanEndpoint
from poolhouse.rest.routes.suggestions import Signpost
from poolhouse.settings import Settings
from poolhouse.version import __version__

_POOL: Final = "/v1/pool/"


class App(FastAPI):
    """FastAPI with our one middleware in place of its own five.

    Theirs answer errors in their own words, and every request would pay for all of them.
    Routes are plain ASGI; a FastAPI-decorated route would need their stack.
    """

    def __init__(
        self,
        settings: Settings,
        pooling: Pooling,
        metrics: Metrics,
        authorization: Authorization | None,
        observers: Sequence[Observer],
        needs: Needs,
        routes: list[BaseRoute],
    ) -> None:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            await pooling.start()
            try:
                yield
            finally:
                await pooling.stop(settings.grace_period_s)
                for observer in observers:
                    observer.close()

        super().__init__(
            title="poolhouse",
            version=__version__,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=lifespan,
        )
        self._settings = settings
        self.pooling = pooling
        self.metrics = metrics
        self.authorization = authorization
        self._observers = observers
        # Who is turned away at the door is seen by nobody else: not by an observer, by no key, by no page.
        unseen = not observers and authorization is None and not settings.cors_origins and not settings.root_path
        self.door = Door(pooling, needs, metrics) if unseen else None
        self.router.routes[:] = routes
        check_root_path(settings.root_path, (route.path for route in routes if isinstance(route, Route)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan. FastAPI's own reads the environment three times a request."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        if self._settings.root_path and scope["type"] == "http":
            place_below(scope, self._settings.root_path)
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Our middleware around the routes; CORS around it where it is on, so that refusals carry it too."""
        endpoints = {route.path: route.endpoint for route in self.router.routes if isinstance(route, Route)}
        self.metrics.know({endpoint: path for path, endpoint in endpoints.items()})
        # As the caller sees them, behind the proxy.
        seen = [self._settings.root_path + path for path in endpoints]
        signpost = Signpost(seen, self.pooling.catalogue.names)
        express = Express(_POOL, "operator", endpoints[_POOL + "{operator}"], self.router)
        frame = Frame(express, signpost, self.pooling, self.metrics, self.authorization, self._observers)
        return cors(frame, self._settings.cors_origins)


def create_app(
    settings: Settings | None = None, pooling: Pooling | None = None, observers: Sequence[Observer] | None = None
) -> App:
    """The service as an ASGI application.

    Args:
        settings: None reads the environment.
        pooling: None makes one from the settings; it is started and stopped with the application.
        observers: told of every request that is over; None chooses by the settings and the environment.

    Raises:
        ValueError: where API keys cannot be read, traces not be made, or the root path begins like a path of ours; its
            words are for whoever starts the service.
    """
    settings = settings or Settings()
    pooling = pooling or Pooling.from_settings(settings)
    metrics, needs = Metrics(pooling), Needs()
    return App(
        settings,
        pooling,
        metrics,
        authorization_of(settings),
        chosen_observers(settings, os.environ) if observers is None else observers,
        needs,
        [
            # Routes are tried in this order: the hot ones come first.
            Route(_POOL + "{operator}", PoolEndpoint(pooling, settings, metrics, needs), methods=["POST"]),
            Route("/v1/plan/{operator}", PlanEndpoint(pooling, settings, metrics), methods=["POST"]),
            *operators.routes(pooling),
            *probes.probe_routes(pooling),
            *(admin.routes(pooling, metrics) if settings.admin_port is None else ()),
            *docs.routes(document(pooling.catalogue, settings.root_path), settings.root_path),
        ],
    )
