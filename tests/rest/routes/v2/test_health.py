"""The probes of the protocol: for clients of three opinions, without a key, and true."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from poolhouse.errors import device_lost_error, draining_error
from poolhouse.rest.app import create_app
from poolhouse.rest.dependencies import get_pooling
from poolhouse.settings import Settings
from tests.rest.routes.v2.administered import Administered


def test_probes_need_no_key(administered: Administered) -> None:
    """An orchestrator has none; the bodies are those of the protocol and of KServe's client."""
    live, ready = (administered.nobody.get(f"/v2/health/{probe}") for probe in ("live", "ready"))

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"live": True, "ready": True})
    assert live.headers["cache-control"] == ready.headers["cache-control"] == "no-store"
    assert administered.nobody.get("/v2/health/other").status_code == 401


def test_a_service_that_has_not_started_is_live_and_not_ready() -> None:
    """Before the service has started it must not receive traffic."""
    client = TestClient(create_app(Settings.model_validate({"device": "cpu"})))

    ready, model = client.get("/v2/health/ready"), client.get("/v2/models/max_pool2d/ready")

    assert client.get("/v2/health/live").status_code == 200
    for response in (ready, model):
        assert (response.status_code, response.json()["code"]) == (503, "starting")
        assert response.json()["error"]
        assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("error", [draining_error(), device_lost_error()], ids=lambda error: error.code)
def test_only_readiness_depends_on_the_state(error: Any) -> None:
    """An orchestrator restarts a process that is not alive: a lost device or a drain must not cause that."""

    def check_ready() -> None:
        raise error

    app = create_app(Settings.model_validate({"device": "cpu"}))
    app.dependency_overrides[get_pooling] = lambda: SimpleNamespace(status=SimpleNamespace(check_ready=check_ready))
    client = TestClient(app)

    ready, model = client.get("/v2/health/ready"), client.get("/v2/models/max_pool2d/ready")

    assert (ready.status_code, ready.json()["code"]) == (model.status_code, model.json()["code"]) == (503, error.code)
    assert client.get("/v2/health/live").json() == {"live": True}
