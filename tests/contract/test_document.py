"""The OpenAPI document is valid, and its examples are the responses of the service."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from openapi_spec_validator import validate

from poolhouse.settings import Settings
from tests.contract.document_views import Part, document_for_inference, document_for_json_bodies, operations
from tests.rest.live_server import run_live_server

ROOT = Path(__file__).resolve().parents[2]
CHECKED_IN = ROOT / "openapi" / "openapi.json"
EXACT = ("max", "indices")
"""Words in the paths and names of outputs whose elements are copied, not computed, and so are exact."""


@pytest.fixture(scope="module")
def whole() -> Part:
    """The document in the repository."""
    loaded = json.loads(CHECKED_IN.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a live server."""
    with run_live_server(Settings.model_validate({"port": 0})) as server, server.client() as http:
        yield http


def test_the_document_is_valid(whole: Part) -> None:
    """Client generators refuse or misread an invalid document."""
    validate(whole)


def test_redocly_reports_no_problem() -> None:
    """Its recommended rules are a common standard for the review of APIs."""
    if shutil.which("npx") is None:
        pytest.skip("needs npx, which comes with node (Debian: apt-get install npm)")

    result = subprocess.run([ROOT / "scripts" / "lint_openapi"], capture_output=True, text=True, check=False)

    if result.returncode and "npm error" in result.stderr:
        pytest.skip("needs Redocly, which npm cannot download here")
    assert result.returncode == 0, result.stdout + result.stderr


def test_operation_ids_are_valid_method_names(whole: Part) -> None:
    """Client generators use them as the names of methods."""
    names = [str(operation["operationId"]) for _, operation in operations(whole)]

    assert len(set(names)) == len(names)
    # The names of ONNX and Keras keep their case.
    assert all(name.isidentifier() and (name.islower() or "onnx_" in name or "keras_" in name) for name in names)
    assert {"max_pool2d", "plan_max_pool2d", "adaptive_avg_pool3d", "infer", "read_server"} <= set(names)


def examples() -> Iterator[tuple[str, object, object]]:
    """Every path with an example request, and its example response if it has one."""
    for path, operation in operations(document_for_json_bodies()):
        if "requestBody" in operation:
            listed = operation.get("parameters", [])
            assert isinstance(listed, list)
            parameters = {each["name"]: each["example"] for each in listed if each.get("in") == "path"}
            yield (
                path.format(**parameters),
                _example(operation["requestBody"]),
                _example(_part_at(operation, "responses", "200")),
            )


@pytest.mark.parametrize("path", ["/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"])
def test_the_example_of_an_inference_is_the_response_of_the_service(client: httpx.Client, path: str) -> None:
    """Users try the example first; the parameters show where the fields of the operator are."""
    (operation,) = (each for known, each in operations(document_for_inference()) if known == path)

    actual = client.post(path.format(model="max_pool2d", version=1), json=_example(operation["requestBody"]))

    assert actual.json() == _example(_part_at(operation, "responses", "200"))


def _part_at(part: object, *names: str) -> object:
    for name in names:
        assert isinstance(part, dict)
        part = part[name]
    return part


def _example(part: object) -> object:
    assert isinstance(part, dict)
    return part["content"]["application/json"].get("example") if "content" in part else None


@pytest.mark.parametrize(("path", "request_body", "response"), list(examples()))
def test_examples_are_the_responses_of_the_service(
    client: httpx.Client, path: str, request_body: object, response: object
) -> None:
    """Users try the example first, and compare the response."""
    actual = client.post(path, json=request_body)

    assert actual.status_code == 200, actual.text
    if response is None:
        return
    assert isinstance(response, dict)
    document = actual.json()
    assert list(document) == list(response)
    for name, expected in response.items():
        got = document[name]
        assert (got["dtype"], got["shape"]) == (expected["dtype"], expected["shape"])
        if any(word in path or word == name for word in EXACT):
            assert got["data"] == expected["data"]
        else:
            np.testing.assert_allclose(np.array(got["data"]), np.array(expected["data"]), rtol=1e-6)
