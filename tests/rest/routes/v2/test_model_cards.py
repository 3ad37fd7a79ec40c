"""Metadata, configuration and readiness of models, with and without a version."""

from __future__ import annotations

import httpx
import pytest

from poolhouse.models import Models, model_config, model_metadata
from poolhouse.operators.catalogue import discover

MODELS = Models(discover())
ENDS = ("", "/config", "/ready")


@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_pydantic_models_declare_every_key(client: httpx.Client, version: str) -> None:
    """A model silently drops keys that it does not declare, and adds those that are not set."""
    for model in MODELS:
        path = f"/v2/models/{model.name}{version}"

        assert client.get(path).json() == model_metadata(model)
        assert client.get(f"{path}/config").json() == model_config(model, ["cpu"])
        assert client.get(f"{path}/ready").json() == {"name": model.name, "ready": True}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v2/models/max_pol2d", "did you mean max_pool2d"),
        ("/v2/models/max_pool2d/versions/2", "its only version is 1"),
        ("/v2/models/max_pool2d/versions/01", "its only version is 1"),
        ("/v2/models/%00", "there is no model"),
        ("/v2/models/" + 2_000 * "a", "there is no model"),
    ],
)
def test_an_unknown_model_or_version_is_not_found(client: httpx.Client, path: str, end: str, says: str) -> None:
    """Most are misspelt; a long name is not repeated."""
    response = client.get(path + end)

    assert (response.status_code, response.json()["code"]) == (404, "unknown_model")
    assert says in response.json()["error"]
    assert len(response.content) < 1_000


def test_a_version_in_the_query_is_not_the_version_of_the_path(client: httpx.Client) -> None:
    """Clients may add any query, and unknown parameters are ignored."""
    assert client.get("/v2/models/max_pool2d?version=2&model=x").json()["name"] == "max_pool2d"


@pytest.mark.parametrize("end", ENDS)
def test_another_method_is_refused_in_the_form_of_the_protocol(client: httpx.Client, end: str) -> None:
    """Clients parse every body that is not of status 200 for the member error."""
    response = client.delete(f"/v2/models/max_pool2d{end}", headers={"Accept-Encoding": "gzip"})

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["content-type"] == "application/json"
    assert "content-encoding" not in response.headers
    assert "error" in response.json()
