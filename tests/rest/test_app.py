"""The application behaves like any FastAPI application, also with routes, middleware and dependencies added by its
users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import App, create_app
from poolhouse.rest.auth.authorization import PUBLIC_PATHS
from poolhouse.rest.dependencies import get_pooling
from poolhouse.rest.observability.tracing import Tracing
from poolhouse.settings import Settings
from tests.rest.http.test_problems import KEYS
from tests.rest.live_server import IMAGE, POOL, run_live_server
from tests.served_document import served_document

KEY = "correct-horse-battery"
PLAN = {"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2}


@pytest.fixture
def app() -> App:
    """The application without additions."""
    return create_app(Settings.model_validate({"device": "cpu", "port": 0}))


class Wish(BaseModel):
    """The body of an added route."""

    rows: int


def extra_router() -> APIRouter:
    """Routes added to the application, as FastAPI's documentation shows."""
    router = APIRouter(prefix="/mine")

    @router.post("/wish")
    async def wish(wish: Wish) -> Wish:
        return wish

    @router.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Spout": "here"})

    @router.get("/items/{item}")
    async def item(item: int) -> int:
        raise HTTPException(404, f"no item {item}")

    return router


def test_fastapis_test_client_works(app: App) -> None:
    """The lifespan starts and stops the pooling service; pooling, planning and pages need no server."""
    with TestClient(app) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        pooled = client.post(POOL, json={"input": IMAGE, "kernel_size": 2})
        assert pooled.json()["output"]["data"] == [[[[6.0, 8.0], [14.0, 16.0]]]]
        assert client.post("/v1/plan/max_pool2d", json=PLAN).json()["planes"] == 1
        assert client.head("/docs").headers["content-length"] == str(len(client.get("/docs").content))


def test_its_routes_and_urls_can_be_looked_up(app: App) -> None:
    """Tools list the routes of an application, and templates look up URLs by route name."""
    paths = [route.path for route in iter_route_contexts(app.routes)]

    assert {"/v1/pool/{operator}", "/v1/plan/{operator}", "/v1/operators", "/livez", "/docs"} <= set(paths)
    assert app.url_path_for("describe_operator", operator="max_pool2d") == "/v1/operators/max_pool2d"
    assert app.url_path_for("livez") == "/livez"


def test_the_document_has_all_included_routes(app: App) -> None:
    """Routes that are included later are in the document too, and one page shows both."""
    assert app.openapi() == served_document()
    assert app.openapi() is app.openapi()

    app.include_router(extra_router())
    with TestClient(app) as client:
        served = client.get("/openapi.json").json()

    added = {"/mine/wish", "/mine/teapot", "/mine/items/{item}"}
    assert set(served["paths"]) == set(served_document()["paths"]) | added
    assert served["paths"]["/mine/wish"]["post"]["responses"]["422"] == {"$ref": "#/components/responses/Unprocessable"}
    assert "Wish" in served["components"]["schemas"]


def test_routes_of_the_admin_port_are_not_in_the_document() -> None:
    """A document with a path that is not served breaks every generated client."""
    public = create_app(Settings.model_validate({"device": "cpu", "admin_port": 0})).openapi()

    assert set(served_document()["paths"]) - set(public["paths"]) == {"/metrics", "/version", "/status"}


def test_a_dependency_can_be_overridden(app: App) -> None:
    """FastAPI's users replace slow or remote parts with test doubles this way."""

    class UnreadyStatus:
        def check_ready(self) -> None:
            raise HTTPException(503, "not today")

    class UnreadyService:
        status = UnreadyStatus()

    app.dependency_overrides[get_pooling] = UnreadyService
    with TestClient(app) as client:
        reply = client.get("/readyz")

    assert (reply.status_code, reply.json()["detail"]) == (503, "not today")


