"""The OpenAPI operations of inference, which FastAPI does not know: they are an ASGI endpoint of their own."""

from __future__ import annotations

from typing import Any, Final

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import (
    DeadlinePassed,
    NotFound,
    PoolhouseError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from poolhouse.models import VERSION
from poolhouse.rest.openapi.components import Components, JsonObject, object_schema
from poolhouse.wire.open_inference.request import MAX_ID_CHARS, MAX_TENSORS

INFER_ERRORS: Final[tuple[type[PoolhouseError], ...]] = (
    NotFound,
    TooLarge,
    UnsupportedMediaType,
    DeadlinePassed,
    Unavailable,
)
"""The errors of inference in addition to those of all requests."""

_PATH: Final = "/v2/models/{model}/infer"
_VERSIONED_PATH: Final = "/v2/models/{model}/versions/{version}/infer"
_HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_TEXT: Final[JsonObject] = {"type": "string"}
_COUNT: Final[JsonObject] = {"type": "integer", "format": "int64", "minimum": 0}
_SHAPE: Final[JsonObject] = {"type": "array", "items": _COUNT}
_DATATYPE: Final[JsonObject] = {"type": "string", "enum": [row.open_inference_name for row in ELEMENT_TYPES.values()]}
_PARAMETERS: Final[JsonObject] = {"type": "object", "additionalProperties": True}
_BODY_PARTS: Final = (
    f"The JSON object, whose length in bytes is in {_HEADER_LENGTH}, and directly after it the elements of the tensors "
    "with `binary_data_size`, in the order of the JSON: C-ordered and little-endian, without gaps."
)
_DESCRIPTION: Final = f"""\
Pools one request. `GET /v2/models/{{model}}` describes the tensors of a model and its parameters.

The operator's fields are members of `parameters`; a size is `3`, `[3, 2]` or `"3,2"`. Clients that cannot send
parameters write them into the header `Pool-Parameters`, or use a preset. Required fields that a request leaves out have
the values that the model's metadata shows.

The elements of an input are in exactly one of `data`, the bytes behind the JSON, and a shared memory region. A request
whose elements are all in JSON needs no {_HEADER_LENGTH}, and `Content-Type` is never looked at."""
_EXAMPLE: Final[JsonObject] = {
    "parameters": {"kernel_size": 2},
    "inputs": [
        {"name": "input", "shape": [1, 1, 2, 4], "datatype": "FP32", "data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}
    ],
}
_ANSWER: Final[JsonObject] = {
    "model_name": "max_pool2d",
    "model_version": VERSION,
    "outputs": [{"name": "output", "datatype": "FP32", "shape": [1, 1, 1, 2], "data": [6.0, 8.0]}],
}


def infer_operations(components: Components) -> dict[str, dict[str, Any]]:
    """The paths of inference, without the errors and headers that all operations have.

    Args:
        components: for the shared parts.
    """
    model = _parameter("model", "path", "An operator, a preset of the service, or pool.", _TEXT)
    version = _parameter("version", "path", f"The version; each model has only {VERSION}.", _TEXT)
    return {
        _PATH: {"post": _operation("infer", "Pool with a model.", [model], components)},
        _VERSIONED_PATH: {
            "post": _operation("infer_version", "Pool with a version of a model.", [model, version], components)
        },
    }


def _operation(name: str, summary: str, path_parameters: list[JsonObject], components: Components) -> dict[str, Any]:
    binary: JsonObject = {"type": "string", "format": "binary", "description": _BODY_PARTS}
    request = components.add_ref("schemas", "InferRequest", _request_schema(components))
    response = components.add_ref("schemas", "InferResponse", _response_schema(components))
    headers = {_HEADER_LENGTH: components.add_ref("headers", _HEADER_LENGTH, _length_header())}
    return {
        "tags": ["inference"],
        "summary": summary,
        "description": _DESCRIPTION,
        "operationId": name,
        "security": [{"key": []}],
        "parameters": [
            *path_parameters,
            *(components.add_ref("parameters", each["name"], each, "infer") for each in _header_parameters()),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": request, "example": _EXAMPLE},
                "application/octet-stream": {"schema": binary},
            },
        },
        "responses": {
            "200": {
                "description": "The outputs: JSON, or JSON and bytes if an output is binary.",
                "headers": headers,
                "content": {
                    "application/json": {"schema": response, "example": _ANSWER},
                    "application/octet-stream": {"schema": binary},
                },
            }
        },
    }


def _request_schema(components: Components) -> JsonObject:
    region: JsonObject = {
        "shared_memory_region": {**_TEXT, "description": "The name of a registered region."},
        "shared_memory_byte_size": _COUNT,
        "shared_memory_offset": {**_COUNT, "default": 0},
    }
    input_parameters = object_schema(
        {"binary_data_size": {**_COUNT, "description": "The bytes of this input behind the JSON."}, **region}, ()
    )
    output_parameters = object_schema(
        {
            "binary_data": {"type": "boolean", "description": "Whether the output follows the JSON as bytes."},
            "classification": {**_COUNT, "description": "Return this number of the largest elements, as text."},
            **region,
        },
        (),
    )
    data: JsonObject = {
        "type": "array",
        "items": {},
        "description": "The elements, flat in C order or nested like the shape.",
    }
    read = object_schema(
        {
            "name": {**_TEXT, "minLength": 1},
            "shape": _SHAPE,
            "datatype": _DATATYPE,
            "parameters": components.add_ref("schemas", "InferInputParameters", input_parameters),
            "data": data,
        },
        ("name", "shape", "datatype"),
        "An input tensor.",
    )
    written = object_schema(
        {
            "name": {**_TEXT, "minLength": 1},
            "parameters": components.add_ref("schemas", "InferOutputParameters", output_parameters),
        },
        ("name",),
        "A requested output.",
    )
    return object_schema(
        {
            "id": {**_TEXT, "maxLength": MAX_ID_CHARS, "description": "Returned in the response."},
            "parameters": {
                **_PARAMETERS,
                "description": "The operator's fields; `op` names the operator of the model pool; `timeout` in "
                "microseconds; `binary_data_output` makes outputs binary that do not say; `stats` adds times to the "
                "response.",
            },
            "inputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_TENSORS,
                "items": components.add_ref("schemas", "InferInput", read),
            },
            "outputs": {
                "type": "array",
                "maxItems": MAX_TENSORS,
                "items": components.add_ref("schemas", "InferOutput", written),
                "description": "Without it, all outputs.",
            },
        },
        ("inputs",),
    )


