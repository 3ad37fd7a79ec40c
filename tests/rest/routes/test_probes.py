"""The probes: alive while the process runs, ready as the service's state says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from poolhouse.errors import device_lost_error, draining_error
from poolhouse.rest.app import App, create_app
from poolhouse.rest.dependencies import get_pooling
from poolhouse.settings import Settings

DEVICES = [{"name": "cpu", "model": "any", "ready": True}, {"name": "cuda:0", "model": "other", "ready": False}]


@pytest.fixture
def app() -> App:
    """An application that is not started."""
    return create_app(Settings.model_validate({"device": "cpu"}))


def pooling_of(error: Exception | None) -> Any:
    """A service in this state."""

    def check_ready() -> None:
        if error is not None:
            raise error

    return SimpleNamespace(status=SimpleNamespace(check_ready=check_ready, devices=lambda: DEVICES))


def test_a_service_that_is_not_ready_returns_503(app: App) -> None:
    """Before the service has started it must not receive traffic."""
    response = TestClient(app).get("/readyz")

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["code"] == "starting"


def test_a_ready_service_names_its_devices(app: App) -> None:
    """One lost device of two is no reason to send the traffic elsewhere, and is worth an alert."""
    app.dependency_overrides[get_pooling] = lambda: pooling_of(None)

    response = TestClient(app).get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "devices": DEVICES})


@pytest.mark.parametrize("error", [draining_error(), device_lost_error()], ids=lambda error: error.code)
def test_only_readiness_depends_on_the_state(app: App, error: Any) -> None:
    """An orchestrator restarts a process that is not alive: a lost device or a drain must not cause that."""
    app.dependency_overrides[get_pooling] = lambda: pooling_of(error)
    client = TestClient(app)

    ready, alive = client.get("/readyz"), client.get("/livez")

    assert (ready.status_code, ready.json()["code"]) == (503, error.code)
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})


def test_no_probe_is_cached(app: App) -> None:
    """A proxy that answered from its cache would hide the state."""
    client = TestClient(app)

    assert {client.request(method, "/livez").headers["cache-control"] for method in ("GET", "HEAD")} == {"no-store"}
