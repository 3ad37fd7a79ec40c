"""The operations of several poolings in the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from poolhouse.operators.catalogue import discover
from poolhouse.poolings.names import INPUT_NAME
from tests.served_document import served_document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of a service."""
    return served_document()


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Validates against a schema whose references lead into the document."""
    return Draft202012Validator({**schema, "components": document["components"]})


@pytest.mark.parametrize("path", ["/v1/pool", "/v1/plan"])
def test_the_example_is_valid_and_works(document: dict[str, Any], client: httpx.Client, path: str) -> None:
    """The request satisfies its schema, and the response, which is the documented one, satisfies its own."""
    operation = document["paths"][path]["post"]
    request = operation["requestBody"]["content"]["application/json"]
    validator(document, request["schema"]).validate(request["example"])
    response = client.post(path, json=request["example"])
    assert response.status_code == 200
    answer = operation["responses"]["200"]["content"]["application/json"]
    validator(document, answer["schema"]).validate(response.json())
    if "example" in answer:
        assert response.json() == answer["example"]


@pytest.mark.parametrize(
    "document_of_request",
    [
        {"poolings": [{"operator": "max_pool1d"}]},
        {"input": [[1]], "poolings": []},
        {"input": [[1]], "inputs": {"a": [[1]]}, "poolings": [{"operator": "max_pool1d"}]},
        {"inputs": {"a/b": [[1]]}, "poolings": [{"operator": "max_pool1d"}]},
        {"input": [[1]], "poolings": [{"operator": "max_pool1d", "name": "a.b"}]},
        {"input": [[1]], "poolings": [{"name": "a"}]},
    ],
)
def test_what_the_service_refuses_is_invalid(document: dict[str, Any], document_of_request: object) -> None:
    """As far as a schema can tell."""
    schema = document["paths"]["/v1/pool"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert not validator(document, schema).is_valid(document_of_request)


@pytest.mark.parametrize(
    "document_of_request",
    [
        {"input": [[1, 2], [3, 4]], "mask": [1, 0], "poolings": [{"operator": "token_pool"}]},
        {"input": [[1, 2], [3, 4]], "spans": [[0, 1]], "poolings": [{"operator": "span_pool"}]},
        {
            "input": [[1, 2], [3, 4]],
            "spans": [[0, 1], [0, 2]],
            "poolings": [
                {"operator": "span_pool", "name": "chunks"},
                {"operator": "token_pool", "of": "chunks", "modes": "max"},
            ],
        },
    ],
)
def test_the_tensors_of_all_operators_may_be_given(
    document: dict[str, Any], client: httpx.Client, document_of_request: object
) -> None:
    """A generated client has a parameter for each of them."""
    schema = document["paths"]["/v1/pool"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    validator(document, schema).validate(document_of_request)
    response = client.post("/v1/pool", json=document_of_request)
    assert response.status_code == 200, response.text


def test_every_tensor_of_an_operator_can_be_an_earlier_output(document: dict[str, Any]) -> None:
    """The members of a pooling are fields and the names of earlier outputs; a field of that name would be hidden."""
    properties = document["components"]["schemas"]["Pooling"]["properties"]

    for operator in discover():
        names = {each.name for each in operator.companions}
        assert names <= properties.keys()
        assert not properties.keys() & {field.name for field in operator.fields()}


def test_operators_are_listed(document: dict[str, Any]) -> None:
    """All that the list may name."""
    pooling = document["components"]["schemas"]["Pooling"]["properties"]

    assert pooling["operator"]["enum"] == list(discover().names)
    assert re.compile(INPUT_NAME)