def _response_schema(components: Components) -> JsonObject:
    output = object_schema(
        {
            "name": _TEXT,
            "datatype": {**_TEXT, "description": "As in the request; BYTES for a classification."},
            "shape": _SHAPE,
            "parameters": object_schema({"binary_data_size": _COUNT}, ()),
            "data": {"type": "array", "items": {}, "description": "The elements, flat in C order."},
        },
        ("name", "datatype", "shape"),
        "An output, with data, or with binary_data_size, or with neither if it is in shared memory.",
    )
    return object_schema(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "parameters": {**_PARAMETERS, "description": "Seed, warnings and times, where there are some."},
            "outputs": {"type": "array", "items": components.add_ref("schemas", "InferResponseOutput", output)},
        },
        ("model_name", "model_version", "outputs"),
    )


def _header_parameters() -> list[dict[str, Any]]:
    return [
        _parameter(
            _HEADER_LENGTH,
            "header",
            "The length of the JSON at the start of the body in bytes; needed if bytes follow it.",
            {"type": "integer", "format": "int64", "minimum": 1},
        ),
        _parameter(
            "Pool-Parameters",
            "header",
            "Fields of the operator as in a query string, such as kernel_size=3&stride=2; members of parameters win.",
            _TEXT,
        ),
        _parameter(
            "Content-Encoding",
            "header",
            "The compression of the body.",
            {"type": "string", "enum": ["identity", "gzip", "deflate", "zstd"]},
        ),
    ]


def _parameter(name: str, where: str, description: str, schema: JsonObject) -> dict[str, Any]:
    required: JsonObject = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, **required, "description": description, "schema": schema}


def _length_header() -> JsonObject:
    return {
        "description": "With application/octet-stream: the length of the JSON at the start of the body in bytes.",
        "schema": {"type": "integer", "format": "int64", "minimum": 1},
    }
