"""Assemble the FastAPI application: routes, middleware and exception handlers.

A new route is a router in ``rest/routes`` and an entry of :data:`ROUTERS`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute, Route

from poolhouse import describe
from poolhouse.models import GENERIC, Models, read_presets
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.rest.auth.authorization import Authorization, authorization_of
from poolhouse.rest.cors import add_cors
from poolhouse.rest.dependencies import Service, bind_service
from poolhouse.rest.exception_handlers import add_exception_handlers
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.middleware import RequestMiddleware
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.observers import is_tracing_enabled, make_observers
from poolhouse.rest.observability.request_record import RequestObserver
from poolhouse.rest.observability.trace_control import TraceControl
from poolhouse.rest.openapi.document import complete_document
from poolhouse.rest.path_suggestions import PathSuggester
from poolhouse.rest.root_path import RootPathMiddleware, check_root_path
from poolhouse.rest.routes import docs, metrics, operators, page, plan, probes, status, trace
from poolhouse.rest.routes.handler_endpoint import HandlerEndpoint
from poolhouse.rest.routes.infer.format import InferFormat, model_of_path
from poolhouse.rest.routes.infer.head_plan import InferHeadPlan
from poolhouse.rest.routes.pool.handler import PoolHandler
from poolhouse.rest.routes.pool.head_plan import HeadPlan
from poolhouse.rest.routes.pool.tensor_format import TensorFormat
from poolhouse.rest.routes.poolings.format import PoolingsFormat
from poolhouse.rest.routes.poolings.head_plan import PoolingsHeadPlan
from poolhouse.rest.routes.v2 import (
    health,
    log_settings,
    model_cards,
    repository,
    server,
    shared_memory_regions,
    statistics,
    trace_settings,
)
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import SharedMemory
from poolhouse.version import __version__

POOL_PATH: Final = "/v1/pool/{operator}"
POOLINGS_PATH: Final = "/v1/pool"
INFER_PATH: Final = "/v2/models/{model}/infer"
VERSIONED_INFER_PATH: Final = "/v2/models/{model}/versions/{version}/infer"

_DESCRIPTION: Final = """\
Every pooling layer of PyTorch over HTTP, exact, in JSON and binary.

`Content-Type` gives the format of a request's body, and `Accept` the format of the response; without `Accept` the
response has the format of the request.
In JSON the operator's fields are members beside `input`. With a binary body they are query parameters, where a size is
`3` or `3,2`, a flag is `true` or `false`, and an unset axis of `output_size` is `null`.
A request that gives a field twice, or in two places, is refused.
Request bodies may be compressed with gzip, zstd or deflate; responses are compressed if `Accept-Encoding` names gzip or
zstd.

Every error is `application/problem+json` with a stable `code`. An unknown path returns 404 with similar paths, and a
wrong method 405 with `Allow`.
Every request is safe to repeat."""

_TAGS: Final = {
    "poolings": "Several poolings in one request.",
    "traces": "How each element of a small pooling was computed.",
    "catalogue": "Descriptions of the operators.",
    "inference": "The Open Inference Protocol (v2), for clients made for it or for Triton.",
    "inference_admin": "The protocol's functions for operations staff; changes need an API key with admin = true.",
    "platform": "For orchestrators and operations staff.",
    "document": "The OpenAPI document and the documentation page.",
}

ROUTERS: Final = (
    plan.router,
    trace.router,
    operators.router,
    server.router,
    health.router,
    # Before the models: /v2/models/stats is no model.
    statistics.router,
    model_cards.router,
    repository.router,
    trace_settings.reading_router,
    trace_settings.router,
    log_settings.reading_router,
    log_settings.router,
    shared_memory_regions.reading_router,
    shared_memory_regions.router,
    probes.router,
    metrics.router,
    status.router,
    docs.router,
    page.router,
)
"""The routers of all routes except pooling, which is an ASGI endpoint without FastAPI's overhead."""

ADMIN_ROUTERS: Final = (metrics.router, status.router)
"""Those that only the admin port serves if there is one."""


class App(FastAPI):
    """A FastAPI application whose OpenAPI document has the paths of each operator.

    Args:
        catalogue: the operators.
        routers: to include.
        options: for FastAPI.

    Attributes:
        service: the dependencies of the routes.
        pool_handler: handles the pooling route.
        infer_handler: handles the inference routes.
        poolings_handler: handles the route of several poolings.
        authorization: checks API keys; None if there are none.
        own_middleware: the number of middleware that :func:`create_app` has added.
    """

    service: Service
    pool_handler: PoolHandler[HeadPlan]
    infer_handler: PoolHandler[InferHeadPlan]
    poolings_handler: PoolHandler[PoolingsHeadPlan]
    authorization: Authorization | None = None
    own_middleware: int = 0

    def __init__(self, catalogue: Catalogue, routers: Sequence[APIRouter] = ROUTERS, **options: Any) -> None:
        # The documentation page groups operations by tag, so each family of operators has a tag.
        tags = {describe.tag(each): describe.tag_description(each) for each in catalogue} | _TAGS
        super().__init__(
            title="poolhouse",
            version=__version__,
            summary="Pooling as a service.",
            description=_DESCRIPTION,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_tags=[{"name": name, "description": description} for name, description in tags.items()],
            servers=[{"url": "/", "description": "This server."}],
            generate_unique_id_function=lambda route: route.name,
            # routes/docs serves it.
            openapi_url=None,
            redirect_slashes=False,
            # rest/observability covers the pooling route too.
            telemetry={"tracing": False, "metrics": False, "logs": False},
            **options,
        )
        self._catalogue = catalogue
        self._completed: dict[str, Any] | None = None
        for router in routers:
            self.include_router(router)

    @property
    def has_custom_middleware(self) -> bool:
        """Whether middleware was added after :func:`create_app`."""
        return len(self.user_middleware) > self.own_middleware

    def openapi(self) -> dict[str, Any]:
        """The document of all routes, including those added later; cached until FastAPI regenerates its own."""
        document = super().openapi()
        if document is not self._completed:
            document = self.openapi_schema = self._completed = complete_document(document, self._catalogue)
        return document


