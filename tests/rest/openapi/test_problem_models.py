"""The documented problem documents are those that the service renders."""

from __future__ import annotations

import jsonschema
import orjson
import pytest
from pydantic import ValidationError

from poolhouse.errors import CODES, FIELD_CODES, MAX_PROBLEMS, FieldProblem, PoolhouseError
from poolhouse.rest.http.problems import Problem, render_problem
from poolhouse.rest.openapi.problem_models import MODELS, ProblemDocument, refusal_responses

CLASSES = list(dict.fromkeys(CODES.values()))
ALWAYS = {"content-type", "content-length", "cache-control"}
"""Headers of every refusal."""


def render(code: str) -> Problem:
    """A refusal with this code and as many parts as possible."""
    problems = [FieldProblem("/stride", each, "m") for each in FIELD_CODES] * 2
    error = CODES[code](code, "d", problems=problems, limit_bytes=1, retry_after_s=1)
    return render_problem(error, instance="/v1/pool/max_pool2d", request_id="abc")


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_matches_the_schema_of_its_class_and_of_no_other(code: str) -> None:
    """A generated client chooses the class by the schema, and must not refuse any code."""
    document = orjson.loads(render(code).body)

    matching = [
        error
        for error, model in MODELS.items()
        if jsonschema.Draft202012Validator(model.model_json_schema(mode="serialization")).is_valid(document)
    ]

    assert matching == [CODES[code]]
    assert len(document["errors"]) == MAX_PROBLEMS
    MODELS[CODES[code]].model_validate(document)


def test_a_document_without_optional_parts_is_complete() -> None:
    """Most refusals have neither fields nor a limit."""
    error = CODES["draining"]("draining", "d")
    document = orjson.loads(render_problem(error, instance="/", request_id="abc").body)

    parsed = ProblemDocument.model_validate(document)

    assert (parsed.errors, parsed.code, parsed.status) == ([], "draining", 503)
    for name in document:
        with pytest.raises(ValidationError, match=name):
            ProblemDocument.model_validate({key: value for key, value in document.items() if key != name})


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: str(error.__name__))
def test_a_response_documents_the_headers_of_its_class(error: type[PoolhouseError]) -> None:
    """A client reads from the document when a retry makes sense."""
    code = next(code for code, owner in CODES.items() if owner is error)
    sent = {name.decode() for name, _ in render(code).headers} - ALWAYS

    ((status, response),) = refusal_responses(error).items()

    assert status == error.status
    assert response["model"] is MODELS[error]
    assert response["description"]
    assert "\n" not in response["description"]
    required = {name.lower() for name, header in response["headers"].items() if header.get("required")}
    assert required == sent


def test_the_responses_of_a_route_are_those_of_its_classes() -> None:
    """One for each status; a second class with the same status would replace the first."""
    assert list(refusal_responses(*CLASSES)) == [error.status for error in CLASSES]
    assert refusal_responses() == {}