def check_extra_routes(client: TestClient) -> None:
    """The routes of :func:`extra_router` are served, and their errors have the same form as ours."""
    assert client.post("/mine/wish", json={"rows": 2}).json() == {"rows": 2}
    wrong = client.post("/mine/wish", json={"rows": "two"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_fields")
    assert wrong.json()["errors"][0]["pointer"] == "/body/rows"
    unread = client.post("/mine/wish", content=b"{", headers={"Content-Type": "application/json"})
    assert unread.status_code == 422
    teapot = client.get("/mine/teapot")
    assert (teapot.status_code, teapot.json()["detail"]) == (418, "short and stout")
    assert teapot.headers["x-spout"] == "here"
    assert client.get("/mine/items/3").json()["detail"] == "no item 3"
    for reply in (wrong, unread, teapot, client.get("/mine/items/3"), client.get("/mine/items/x")):
        assert reply.headers["content-type"] == "application/problem+json"
        assert set(reply.json()) - {"errors"} <= set(KEYS)
        assert reply.headers["x-request-id"] == reply.json()["request_id"]
    assert client.get("/mine/nothing").json()["code"] == "unknown_path"
    assert client.delete("/mine/wish").headers["allow"] == "POST"


def test_a_router_can_be_included(app: App) -> None:
    """Added routes are served, with FastAPI's validation, and their errors have the form of all others."""
    app.include_router(extra_router())

    with TestClient(app) as client:
        check_extra_routes(client)


def test_an_added_router_works_on_our_server(app: App) -> None:
    """The server has shortcuts around ASGI, and must still do for other routes what ASGI specifies."""
    app.include_router(extra_router())

    with run_live_server(app.service.settings, app=app) as server, server.client() as client:
        check_extra_routes(client)  # type: ignore[arg-type]  # a TestClient is an httpx.Client


class Sold(Exception):
    """Raised by an added route."""


def add_middleware(app: App) -> None:
    """Add middleware, an exception handler and a streaming route, as FastAPI's documentation shows."""

    async def sold(request: Request, error: Exception) -> Response:
        return Response("sold out", 410)

    @app.middleware("http")
    async def mark(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["X-Marked"] = "yes"
        return response

    @app.get("/mine/prepared")
    async def prepared() -> None:
        raise Sold

    @app.get("/mine/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["one ", "two"]))

    app.add_exception_handler(Sold, sold)


def check_middleware(client: TestClient) -> None:
    """The added middleware applies to all responses, including those of pooling."""
    replies = [client.get(path) for path in ("/mine/prepared", "/livez", "/nope", "/mine/stream")]
    replies += [client.post(POOL, json={"input": IMAGE, "kernel_size": size}) for size in (2, 0)]

    assert [reply.status_code for reply in replies] == [410, 200, 404, 200, 200, 422]
    assert replies[3].text == "one two"
    assert {reply.headers["x-marked"] for reply in replies} == {"yes"}


def test_middleware_and_handlers_can_be_added(app: App) -> None:
    """A custom build usually adds these two first."""
    add_middleware(app)

    with TestClient(app) as client:
        check_middleware(client)


def test_added_middleware_applies_to_every_request_of_our_server(app: App) -> None:
    """The server passes pooling requests directly to their handler, but not if that would bypass added middleware."""
    add_middleware(app)

    with run_live_server(app.service.settings, app=app) as server, server.client() as client:
        check_middleware(client)  # type: ignore[arg-type]  # a TestClient is an httpx.Client


def including_app(app: App, **options: Any) -> FastAPI:
    """Another application that includes our routes under a prefix."""
    other = FastAPI(title="theirs")
    for error, handler in app.exception_handlers.items():
        other.add_exception_handler(error, handler)
    other.include_router(app.router, prefix="/pooling", **options)
    return other


def test_our_routes_can_be_included_in_another_application(app: App) -> None:
    """An existing application may include our routes under a prefix, with its own dependencies."""
    seen: list[str] = []

    async def note(request: Request) -> None:
        seen.append(request.url.path)

    with TestClient(including_app(app, dependencies=[Depends(note)])) as client:
        assert client.get("/pooling/readyz").json()["status"] == "ready"
        assert client.get("/pooling/v1/operators/max_pool2d").json() == describe.operator_card(
            discover().find("max_pool2d")
        )
        assert client.post("/pooling/v1/plan/max_pool2d", json=PLAN).json()["planes"] == 1
        pooled = client.post(f"/pooling{POOL}", json={"input": IMAGE, "kernel_size": 2}).json()
        refused = client.post("/pooling/v1/plan/max_pol2d", json=PLAN)
        drawn = client.get("/openapi.json").json()

    assert pooled["output"]["data"] == [[[[6.0, 8.0], [14.0, 16.0]]]]
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_operator")
    assert "/pooling/v1/plan/{operator}" in drawn["paths"]
    assert seen[0] == "/pooling/readyz"


def test_routes_included_elsewhere_still_need_keys() -> None:
    """Our middleware is not part of that application, and the routes must still require a key."""
    app = create_app(Settings.model_validate({"device": "cpu", "api_keys": f"a={KEY}"}))
    calls = [
        ("GET", "/pooling/v1/operators", None),
        ("GET", "/pooling/metrics", None),
        ("POST", "/pooling/v1/plan/max_pool2d", PLAN),
        ("POST", f"/pooling{POOL}", {"input": IMAGE, "kernel_size": 2}),
    ]

    with TestClient(including_app(app)) as client:
        without = [client.request(method, path, json=body) for method, path, body in calls]
        client.headers["Authorization"] = f"Bearer {KEY}"
        with_key = [client.request(method, path, json=body) for method, path, body in calls]
        counted = client.get("/pooling/metrics").text

        assert client.get("/pooling/livez", headers={"Authorization": ""}).status_code == 200

    assert {(reply.status_code, reply.json()["code"]) for reply in without} == {(401, "missing_key")}
    assert {reply.status_code for reply in with_key} == {200}
    assert 'poolhouse_key_requests_total{key="a"} 4.0' in counted


def test_it_can_be_mounted_below_a_path(app: App) -> None:
    """The other way to combine applications: mounted whole, with its own document and error handlers."""

    @asynccontextmanager
    async def lifespan(other: FastAPI) -> AsyncIterator[None]:
        # As always in Starlette, the outer application starts the lifespan of the mounted one.
        async with app.router.lifespan_context(app):
            yield

    other = FastAPI(lifespan=lifespan)
    other.mount("/pooling", app)

    with TestClient(other) as client:
        pooled = client.post(f"/pooling{POOL}", json={"input": IMAGE, "kernel_size": 2})
        assert pooled.json()["output"]["shape"] == [1, 1, 2, 2]
        assert client.post("/pooling/v1/plan/max_pool2d", json=PLAN).status_code == 200
        assert client.get("/pooling/").json()["links"]["docs"] == "/pooling/docs"
        assert client.get("/pooling/openapi.json").json()["servers"][0]["url"] == "/pooling"
        lost = client.get("/pooling/health").json()
        assert "Did you mean /pooling/livez (alive) or /pooling/readyz (ready)?" in lost["detail"]
        assert lost["instance"] == "/pooling/health"
        assert client.delete("/pooling/livez").headers["allow"] == "GET, HEAD"


def test_public_paths_agree_with_the_document() -> None:
    """One list is enforced and the other is published; a path in only one of them is a security hole or a wrong
    document."""
    opened = {
        path
        for path, methods in served_document()["paths"].items()
        for each in methods.values()
        if each.get("security") == []
    }

    assert opened == PUBLIC_PATHS - {"/"}


def test_a_request_is_traced_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI creates spans of its own if OpenTelemetry is configured: each request would be traced twice."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    settings = Settings.model_validate({"device": "cpu"})

    with TestClient(create_app(settings, observers=[Tracing(provider)])) as client:
        client.get("/v1/operators")

    assert [span.name for span in exporter.get_finished_spans()] == ["GET /v1/operators"]
