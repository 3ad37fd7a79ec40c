"""Complete the OpenAPI document that FastAPI generates from the routes.

Added are two paths for each operator, those of inference, the errors that the server and the middleware can return for
any request, and the headers that they add to every response.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from poolhouse.errors import (
    Forbidden,
    HeadersTooLarge,
    InternalError,
    Malformed,
    PoolhouseError,
    QuotaExceeded,
    TooSlow,
    Unauthorized,
    Unprocessable,
)
from poolhouse.models import VERSION
from poolhouse.operators.catalogue import Catalogue
from poolhouse.rest.http.problems import MEDIA_TYPE
from poolhouse.rest.openapi.components import Components, JsonObject
from poolhouse.rest.openapi.inference import INFER_ERRORS, infer_operations
from poolhouse.rest.openapi.operators import plan_operation, pool_operation
from poolhouse.rest.openapi.poolings import (
    PLAN_PATH,
    POOL_PATH,
    plan_poolings_operation,
    pool_poolings_operation,
)
from poolhouse.rest.openapi.problem_models import MODELS, InferenceError, refusal_responses
from poolhouse.rest.openapi.traces import trace_operation

_PLAN: Final = "/v1/plan/{operator}"
_TRACE: Final = "/v1/trace/{operator}"
_CARD: Final = "/v1/operators/{operator}"
_MODEL: Final = "/v2/models/{model}"
_INFERENCE: Final = "/v2"
"""The start of the paths whose errors have the form of the Open Inference Protocol."""
_COMMON_ERRORS: Final = (Malformed, TooSlow, HeadersTooLarge, InternalError)
"""Errors of any request: malformed, received too slowly, too many headers, a failure of the service."""
_KEY_ERRORS: Final = (Unauthorized, QuotaExceeded)
"""Errors of any request that needs an API key."""
_ERROR_NAMES: Final = frozenset(error.__name__ for error in MODELS)
_BY_STATUS: Final[dict[str, type[PoolhouseError]]] = {str(error.status): error for error in MODELS}


_PATH_EXAMPLES: Final = {"model": "max_pool2d", "version": VERSION, "region": "input"}
"""The documentation page prefills them."""


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
    if (template := generated["paths"].pop(PLAN_PATH, {}).get("post")) is not None:
        _complete_operation(template, components)
        headers = [each for each in template["parameters"] if each["in"] == "header"]
        template["parameters"] = [components.add_ref("parameters", each["name"], each) for each in headers]
        paths[POOL_PATH] = {"post": pool_poolings_operation(catalogue, template, components)}
        paths[PLAN_PATH] = {"post": plan_poolings_operation(catalogue, template, components)}
    if (template := generated["paths"].pop(_TRACE, {}).get("post")) is not None:
        _complete_operation(template, components)
        paths[_TRACE] = {"post": trace_operation(catalogue, template, components)}
    for path, operation in _operations(generated["paths"]):
        _complete_operation(operation, components, as_inference=path.startswith(_INFERENCE))
    if _MODEL in generated["paths"]:
        for path, methods in infer_operations(components).items():
            paths[path] = methods
            _complete_operation(methods["post"], components, INFER_ERRORS, as_inference=True)
    for _, operation in _operations(paths | generated["paths"]):
        for parameter in operation.get("parameters", ()):
            if parameter.get("in") == "path" and parameter["name"] in _PATH_EXAMPLES:
                parameter["example"] = _PATH_EXAMPLES[parameter["name"]]
    if _CARD in generated["paths"]:
        generated["paths"][_CARD]["get"]["parameters"][0]["schema"]["enum"] = list(catalogue.names)
    rendered_otherwise = (f"{error}Problem" for error in _ERROR_NAMES - components.sections["responses"].keys())
    for name in ("HTTPValidationError", "ValidationError", *rendered_otherwise):
        components.sections["schemas"].pop(name, None)
    return {
        **{part: generated[part] for part in ("openapi", "info", "servers")},
        # A service without API keys needs none; one with keys does.
        "security": [{}, {"key": []}],
        "tags": generated["tags"],
        "paths": _without_titles(paths | generated["paths"]),
        "components": _without_titles({name: components.sections[name] for name in sorted(components.sections)}),
    }


def _operations(paths: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in paths.items():
        for operation in methods.values():
            yield path, operation


def _complete_operation(
    operation: dict[str, Any],
    components: Components,
    errors: Iterable[type[PoolhouseError]] = (),
    *,
    as_inference: bool = False,
) -> None:
    """Add to an operation the errors and headers that all of them have.

    Args:
        operation: to be completed.
        components: for the shared parts.
        errors: of the operation, in addition to those that its responses name.
        as_inference: whether its errors have the form of the Open Inference Protocol.
    """
    responses = operation["responses"]
    route_errors = [
        *errors,
        *(
            error
            for status, error in _BY_STATUS.items()
            if _schema(responses.get(status)) == f"#/components/schemas/{error.__name__}Problem"
        ),
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
    page_errors = (Forbidden,) if "requestBody" in operation else ()
    for error in sorted({*_COMMON_ERRORS, *key_errors, *page_errors, *route_errors}, key=lambda each: each.status):
        if not as_inference:
            responses[str(error.status)] = _refusal(error, components)
        elif error is Unprocessable:
            # The protocol has no such status; its errors are among those of 400.
            responses.pop(str(error.status), None)
        else:
            responses[str(error.status)] = _inference_refusal(error, components)


def _schema(response: dict[str, Any] | None) -> object:
    content = (response or {}).get("content", {})
    return content.get("application/json", content.get(MEDIA_TYPE, {})).get("schema", {}).get("$ref")


def _refusal(error: type[PoolhouseError], components: Components) -> JsonObject:
    """The shared response of an error class, as application/problem+json; FastAPI would declare it as JSON."""
    if (known := components.find_ref("responses", error.__name__)) is not None:
        return known
    response = {**refusal_responses(error)[error.status]}
    schema = response.pop("model").model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.sections["schemas"] |= {**schema.pop("$defs"), schema["title"]: schema}
    response["headers"] = {"X-Request-ID": _request_id(components), **response["headers"]}
    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{error.__name__}Problem"}}}
    return components.add_ref("responses", error.__name__, response)


def _inference_refusal(error: type[PoolhouseError], components: Components) -> JsonObject:
    """The shared response of an error class in the form of the Open Inference Protocol."""
    if (known := components.find_ref("responses", f"Inference{error.__name__}")) is not None:
        return known
    response = {**refusal_responses(error)[error.status]}
    del response["model"]
    if error is Malformed:
        response["description"] += " Or a field, shape, element type or index is invalid."
    schema = InferenceError.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components.sections["schemas"] |= {**schema.pop("$defs"), schema["title"]: schema}
    response["headers"] = {"X-Request-ID": _request_id(components), **response["headers"]}
    response["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema['title']}"}}}
    return components.add_ref("responses", f"Inference{error.__name__}", response)


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
