"""The index of the models, and the refusal to load or unload one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from poolhouse.models import Models
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from poolhouse.status import State

NAMES = list(Models(discover()).names)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}', b'{"ready":false}'])
def test_the_index_has_all_models(client: httpx.Client, body: bytes) -> None:
    """Triton's client sends an empty body without a Content-Type."""
    response = client.post("/v2/repository/index", content=body)

    assert response.status_code == 200
    assert [row["name"] for row in response.json()] == NAMES
    assert {tuple(row.items())[1:] for row in response.json()} == {
        (("version", "1"), ("state", "READY"), ("reason", ""))
    }


@pytest.mark.parametrize("body", [b'{"ready": 1}', b'{"ready": null}', b'{"redy": true}', b"[]", b"{"])
def test_a_wrong_flag_is_the_fault_of_the_client(client: httpx.Client, body: bytes) -> None:
    """Triton returns 500 for some of them, after which clients try again in vain."""
    response = client.post("/v2/repository/index", content=body)

    assert response.status_code == 400
    assert response.json()["code"] in ("invalid_fields", "malformed_body")


@pytest.mark.parametrize(
    ("state", "named"),
    [("starting", "LOADING"), ("draining", "UNLOADING"), ("device_lost", "UNAVAILABLE")],
)
def test_a_service_that_is_not_ready_has_no_ready_models(
    state: State, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that waits for a model must not send requests which are refused."""
    app = create_app(Settings.model_validate({"device": "cpu"}))
    status: Any = SimpleNamespace(state=state)
    monkeypatch.setattr(app.service.pooling, "status", status)
    client = TestClient(app)

    rows = client.post("/v2/repository/index").json()

    assert {row["state"] for row in rows} == {named}
    assert all(row["reason"] for row in rows)
    assert client.post("/v2/repository/index", content=b'{"ready": true}').json() == []


@pytest.mark.parametrize("verb", ["load", "unload"])
@pytest.mark.parametrize("body", [b"", b'{"parameters":{"config":"{}"}}', b"[" * 100_000])
def test_models_are_neither_loaded_nor_unloaded(client: httpx.Client, verb: str, body: bytes) -> None:
    """Loading is remote code execution in other servers; here the body is not even parsed."""
    response = client.post(f"/v2/repository/models/max_pool2d/{verb}", content=body)

    assert (response.status_code, response.json()["code"]) == (501, "unsupported")
    assert "POOLHOUSE_MODELS_FILE" in response.json()["error"]
    assert client.get("/v2/models/max_pool2d/ready").status_code == 200


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_an_unknown_model_cannot_be_loaded_either(client: httpx.Client, verb: str) -> None:
    """The name is the more likely mistake."""
    assert client.post(f"/v2/repository/models/max_pol2d/{verb}").json()["code"] == "unknown_model"
