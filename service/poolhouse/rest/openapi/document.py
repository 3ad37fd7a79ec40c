"""Complete the OpenAPI document that FastAPI generates from the routes.

Added are two paths for each operator, the errors that the server and the middleware can return for any request, and
the headers that they add to every response.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from poolhouse.errors import (
    HeadersTooLarge,
    InternalError,
    Malformed,
    PoolhouseError,
    QuotaExceeded,
    TooSlow,
    Unauthorized,
)
from poolhouse.operators.catalogue import Catalogue
from poolhouse.rest.http.problems import MEDIA_TYPE
from poolhouse.rest.openapi.components import Components, JsonObject
from poolhouse.rest.openapi.operators import plan_operation, pool_operation
from poolhouse.rest.openapi.problem_models import MODELS, refusal_responses

_PLAN: Final = "/v1/plan/{operator}"
_CARD: Final = "/v1/operators/{operator}"
_COMMON_ERRORS: Final = (Malformed, TooSlow, HeadersTooLarge, InternalError)
"""Errors of any request: malformed, received too slowly, too many headers, a failure of the service."""
_KEY_ERRORS: Final = (Unauthorized, QuotaExceeded)
"""Errors of any request that needs an API key."""
_BY_STATUS: Final[dict[str, type[PoolhouseError]]] = {str(error.status): error for error in MODELS}


def complete_document(generated: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The complete document.

    Args:
        generated: FastAPI's document; parts of it are modified.
        catalogue: the operators.
    """
    components = Components(generated["components"])
    paths: dict[str, Any] = {}
    if (template := generated["paths"].pop(_PLAN, {}).get("post")) is not None:
        _complete_operation(template, components)
        # The operators' paths have no path parameter; pooling and planning share the header parameters.
        headers = [each for each in template["parameters"] if each["in"] == "header"]
        template["parameters"] = [components.add_ref("parameters", each["name"], each) for each in headers]
        for kind, operation_of in (("pool", pool_operation), ("plan", plan_operation)):
            for operator in catalogue:
                paths[f"/v1/{kind}/{operator.name}"] = {"post": operation_of(operator, template, components)}
    for operation in _operations(generated["paths"]):
        _complete_operation(operation, components)
    if _CARD in generated["paths"]:
        generated["paths"][_CARD]["get"]["parameters"][0]["schema"]["enum"] = list(catalogue.names)
    for name in ("HTTPValidationError", "ValidationError"):
        components.sections["schemas"].pop(name, None)
    return {
        **{part: generated[part] for part in ("openapi", "info", "servers")},
        # A service without API keys needs none; one with keys does.
        "security": [{}, {"key": []}],
        "tags": generated["tags"],
        "paths": _without_titles(paths | generated["paths"]),
        "components": _without_titles({name: components.sections[name] for name in sorted(components.sections)}),
    }


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in paths.values():
        yield from methods.values()


def _complete_operation(operation: dict[str, Any], components: Components) -> None:
    """Add to an operation the errors and headers that all of them have."""
    responses = operation["responses"]
    route_errors = [
        error
        for status, error in _BY_STATUS.items()
        if _schema(responses.get(status)) == f"#/components/schemas/{error.__name__}Problem"
    ]
    if _schema(responses.get("422")) == "#/components/schemas/HTTPValidationError":
        # FastAPI adds it to every route with parameters, but a path parameter accepts any text.
        del responses["422"]
        if "requestBody" in operation or any(each["in"] != "path" for each in operation["parameters"]):
            route_errors.append(_BY_STATUS["422"])
    key_errors = () if operation.pop("security", None) is None else _KEY_ERRORS
    if not key_errors:
        # Overrides the document's security: this operation needs no key.
        operation["security"] = []
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-ID"] = _request_id(components)
        if response["description"] == "Successful Response":
            response["description"] = operation["summary"]
    for error in sorted({*_COMMON_ERRORS, *key_errors, *route_errors}, key=lambda each: each.status):
        responses[str(error.status)] = _refusal(error, components)


def _schema(response: dict[str, Any] | None) -> object:
    content = (response or {}).get("content", {})
    return content.get("application/json", content.get(MEDIA_TYPE, {})).get("schema", {}).get("$ref")


def _refusal(error: type[PoolhouseError], components: Components) -> JsonObject:
    """The shared response of an error class, as application/problem+json; FastAPI would declare it as JSON."""
    response = {**refusal_responses(error)[error.status]}
    schema = response.pop("model").model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.sections["schemas"] |= {**schema.pop("$defs"), schema["title"]: schema}
    response["headers"] = {"X-Request-ID": _request_id(components), **response["headers"]}
    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{error.__name__}Problem"}}}
    return components.add_ref("responses", error.__name__, response)


def _request_id(components: Components) -> JsonObject:
    description = "X-Request-ID of the request if it is printable ASCII of at most 128 characters, else a new one."
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    header: JsonObject = {"description": description, "required": True, "schema": schema}
    return components.add_ref("headers", "X-Request-ID", header)


def _without_titles(part: Any) -> Any:
    """Without the titles that pydantic derives from names: client generators would name classes after them."""
    if isinstance(part, dict):
        return {key: _without_titles(each) for key, each in part.items() if key != "title" or not isinstance(each, str)}
    return [_without_titles(each) for each in part] if isinstance(part, list) else part
