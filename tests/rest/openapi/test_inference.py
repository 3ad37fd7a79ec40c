"""The hand-written operations of inference: what they allow is what the service reads and returns."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest

from poolhouse.rest.openapi.components import Components
from poolhouse.rest.openapi.inference import infer_operations

PATH = "/v2/models/{model}/infer"
URL = "/v2/models/max_pool2d/infer"
TENSOR = {"name": "input", "shape": [1, 1, 2, 2], "datatype": "FP32", "data": [[[[1, 2], [3, 4]]]]}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The operations, with their components."""
    sections: dict[str, dict[str, object]] = {}
    return {"paths": infer_operations(Components(sections)), "components": sections}


def validator(document: dict[str, Any], part: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of the JSON content of a request or a response."""
    schema = part["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


@pytest.mark.parametrize(
    "request_body",
    [
        {"inputs": [TENSOR]},
        {"id": "a", "inputs": [TENSOR], "outputs": [], "parameters": {"kernel_size": [1, 2], "stats": True}},
        {"inputs": [TENSOR], "outputs": [{"name": "output"}, {"name": "indices"}]},
        {"inputs": [TENSOR], "outputs": [{"name": "output", "parameters": {"classification": 2}}]},
    ],
)
def test_requests_and_responses_match_the_schemas(
    client: httpx.Client, document: dict[str, Any], request_body: dict[str, Any]
) -> None:
    """Clients are generated from them, and refuse to send or to read anything else."""
    operation = document["paths"][PATH]["post"]
    response = client.post(URL, json=request_body)

    assert response.status_code == 200, response.text
    validator(document, operation["requestBody"]).validate(request_body)
    validator(document, operation["responses"]["200"]).validate(response.json())


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"inputs": []},
        {"inputs": [TENSOR], "kernel_size": 2},
        {"inputs": [TENSOR | {"shape": [-1]}]},
        {"inputs": [TENSOR | {"datatype": "FP8"}]},
        {"inputs": [TENSOR], "outputs": [{"name": "output", "binary_data": True}]},
        {"inputs": 65 * [TENSOR]},
        {"inputs": [TENSOR], "id": 1},
    ],
)
def test_what_the_schema_forbids_is_refused(
    client: httpx.Client, document: dict[str, Any], request_body: dict[str, Any]
) -> None:
    """A schema that forbids more than the service would stop valid requests."""
    response = client.post(URL, json=request_body)

    assert not validator(document, document["paths"][PATH]["post"]["requestBody"]).is_valid(request_body)
    assert (response.status_code, response.json()["code"]) in ((400, "invalid_fields"), (400, "unsupported_dtype"))


def test_the_versioned_path_differs_by_its_parameter_alone(document: dict[str, Any]) -> None:
    """The two routes are one endpoint."""
    plain, versioned = (each["post"] for each in document["paths"].values())

    assert [each.get("name") for each in versioned["parameters"][:2]] == ["model", "version"]
    assert versioned["parameters"][2:] == plain["parameters"][1:]
    assert versioned["requestBody"] == plain["requestBody"]
    assert versioned["responses"] == plain["responses"]
    assert versioned["operationId"] != plain["operationId"]
