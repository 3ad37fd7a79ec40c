"""Every exception of a route becomes a problem document, also of a route that is not ours. There is no socket."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from poolhouse.errors import MAX_PROBLEMS, Unauthorized, Unavailable
from poolhouse.rest.auth.authorization import Authorization
from poolhouse.rest.exception_handlers import ProblemResponse, add_exception_handlers
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.problems import MEDIA_TYPE, render_problem
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.path_suggestions import PathSuggester
from poolhouse.service import PoolingService


class Rows(BaseModel):
    """The body of a route."""

    rows: list[int]


@pytest.fixture
def refused_codes() -> list[str]:
    """The codes of the counted refusals."""
    return []


def make_client(refused_codes: list[str], authorization: Authorization | None = None) -> TestClient:
    """A client of an application whose routes fail."""
    app = FastAPI(redirect_slashes=False)

    @app.api_route("/busy", methods=["GET", "HEAD"])
    def busy() -> None:
        raise Unavailable("overloaded", "too many requests", retry_after_s=7)

    @app.get("/denied")
    def denied() -> None:
        raise Unauthorized("missing_key", "no key", headers={"WWW-Authenticate": "Bearer"})

    @app.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Spout": "here"})

    @app.get("/items/{item}")
    def item(item: str) -> None:
        raise HTTPException(404, f"there is no item {item}")

    @app.post("/rows")
    def rows(body: Rows) -> None: ...

    # The handlers count refusals, and read nothing else from the service.
    pooling = cast("PoolingService", SimpleNamespace(admission=SimpleNamespace(is_draining=False)))
    metrics = cast("Metrics", SimpleNamespace(record_refusal=refused_codes.append))
    accounting = Accounting(pooling, metrics, authorization)
    add_exception_handlers(app, PathSuggester(["/busy", "/rows", "/v1/pool/{operator}"], ["max_pool2d"]), accounting)
    return TestClient(app)


@pytest.fixture
def client(refused_codes: list[str]) -> TestClient:
    """A client of the application without API keys."""
    return make_client(refused_codes)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "header"),
    [
        ("GET", "/busy", 503, "overloaded", ("Retry-After", "7")),
        ("GET", "/denied", 401, "missing_key", ("WWW-Authenticate", "Bearer")),
        ("PUT", "/busy", 405, "method_not_allowed", ("Allow", "GET, HEAD")),
        ("GET", "/bussy", 404, "unknown_path", ("Cache-Control", "no-store")),
        ("POST", "/rows", 422, "invalid_fields", ("Cache-Control", "no-store")),
    ],
)
def test_a_refusal_is_a_counted_problem_document(
    client: TestClient,
    refused_codes: list[str],
    method: str,
    path: str,
    status: int,
    code: str,
    header: tuple[str, str],
) -> None:
    """A client needs one parser for the refusals of routes, of the router, and of FastAPI's validation."""
    response = client.request(method, path, headers={"X-Request-ID": "abc"})

    document = response.json()
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert (response.status_code, document["status"]) == (status, status)
    assert (document["code"], document["instance"], document["request_id"]) == (code, path, "abc")
    assert response.headers[header[0]] == header[1]
    assert refused_codes == [code]


def test_the_response_to_head_has_the_headers_of_get_and_no_body() -> None:
    """A body would be read as the next response."""
    problem = render_problem(Unavailable("overloaded", "d", retry_after_s=7), instance="/busy", request_id="abc")

    got, head = ProblemResponse(problem), ProblemResponse(problem, "HEAD")

    assert (got.body, head.body) == (problem.body, b"")
    assert head.status_code == got.status_code == 503
    assert head.raw_headers == got.raw_headers
    assert int(head.headers["Content-Length"]) == len(problem.body)


@pytest.mark.parametrize(
    ("path", "status", "title", "detail"),
    [
        ("/teapot", 418, "I'm a Teapot", "short and stout"),
        ("/items/7", 404, "Not Found", "there is no item 7"),
    ],
)
def test_the_text_of_an_added_route_is_kept(
    client: TestClient, refused_codes: list[str], path: str, status: int, title: str, detail: str
) -> None:
    """Its 404 is about its own data, and is no unknown path."""
    response = client.get(path, headers={"X-Request-ID": "abc"})

    assert response.status_code == status
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.get("X-Spout") == ("here" if path == "/teapot" else None)
    assert response.json() == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
        "request_id": "abc",
    }
    assert refused_codes == []


def test_invalid_fields_are_named_up_to_a_bound(client: TestClient) -> None:
    """A request with thousands of wrong fields must not get a response of megabytes."""
    few = client.post("/rows", json={"rows": [1, "a"]}).json()
    many = client.post("/rows", json={"rows": ["a"] * 1000}).json()

    assert [each["pointer"] for each in few["errors"]] == ["/body/rows/1"]
    assert few["detail"] == f"/body/rows/1: {few['errors'][0]['message']}"
    assert len(many["errors"]) == MAX_PROBLEMS
    assert many["detail"].count("/body/rows/") == MAX_PROBLEMS


def test_paths_are_suggested_only_if_the_client_may_see_them(refused_codes: list[str]) -> None:
    """With API keys configured, a client without one must not learn the paths."""
    open_to_all = make_client(refused_codes).get("/bussy").json()
    with_keys = make_client(refused_codes, cast("Authorization", SimpleNamespace())).get("/bussy").json()

    assert "Nearest: /busy." in open_to_all["detail"]
    assert "/busy." not in with_keys["detail"]
    assert "/openapi.json" in with_keys["detail"]
