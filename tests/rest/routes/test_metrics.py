"""The page for Prometheus and the versions."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from poolhouse.version import __version__


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of an application that is not started."""
    return TestClient(create_app(Settings.model_validate({"device": "cpu"})))


def test_the_page_is_prometheus_text_of_this_moment(client: TestClient) -> None:
    """A cached page, or one of another type, would show a service that stands still."""
    client.get("/livez")

    response = client.get("/metrics")

    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"poolhouse_requests", "poolhouse_state"} <= names
    assert 'route="/livez"' in response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.headers["cache-control"] == "no-store"


def test_the_versions_are_those_of_the_process(client: TestClient) -> None:
    """Reports of faults quote them; before the start no device is ready."""
    response = client.get("/version")

    document = response.json()
    devices = document.pop("devices")
    assert document == {
        "name": "poolhouse",
        "version": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "torch": metadata.version("torch"),
    }
    assert [device["name"] for device in devices] == ["cpu"]
    assert response.headers["cache-control"] == "no-store"
