"""The metadata of the service: both paths, and extensions that really work."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from poolhouse.rest.app import create_app
from poolhouse.rest.observability.log_control import LogControl
from poolhouse.settings import Settings
from poolhouse.version import __version__


def extensions(*, is_traced: bool = False, **settings: object) -> set[str]:
    """The extensions of a service that is not started."""
    app = create_app(Settings.model_validate({"device": "cpu", **settings}))
    app.service.trace_control.is_available = is_traced
    return set(TestClient(app).get("/v2").json()["extensions"])


@pytest.fixture
def log_control() -> Iterator[None]:
    """The process has its logging from the service."""
    root = logging.getLogger()
    handler, level = logging.NullHandler(), root.level
    root.addHandler(handler)
    LogControl(handler, logging.WARNING, None)
    yield
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("query", ["", "?unknown=1"])
@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_both_paths_have_the_metadata(client: httpx.Client, path: str, query: str) -> None:
    """The protocol's document has the slash, Triton's clients have none, and they take a redirect for a failure."""
    response = client.get(path + query)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert (found["name"], found["version"]) == ("poolhouse", __version__)
    assert {"binary_tensor_data", "parameters", "statistics", "classification"} <= set(found["extensions"])
    assert not {"sequence", "cuda_shared_memory"} & set(found["extensions"])


def test_the_metadata_needs_a_key_if_there_are_keys() -> None:
    """What a service can do is nobody else's business."""
    client = TestClient(create_app(Settings.model_validate({"device": "cpu", "api_keys": f"a={'k' * 16}"})))

    response = client.get("/v2")

    assert (response.status_code, response.json()["code"]) == (401, "missing_key")
    assert response.json()["error"]


@pytest.mark.usefixtures("log_control")
def test_an_extension_is_named_only_if_it_works() -> None:
    """A client that finds one uses it: shared memory is off at first, and traces go nowhere without a collector."""
    optional = {"system_shared_memory", "trace", "logging"}

    assert extensions() & optional == {"logging"}
    assert extensions(shared_memory=True) & optional == {"logging", "system_shared_memory"}
    assert extensions(is_traced=True) & optional == {"logging", "trace"}


def test_logging_of_another_process_is_no_extension() -> None:
    """A service inside of another application leaves that application's logging alone."""
    assert "logging" not in extensions()
