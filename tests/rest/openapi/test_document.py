"""FastAPI's document is completed: paths for each operator, and the errors that a route can really return."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header
from fastapi.security import HTTPBearer
from openapi_spec_validator import validate
from pydantic import BaseModel

from poolhouse.errors import NotFound, Unsupported
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.max_pool import MaxPool
from poolhouse.rest.openapi.document import complete_document
from poolhouse.rest.openapi.problem_models import refusal_responses

CATALOGUE = Catalogue([MaxPool])
COMMON = {"400", "408", "431", "500"}
KEYED = COMMON | {"401", "429"}


class Book(BaseModel):
    """A body with a field that is named like a keyword of JSON Schema."""

    title: str
    pages: int


def make_document(*, with_plan: bool = True) -> dict[str, Any]:
    """The completed document of a few routes."""
    app = FastAPI(openapi_tags=[{"name": "max_pool"}], servers=[{"url": "/"}])
    needs_key = [Depends(HTTPBearer(scheme_name="key"))]
    if with_plan:

        @app.post("/v1/plan/{operator}", dependencies=needs_key, responses=refusal_responses(NotFound))
        def plan(operator: str, request_timeout: Annotated[str | None, Header()] = None) -> Book: ...  # type: ignore[empty-body]

    @app.get("/v1/operators/{operator}", dependencies=needs_key, responses=refusal_responses(NotFound))
    def describe(operator: str) -> Book: ...  # type: ignore[empty-body]

    @app.get("/v2/models/{model}", dependencies=needs_key, responses=refusal_responses(NotFound, Unsupported))
    def model(model: str) -> Book: ...  # type: ignore[empty-body]

    @app.post("/v2/books")
    def add_model(book: Book) -> None: ...

    @app.get("/livez")
    def alive() -> None: ...

    @app.get("/search")
    def search(pages: int) -> None: ...

    @app.post("/books", dependencies=needs_key)
    def add(book: Book) -> None: ...

    return complete_document(app.openapi(), CATALOGUE)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The completed document."""
    return make_document()


def responses(document: dict[str, Any], method: str, path: str) -> set[str]:
    """The statuses of an operation."""
    return set(document["paths"][path][method]["responses"])


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """Client generators refuse an invalid one; all references must have their part."""
    validate(document)


def test_the_template_path_is_replaced_by_two_paths_for_each_operator(document: dict[str, Any]) -> None:
    """The operators come first, as readers look for them."""
    names = CATALOGUE.names

    assert list(document["paths"]) == [
        *(f"/v1/pool/{name}" for name in names),
        *(f"/v1/plan/{name}" for name in names),
        "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}/infer",
        "/v1/operators/{operator}",
        "/v2/models/{model}",
        "/v2/books",
        "/livez",
        "/search",
        "/books",
    ]
    card = document["paths"]["/v1/operators/{operator}"]["get"]
    assert card["parameters"][0]["schema"]["enum"] == list(names)
    assert "/components/parameters/request-timeout" in str(document["paths"]["/v1/plan/max_pool2d"])
    assert "'in': 'path'" not in str(document["paths"]["/v1/plan/max_pool2d"])


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/v1/pool/max_pool2d", {"200", "404"} | KEYED),
        ("post", "/v1/plan/max_pool2d", {"200", "404", "422"} | KEYED),
        ("get", "/v1/operators/{operator}", {"200", "404"} | KEYED),
        ("get", "/v2/models/{model}", {"200", "404", "501"} | KEYED),
        ("post", "/v2/books", {"200", "403"} | COMMON),
        ("post", "/v2/models/{model}/infer", {"200", "403", "404", "413", "415", "503", "504"} | KEYED),
        ("get", "/livez", {"200"} | COMMON),
        ("get", "/search", {"200", "422"} | COMMON),
        ("post", "/books", {"200", "403", "422"} | KEYED),
    ],
)
def test_an_operation_has_the_errors_that_it_can_return(
    document: dict[str, Any], method: str, path: str, statuses: set[str]
) -> None:
    """A path parameter alone accepts any text; only routes that need a key refuse one."""
    assert responses(document, method, path) >= statuses
    if not path.startswith("/v1/p"):
        assert responses(document, method, path) == statuses
        assert ("security" in document["paths"][path][method]) == ("401" not in statuses)


def test_every_response_has_the_request_id_and_every_error_its_form(document: dict[str, Any]) -> None:
    """The server adds the header to all of them; errors are problem documents, or below /v2 those of the protocol."""
    inference_error = {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceError"}}}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
                assert response["headers"]["X-Request-ID"] == {"$ref": "#/components/headers/X-Request-ID"}
                assert response["description"] != "Successful Response"
                if status != "200" and path.startswith("/v2"):
                    assert response["content"] == inference_error
                elif status != "200":
                    assert list(response["content"]) == ["application/problem+json"]


def test_the_refusals_of_fastapi_are_not_in_the_document(document: dict[str, Any]) -> None:
    """Our handler renders them as problem documents."""
    assert "ValidationError" not in document["components"]["schemas"]
    assert "HTTPValidationError" not in str(document)


def test_a_class_whose_errors_have_another_form_has_no_schema(document: dict[str, Any]) -> None:
    """Client generators would make a class that nothing returns."""
    schemas = document["components"]["schemas"]

    assert "NotFoundProblem" in schemas
    assert "UnsupportedProblem" not in schemas


def test_titles_are_removed_but_not_a_field_of_that_name(document: dict[str, Any]) -> None:
    """Client generators would name classes after them."""
    book = document["components"]["schemas"]["Book"]

    assert list(book["properties"]) == ["title", "pages"]
    assert "title" not in book
    assert "title" not in book["properties"]["pages"]


def test_an_application_without_the_planning_route_has_no_operators() -> None:
    """Another application may include only some of the routes."""
    paths = make_document(with_plan=False)["paths"]

    assert [path for path in paths if path.startswith(("/v1/pool", "/v1/plan"))] == []
    assert "/livez" in paths
