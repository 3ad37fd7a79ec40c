"""A GET route serves HEAD too, and names both where it refuses another method."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from starlette.types import Message as Event

from poolhouse.rest.routes.get_route import GetRoute


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of an application with one such route."""
    router = APIRouter(route_class=GetRoute)

    @router.get("/items/{item}")
    async def item(item: int, request: Request) -> dict[str, object]:
        return {"item": item, "method": request.method}

    app = FastAPI()
    app.include_router(router)
    return TestClient(app)


def messages_of(app: FastAPI, method: str) -> list[Event]:
    """The messages of a response; a client would itself leave out the body of a response to HEAD."""
    sent: list[Event] = []

    async def receive() -> Event:
        return {"type": "http.request"}

    async def send(event: Event) -> None:
        sent.append(event)

    scope = {"type": "http", "method": method, "path": "/items/7", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent


def test_head_is_get_without_the_body(client: TestClient) -> None:
    """RFC 9110 section 9.3.2: the same status and headers, with the length of the body that is left out."""
    app = client.app
    assert isinstance(app, FastAPI)

    whole, head = messages_of(app, "GET"), messages_of(app, "HEAD")

    assert whole[1]["body"] == b'{"item":7,"method":"GET"}'
    assert head[0] == whole[0]
    assert dict(head[0]["headers"])[b"content-length"] == b"%d" % len(whole[1]["body"])
    assert [event["body"] for event in head[1:]] == [b""]


def test_an_error_of_head_is_that_of_get(client: TestClient) -> None:
    """Parameters are checked for HEAD, too."""
    assert client.head("/items/x").status_code == client.get("/items/x").status_code == 422


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_with_both(client: TestClient, method: str) -> None:
    """RFC 9110 section 15.5.6 requires Allow; without HEAD in it a cache would not ask with HEAD."""
    response = client.request(method, "/items/7")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


def test_the_document_has_no_head(client: TestClient) -> None:
    """Generated clients would get two operations with one name."""
    app = client.app
    assert isinstance(app, FastAPI)

    assert list(app.openapi()["paths"]["/items/{item}"]) == ["get"]
