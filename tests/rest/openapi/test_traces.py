"""The operation of traces in the OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from poolhouse.operators.catalogue import discover
from poolhouse.trace import MAX_INPUT_ELEMENTS, MAX_OUTPUT_ELEMENTS, MAX_POSITIONS
from tests.served_document import served_document

PATH = "/v1/trace/{operator}"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of a service."""
    return served_document()


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Validates against a schema whose references lead into the document."""
    return Draft202012Validator({**schema, "components": document["components"]})


@pytest.mark.parametrize(
    ("operator", "body"),
    [
        ("max_pool1d", None),
        ("avg_pool1d", {"input": [[1, "NaN", 3]], "kernel_size": 2, "padding": 1}),
        ("max_pool1d", {"input": [[1, "NaN", 3]], "kernel_size": 2, "padding": 1, "encoding": "base64"}),
        ("blur_pool1d", {"input": [[1, 2, 3]]}),
        ("max_unpool1d", {"input": [[1, 2]], "indices": [[0, 3]], "kernel_size": 2}),
        ("pyramid_pool1d", {"input": [[1, 2, 3, 4]], "levels": 2, "return_valid": True}),
        ("token_pool", {"input": [[1, 2], [3, 4]], "mask": [1, 0], "modes": ["weighted_mean", "max"]}),
        ("roi_align", {"input": [[[[1, 2], [3, 4]]]], "boxes": [[0, 0, 0, 1, 1]], "output_size": 1}),
        ("onnx.MaxPool", {"input": {"dtype": "uint8", "shape": [1, 1, 4], "data": [1, 2, 3, 4]}, "kernel_shape": 2}),
    ],
)
def test_requests_and_responses_satisfy_their_schemas(
    document: dict[str, Any], client: httpx.Client, operator: str, body: object
) -> None:
    """The example among them."""
    operation = document["paths"][PATH]["post"]
    request = operation["requestBody"]["content"]["application/json"]
    body = request["example"] if body is None else body
    validator(document, request["schema"]).validate(body)

    response = client.post(PATH.format(operator=operator), json=body)

    assert response.status_code == 200, response.text
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator(document, schema).validate(response.json())


def test_the_bounds_and_the_names_are_in_the_document(document: dict[str, Any]) -> None:
    """A client need not try."""
    operation = document["paths"][PATH]["post"]

    (parameter,) = [each for each in operation["parameters"] if each.get("in") == "path"]
    assert parameter["schema"]["enum"] == list(discover().names)
    assert parameter["example"] == "max_pool1d"
    for bound in (MAX_INPUT_ELEMENTS, MAX_OUTPUT_ELEMENTS, MAX_POSITIONS):
        assert f"{bound:,}" in operation["description"]
    assert {"200", "400", "401", "406", "408", "413", "415", "422", "429", "503", "504"} <= set(operation["responses"])
