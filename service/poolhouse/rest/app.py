"""The application: which routes there are, and what stands around them. Wiring only."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute, Route

from poolhouse import describe
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.rest.auth.authorization import Authorization, authorization_of
from poolhouse.rest.cors import add_cors
from poolhouse.rest.dependencies import Service, bind_service
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.middleware import RequestMiddleware
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.observers import make_observers as chosen_observers
from poolhouse.rest.observability.request_record import RequestObserver
from poolhouse.rest.openapi.document import complete_document
from poolhouse.rest.root_path import RootPathMiddleware, check_root_path
from poolhouse.rest.routes import docs, metrics, operators, plan, probes
from poolhouse.rest.routes.handler_endpoint import HandlerEndpoint
from poolhouse.rest.routes.pool import PoolHandler
from poolhouse.rest.routes.refusals import add_exception_handlers
from poolhouse.rest.routes.suggestions import PathSuggester
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.version import __version__

POOL_PATH: Final = "/v1/pool/{operator}"

_DESCRIPTION: Final = """\
Every pooling layer of PyTorch over HTTP, exact, in JSON and binary.

A request's `Content-Type` says what its body is, `Accept` what the answer shall be; without `Accept` the answer
mirrors the request.
In JSON the fields of the spec stand beside `input`; with a binary body they stand in the query string, where a size
is `3` or `3,2`, a flag is `true` or `false` and an unset axis of `output_size` is `null`.
A field given twice, or in two places, is refused.
Requests may be compressed with gzip or zstd, and answers are where `Accept-Encoding` asks.

Every refusal is `application/problem+json` with a stable `code`; paths that do not exist are answered 404 with the
nearest names, and wrong methods 405 with `Allow`.
Every call is safe to repeat."""

_TAGS: Final = {
    "catalogue": "What the operators take and give.",
    "platform": "For orchestrators and people who operate the service.",
    "document": "This document and its page.",
}

ROUTERS: Final = (plan.router, operators.router, probes.router, metrics.router, docs.router)
"""All routes but that of pooling, which is no route of FastAPI's."""


class App(FastAPI):
    """FastAPI's application, with the paths of the operators in its document.

    Args:
        catalogue: the operators.
        routers: what is included; the document tells of no other routes.
        options: FastAPI's own.

    Attributes:
        service: what the routes serve with.
        pool: answers the route of pooling.
        authorization: the API keys, where there are some.
        own_middleware: how much of its middleware is ours.
    """

    service: Service
    pool_handler: PoolHandler
    authorization: Authorization | None = None
    own_middleware: int = 0

    def __init__(self, catalogue: Catalogue, routers: Sequence[APIRouter] = ROUTERS, **options: Any) -> None:
        # A page lists and filters operations by their tags, so each family of operators has one.
        tags = {each.family: describe.summary(each) for each in catalogue} | _TAGS
        super().__init__(
            title="poolhouse",
            version=__version__,
            summary="Pooling as a service.",
            description=_DESCRIPTION,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_tags=[{"name": name, "description": words} for name, words in tags.items()],
            servers=[{"url": "/", "description": "Where this document came from."}],
            generate_unique_id_function=lambda route: route.name,
            # Of our own: see routes/docs.
            openapi_url=None,
            redirect_slashes=False,
            # Ours tells of pooling too: see tracing.
            telemetry={"tracing": False, "metrics": False, "logs": False},
            **options,
        )
        self._catalogue = catalogue
        self._completed: dict[str, Any] | None = None
        for router in routers:
            self.include_router(router)

    @property
    def has_custom_middleware(self) -> bool:
        """Whether somebody has added middleware to ours."""
        return len(self.user_middleware) > self.own_middleware

    def openapi(self) -> dict[str, Any]:
        """The document of all routes, those too that were added to ours; made once for them."""
        document = super().openapi()
        if document is not self._completed:
            document = self.openapi_schema = self._completed = complete_document(document, self._catalogue)
        return document


def openapi_document(catalogue: Catalogue | None = None) -> dict[str, Any]:
    """The document of a service that has everything on one port.

    Args:
        catalogue: the operators; None takes all that are declared.
    """
    return App(discover() if catalogue is None else catalogue).openapi()


def create_app(
    settings: Settings | None = None,
    pooling: PoolingService | None = None,
    observers: Sequence[RequestObserver] | None = None,
) -> App:
    """The service as a FastAPI application.

    Args:
        settings: None reads the environment.
        pooling: None makes one from the settings; it is started and stopped with the application.
        observers: told of every request that is over; None chooses by the settings and the environment.

    Raises:
        ValueError: where API keys cannot be read, traces not be made, or the root path begins like a path of ours; its
            words are for whoever starts the service.
    """
    settings = settings or Settings()
    pooling = pooling or PoolingService.from_settings(settings)
    counted, authorization = Metrics(pooling), authorization_of(settings)
    observers = chosen_observers(settings, os.environ) if observers is None else observers
    accounting = Accounting(pooling, counted, authorization, observers)
    service = Service(settings, pooling, counted, accounting)
    pool = PoolHandler(pooling, settings, counted)
    routers = ROUTERS if settings.admin_port is None else [each for each in ROUTERS if each is not metrics.router]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        docs.preload(app, settings.root_path)
        await pooling.start()
        try:
            yield
        finally:
            await pooling.stop(settings.grace_period_s)
            for observer in observers:
                observer.close()

    hot = Route(POOL_PATH, HandlerEndpoint(pool, pooling, accounting), methods=["POST"])
    app = App(
        pooling.catalogue,
        routers,
        routes=[hot],
        dependencies=[Depends(bind_service(service))],
        lifespan=lifespan,
    )
    app.service, app.pool_handler, app.authorization = service, pool, authorization
    routes = [hot, *(route for each in routers for route in each.routes)]
    check_root_path(settings.root_path, (route.path for route in routes if isinstance(route, Route)))
    install_request_handling(app, routes)
    if settings.cors_origins:
        # Around it, so that refusals carry it too.
        add_cors(app, settings.cors_origins)
    if settings.root_path:
        app.add_middleware(RootPathMiddleware, settings.root_path)
    app.own_middleware = len(app.user_middleware)
    return app


def install_request_handling(app: App, routes: Sequence[BaseRoute]) -> None:
    """Put around the routes what every request passes, and have refusals written as problem documents.

    Args:
        app: with its service.
        routes: known by their paths to the metrics and to the suggestions.
    """
    paths = {route.path: route.endpoint for route in routes if isinstance(route, Route)}
    service = app.service
    service.metrics.register_routes({endpoint: path for path, endpoint in paths.items()})
    suggestions = PathSuggester(paths, service.pooling.catalogue.names)
    add_exception_handlers(app, suggestions, service.accounting)
    app.add_middleware(RequestMiddleware, service.accounting, service.metrics)
