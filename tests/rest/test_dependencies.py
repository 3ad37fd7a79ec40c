"""The dependencies of routes: the service of the including application, the headers, and the key."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from poolhouse.errors import Unauthorized
from poolhouse.rest.auth.authorization import Authorization
from poolhouse.rest.auth.keys import Keyring
from poolhouse.rest.dependencies import (
    Service,
    bind_service,
    get_headers,
    get_pooling,
    get_service,
    require_key,
    set_no_store,
)
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import HEADERS_KEY, Headers

router = APIRouter()


@router.get("/who", dependencies=[Depends(set_no_store)])
async def who(
    service: Annotated[Any, Depends(get_service)], pooling: Annotated[Any, Depends(get_pooling)]
) -> list[str]:
    """The name of the service."""
    return [service.settings, pooling.name]


@router.get("/headers")
async def headers_of(headers: Annotated[Headers, Depends(get_headers)]) -> str:
    """One header."""
    return headers.get(b"x-mine", b"").decode()


@router.get("/keyed", dependencies=[Depends(require_key)])
async def keyed() -> str:
    """A route that needs a key."""
    return "served"


def app_of(name: str, authorization: Authorization | None = None) -> FastAPI:
    """An application with its own service, which includes the router."""
    pooling: Any = SimpleNamespace(name=name, admission=SimpleNamespace(is_draining=False))
    metrics: Any = SimpleNamespace(route_of=lambda scope: "", record_response=lambda *counted: None)
    settings: Any = name
    accounting, unused = Accounting(pooling, metrics, authorization), cast(Any, None)
    service = Service(settings, pooling, metrics, accounting, unused, unused, unused)
    app = FastAPI(dependencies=[Depends(bind_service(service))])
    app.include_router(router)
    return app


def test_a_router_uses_the_service_of_the_application_that_includes_it() -> None:
    """Two applications in one process share the routers, and must not share a service."""
    first, second = TestClient(app_of("first")), TestClient(app_of("second"))

    response = first.get("/who")

    assert response.json() == ["first", "first"]
    assert second.get("/who").json() == ["second", "second"]
    assert first.get("/who").json() == ["first", "first"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("is_parsed", [True, False])
def test_headers_are_those_of_the_middleware_or_parsed_here(is_parsed: bool) -> None:
    """An application that includes our routers has none of our middleware."""
    app: ASGIApp = app_of("any")

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if is_parsed:
            scope[HEADERS_KEY] = {b"x-mine": b"parsed before"}
        await app(scope, receive, send)

    response = TestClient(middleware).get("/headers", headers=[("X-Mine", "a"), ("X-Mine", "b")])

    assert response.json() == ("parsed before" if is_parsed else "a, b")


def test_a_key_is_required_only_if_the_service_has_keys() -> None:
    """The documented scheme alone would let every request pass."""
    locked = TestClient(app_of("locked", Authorization(lambda: Keyring(()))))

    assert TestClient(app_of("open")).get("/keyed").json() == "served"
    for headers in ({}, {"Authorization": "Basic xyz"}, {"Authorization": "Bearer unknown"}):
        with pytest.raises(Unauthorized):
            locked.get("/keyed", headers=headers)
    scheme = app_of("any").openapi()["components"]["securitySchemes"]
    assert scheme["key"]["scheme"] == "bearer"
