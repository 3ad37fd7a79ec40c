"""The OpenAPI document: what FastAPI makes of the routes, completed with the catalogue's operators.

Three things no route says: the paths of the operators, a pair each; what the server and the middleware may answer to
any request; and the headers that they add.
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
from poolhouse.rest.routes.refusals import MODELS, refusal_responses

_PLAN: Final = "/v1/plan/{operator}"
_CARD: Final = "/v1/operators/{operator}"
_COMMON_ERRORS: Final = (Malformed, TooSlow, HeadersTooLarge, InternalError)
"""What any request can be refused with: unreadable bytes, late or too many headers, a fault of ours."""
_KEY_ERRORS: Final = (Unauthorized, QuotaExceeded)
"""What a request can be refused with where keys are configured and its path is not open to everybody."""
_BY_STATUS: Final[dict[str, type[PoolhouseError]]] = {str(error.status): error for error in MODELS}


def complete_document(generated: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The whole document.

    Args:
        drawn: what FastAPI makes of the routes; parts of it are changed.
        catalogue: the operators.
    """
    components = Components(generated["components"])
    paths: dict[str, Any] = {}
    if (template := generated["paths"].pop(_PLAN, {}).get("post")) is not None:
        _complete_operation(template, components)
        # The paths of the operators have no parameter; the headers that both routes read they share.
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
        # Without keys everybody may call; with them a key is needed.
        "security": [{}, {"key": []}],
        "tags": generated["tags"],
        "paths": _without_titles(paths | generated["paths"]),
        "components": _without_titles({name: components.sections[name] for name in sorted(components.sections)}),
    }


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in paths.values():
        yield from methods.values()


def _complete_operation(operation: dict[str, Any], components: Components) -> None:
    """Say of an operation what holds for all of them; one that names no key is open to everybody."""
    responses = operation["responses"]
    named = [
        error
        for status, error in _BY_STATUS.items()
        if _schema(responses.get(status)) == f"#/components/schemas/{error.__name__}Problem"
    ]
    if _schema(responses.get("422")) == "#/components/schemas/HTTPValidationError":
        # Said by FastAPI of every route with parameters; a name in the path takes any text.
        del responses["422"]
        if "requestBody" in operation or any(each["in"] != "path" for each in operation["parameters"]):
            named.append(_BY_STATUS["422"])
    keyed = () if operation.pop("security", None) is None else _KEY_ERRORS
    if not keyed:
        operation["security"] = []
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-ID"] = _request_id(components)
        if response["description"] == "Successful Response":
            response["description"] = operation["summary"]
    for error in sorted({*_COMMON_ERRORS, *keyed, *named}, key=lambda each: each.status):
        responses[str(error.status)] = _refusal(error, components)


def _schema(response: dict[str, Any] | None) -> object:
    content = (response or {}).get("content", {})
    return content.get("application/json", content.get(MEDIA_TYPE, {})).get("schema", {}).get("$ref")


def _refusal(error: type[PoolhouseError], components: Components) -> JsonObject:
    """A refusal as one response for all operations, with its own type, which FastAPI gives to answers alone."""
    response = {**refusal_responses(error)[error.status]}
    schema = response.pop("model").model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.sections["schemas"] |= {**schema.pop("$defs"), schema["title"]: schema}
    response["headers"] = {"X-Request-ID": _request_id(components), **response["headers"]}
    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{error.__name__}Problem"}}}
    return components.add_ref("responses", error.__name__, response)


def _request_id(components: Components) -> JsonObject:
    words = "The request's own X-Request-ID if it is printable ASCII of at most 128 characters, else a new one."
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    return components.add_ref("headers", "X-Request-ID", {"description": words, "required": True, "schema": schema})


def _without_titles(part: Any) -> Any:
    """Without the titles that pydantic makes of names: generators of clients would call classes after them."""
    if isinstance(part, dict):
        return {key: _without_titles(each) for key, each in part.items() if key != "title" or not isinstance(each, str)}
    return [_without_titles(each) for each in part] if isinstance(part, list) else part