def openapi_document(catalogue: Catalogue | None = None) -> dict[str, Any]:
    """The OpenAPI document of a service without an admin port.

    Args:
        catalogue: the operators; None for all.
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
        pooling: None makes one from the settings; the application's lifespan starts and stops it.
        observers: of finished requests; None chooses them by the settings and the environment.

    Raises:
        ValueError: API keys or models cannot be read, tracing is not installed, or the root path starts like a path of
            the service. The message is for the person who starts the service.
    """
    settings = settings or Settings()
    pooling = pooling or PoolingService.from_settings(settings)
    metrics_collector, authorization = Metrics(pooling, nv_metrics=settings.nv_metrics), authorization_of(settings)
    trace_control = TraceControl(is_available=observers is None and is_tracing_enabled(os.environ))
    observers = make_observers(settings, os.environ, trace_control) if observers is None else observers
    accounting = Accounting(
        pooling, metrics_collector, authorization, observers, settings.root_path, settings.cors_origins
    )
    presets = {} if settings.models_file is None else read_presets(Path(settings.models_file))
    models = Models(pooling.catalogue, presets)
    shared_memory = SharedMemory(
        enabled=settings.shared_memory, max_input_bytes=settings.max_body_bytes, gpus=pooling.status.gpus()
    )
    metrics_collector.register_models(models.names)
    service = Service(settings, pooling, metrics_collector, accounting, models, shared_memory, trace_control)
    pool_handler = PoolHandler(pooling, TensorFormat(pooling, settings), metrics_collector)
    poolings_handler = PoolHandler(pooling, PoolingsFormat(pooling, settings), metrics_collector)
    infer_format = InferFormat(pooling, models, shared_memory, settings)
    infer_handler = PoolHandler(pooling, infer_format, metrics_collector)
    routers = [each for each in ROUTERS if settings.admin_port is None or each not in ADMIN_ROUTERS]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await pooling.start()
        try:
            yield
        finally:
            await pooling.stop(settings.grace_period_s)
            for observer in observers:
                observer.close()
            shared_memory.unregister_all()

    pool_route = Route(POOL_PATH, HandlerEndpoint(pool_handler, pooling, accounting), methods=["POST"])
    poolings_endpoint = HandlerEndpoint(poolings_handler, pooling, accounting, lambda _: GENERIC)
    poolings_route = Route(POOLINGS_PATH, poolings_endpoint, methods=["POST"])
    infer_endpoint = HandlerEndpoint(infer_handler, pooling, accounting, model_of_path)
    infer_routes = [Route(path, infer_endpoint, methods=["POST"]) for path in (INFER_PATH, VERSIONED_INFER_PATH)]
    app = App(
        pooling.catalogue,
        routers,
        routes=[pool_route, poolings_route, *infer_routes],
        dependencies=[Depends(bind_service(service))],
        lifespan=lifespan,
    )
    app.service, app.pool_handler, app.authorization = service, pool_handler, authorization
    app.infer_handler, app.poolings_handler = infer_handler, poolings_handler
    routes = [pool_route, poolings_route, *infer_routes, *(route for each in routers for route in each.routes)]
    check_root_path(settings.root_path, (route.path for route in routes if isinstance(route, Route)))
    install_request_handling(app, routes)
    if settings.cors_origins:
        # Outside of the request middleware, so that refusals get the headers too.
        add_cors(app, settings.cors_origins)
    if settings.root_path:
        app.add_middleware(RootPathMiddleware, settings.root_path)
    app.own_middleware = len(app.user_middleware)
    return app


def install_request_handling(app: App, routes: Sequence[BaseRoute]) -> None:
    """Add the request middleware and the exception handlers.

    Args:
        app: its ``service`` is set.
        routes: their paths are labels of metrics, and suggestions for unknown paths.
    """
    paths = {route.path: route.endpoint for route in routes if isinstance(route, Route)}
    service = app.service
    service.metrics.register_routes({endpoint: path for path, endpoint in paths.items()})
    suggestions = PathSuggester(
        paths, service.pooling.catalogue.names, service.models.names, service.models.compared_names
    )
    add_exception_handlers(app, suggestions, service.accounting)
    app.add_middleware(RequestMiddleware, service.accounting, service.metrics)
