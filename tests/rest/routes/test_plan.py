"""Plans of requests from their metadata: the same refusals as for pooling, and no elements either way."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message as Event

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import App, create_app
from poolhouse.rest.routes.plan import Plan
from poolhouse.settings import Settings

NPY = "application/x-npy"
JSON = "application/json"
PATH = "/v1/plan/max_pool2d"
SHAPE = {"shape": [1, 1, 4, 4]}


@pytest.fixture(scope="module")
def app() -> App:
    """An application that is not started, since a plan needs no device."""
    return create_app(Settings.model_validate({"device": "cpu"}))


@pytest.fixture(scope="module")
def client(app: App) -> TestClient:
    """A client of it."""
    return TestClient(app)


def test_a_plan_needs_no_elements(client: TestClient) -> None:
    """A client can request the shapes before it builds the tensor."""
    body = {"input": {"shape": [8, 64, 112, 112], "dtype": "float32"}, "kernel_size": 3, "stride": 2}

    response = client.post("/v1/plan/max_pool2d", json=body)

    assert response.status_code == 200
    assert response.json()["operator"] == "max_pool2d"
    assert response.json()["input_bytes"] == 25690112


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": NPY}, 415),
        ({"Content-Type": JSON, "Accept": NPY}, 406),
        ({"Content-Type": JSON, "Accept": f"{NPY}, {JSON};q=0.1"}, 422),
    ],
)
def test_a_plan_is_json_both_ways(client: TestClient, headers: dict[str, str], status: int) -> None:
    """A plan has no elements, so a binary format has nothing to carry."""
    response = client.post("/v1/plan/max_pool2d", content=b"{}", headers=headers)

    assert response.status_code == status


@pytest.mark.parametrize("name", discover().names)
def test_the_model_declares_every_key(client: TestClient, name: str) -> None:
    """A model silently drops keys that it does not declare."""
    member = discover().find(name)

    plan = client.post(f"/v1/plan/{name}", json=describe.plan_example(member)).json()

    assert list(plan) == list(Plan.model_fields)
    assert plan["operator"] == name


@pytest.mark.parametrize(
    ("body", "query", "code"),
    [
        ({"input": SHAPE}, "", "invalid_fields"),
        ({"input": SHAPE, "kernel_size": 9}, "", "window_does_not_fit"),
        ({"input": SHAPE, "kernel_size": 2}, "?kernel_size=2", "invalid_fields"),
        ({"input": SHAPE, "kernel_size": 2, "kernal": 2}, "", "invalid_fields"),
        ({"kernel_size": 2}, "", "missing_tensor"),
        ({"input": [[[1]]], "kernel_size": 1}, "", "invalid_data"),
        ({"input": {"shape": [4]}, "kernel_size": 2}, "", "wrong_rank"),
    ],
)
def test_what_pooling_would_refuse_is_refused(
    client: TestClient, body: dict[str, object], query: str, code: str
) -> None:
    """A client asks for a plan to learn that its request is valid before it sends a gigabyte."""
    response = client.post(PATH + query, json=body)

    assert (response.status_code, response.json()["code"]) == (422, code)


def test_fields_may_stand_in_the_query(client: TestClient) -> None:
    """As for pooling, where binary bodies have no other place for them."""
    by_query = client.post(f"{PATH}?kernel_size=2&stride=1", json={"input": SHAPE})
    by_body = client.post(PATH, json={"input": SHAPE, "kernel_size": 2, "stride": 1})

    assert by_query.json() == by_body.json()
    assert by_query.json()["outputs"]["output"] == {"dtype": "float32", "shape": [1, 1, 3, 3], "bytes": 36}
    assert [part.partition(";")[0] for part in by_query.headers["server-timing"].split(", ")] == ["decode", "compute"]


def test_a_body_has_a_limit_of_its_own(client: TestClient) -> None:
    """Shapes take a kilobyte; a megabyte holds elements, which the advice tells to leave out."""
    long = {"input": SHAPE, "kernel_size": 2, "x": "a" * 65_536}

    response = client.post(PATH, json=long)

    assert (response.status_code, response.json()["limit_bytes"]) == (413, 65_536)
    assert "holds no elements" in response.json()["detail"]


@pytest.mark.parametrize(("rest", "status"), [(b'"shape":[1,1,4,4]},"kernel_size":2}', 200), (b"}", 400)])
def test_a_body_is_charged_until_it_has_arrived(app: App, rest: bytes, status: int) -> None:
    """It may take long, and the charge must end with it, also after an error."""
    counts, sent, pieces = list[int](), list[Event](), [b'{"input":{', rest]

    async def receive() -> Event:
        counts.append(app.service.pooling.status.lease_count)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(event: Event) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "headers": [(b"content-type", JSON.encode())],
    }
    asyncio.run(app(scope, receive, send))

    assert sent[0]["status"] == status
    assert counts == [0, 1]
    assert app.service.pooling.status.lease_count == app.service.pooling.status.held_bytes == 0
