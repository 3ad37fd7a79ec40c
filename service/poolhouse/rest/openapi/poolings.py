"""The OpenAPI operations of several poolings in one request."""

from __future__ import annotations

from typing import Any, Final

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import Catalogue
from poolhouse.poolings.entries import MAX_POOLINGS
from poolhouse.poolings.names import INPUT_NAME, POOLING_NAME
from poolhouse.poolings.plan import MAX_OUTPUTS
from poolhouse.poolings.run import SEEDS_HEADER
from poolhouse.poolings.tensors import MAX_INPUTS
from poolhouse.rest.openapi.components import Components, JsonObject, object_schema
from poolhouse.rest.openapi.operators import binary_schema, form_schema, response_headers
from poolhouse.wire.codecs import CODECS, PICTURE_CODECS
from poolhouse.wire.multipart.codec import MULTIPART_TYPE

PLAN_PATH: Final = "/v1/plan"
POOL_PATH: Final = "/v1/pool"
_TAG: Final = "poolings"
_TEXT: Final[JsonObject] = {"type": "string"}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_SHAPE: Final[JsonObject] = {"type": "array", "items": _COUNT}
_DTYPE: Final[JsonObject] = {"type": "string", "enum": list(ELEMENT_TYPES)}
_ANY_LIST: Final[JsonObject] = {"type": "array", "items": {}, "description": "Elements, nested or flat in C order."}
_BASE64: Final[JsonObject] = {**_TEXT, "contentEncoding": "base64", "description": "C-ordered little-endian elements."}
_BODIES: Final = {
    "npy": "One array; the list is the query parameter poolings.",
    "npz": "The array input, or several of other names, each of which is pooled; the list is the query parameter "
    "poolings.",
    "safetensors": "The tensor input, or several of other names, each of which is pooled; the list is the query "
    "parameter poolings, or poolings in __metadata__.",
    "raw": "Raw C-ordered little-endian elements; shape, dtype and poolings are query parameters.",
}
_RESPONSES: Final = {
    "npy": "One array, for a request with one output.",
    "npz": "Arrays by name, not compressed.",
    "safetensors": "Tensors by name.",
    "raw": "The raw elements of at most 64 outputs one after another; Tensor-Metadata has their offsets.",
}
_DESCRIPTION: Final = f"""\
Every pooling of the list pools the input; with `of` it pools an output of an earlier one. Instead of one input there
may be up to {MAX_INPUTS}, of any shapes: the object `inputs` of a JSON body, or the arrays of a file none of which is
named `input`. Each is pooled by every pooling.

The first output of a pooling has its name, further ones `NAME.indices`, `NAME.valid` or `NAME.level2`. Of several
inputs they begin with the name of the input and a dot; the outputs of a single pooling without a name have the names of
the inputs. There may be up to {MAX_OUTPUTS} outputs.

A refusal refuses the whole request, and its JSON pointer names the pooling: `/poolings/2/kernel_size`."""
_EXAMPLE_LIST: Final[list[JsonObject]] = [
    {"operator": "max_pool1d", "name": "peaks", "kernel_size": 2},
    {"operator": "avg_pool1d", "of": "peaks", "kernel_size": 2},
]
_EXAMPLE: Final[JsonObject] = {"input": [[1, 3, 2, 4]], "poolings": _EXAMPLE_LIST}
_ANSWER: Final[JsonObject] = {
    "peaks": {"dtype": "float32", "shape": [1, 2], "data": [[3.0, 4.0]]},
    "avg_pool1d": {"dtype": "float32", "shape": [1, 1], "data": [[3.5]]},
}


def pool_poolings_operation(catalogue: Catalogue, template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/pool``.

    Args:
        catalogue: the operators.
        template: FastAPI's operation of ``/v1/plan``, whose errors and headers it shares.
        components: for the shared parts.
    """
    encoding = {"$ref": "#/components/schemas/Encoding"}
    tensor = components.add_ref("schemas", "AnyTensor", any_tensor())
    request = _request(catalogue, components, tensor, {"encoding": encoding})
    answer: JsonObject = {
        "type": "object",
        "additionalProperties": components.add_ref("schemas", "AnyResponseTensor", any_response_tensor()),
    }
    request_bodies: JsonObject = {"application/json": {"schema": request, **_example(catalogue, _EXAMPLE)}}
    response_bodies: JsonObject = {"application/json": {"schema": answer, **_example(catalogue, _ANSWER)}}
    for codec in PICTURE_CODECS:
        picture = binary_schema("One picture, as (1, C, H, W); the list is the query parameter poolings.")
        request_bodies[codec.media_types[0]] = {"schema": picture}
    for codec in CODECS:
        if not codec.is_json:
            request_bodies |= {name: {"schema": binary_schema(_BODIES[codec.name])} for name in codec.media_types}
            response_bodies[codec.media_types[0]] = {"schema": binary_schema(_RESPONSES[codec.name])}
    request_bodies[MULTIPART_TYPE] = {"schema": form_schema()}
    seeds: JsonObject = {
        "description": "The seeds of random poolings, a JSON object by the name of the output.",
        "schema": _TEXT,
    }
    headers = response_headers(components, {SEEDS_HEADER: seeds})
    return {
        **template,
        "operationId": "pool_several",
        "tags": [_TAG],
        "summary": "Several poolings of one input, or of several.",
        "description": _DESCRIPTION,
        "parameters": [*template["parameters"], *_query_parameters(components)],
        "requestBody": {"required": True, "content": request_bodies},
        "responses": {
            **template["responses"],
            "200": {
                "description": "The outputs by name, in the format that Accept requests, else in that of the request.",
                "headers": {
                    "X-Request-ID": template["responses"]["200"]["headers"]["X-Request-ID"],
                    **headers,
                },
                "content": response_bodies,
            },
        },
    }


def plan_poolings_operation(catalogue: Catalogue, template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/plan``; the arguments are as for :func:`pool_poolings_operation`."""
    metadata = object_schema(
        {"shape": _SHAPE, "dtype": {**_DTYPE, "default": "float32"}}, ["shape"], "A tensor without elements."
    )
    tensor = components.add_ref("schemas", "AnyTensorMetadata", metadata)
    request = _request(catalogue, components, tensor, {})
    example = _example(catalogue, {"input": {"shape": [1, 4]}, "poolings": _EXAMPLE_LIST})
    return {
        **template,
        "operationId": "plan_several",
        "tags": [_TAG],
        "summary": "Plan several poolings: result shapes, bytes and cost, from the metadata of the inputs.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": request, **example}}},
    }


def _example(catalogue: Catalogue, example: JsonObject) -> JsonObject:
    """The member ``example``, if the catalogue has the operators of the examples."""
    has_all = {str(each["operator"]) for each in _EXAMPLE_LIST} <= set(catalogue.names)
    return {"example": example} if has_all else {}


def _request(catalogue: Catalogue, components: Components, tensor: JsonObject, extra: JsonObject) -> JsonObject:
    named: JsonObject = {
        "type": "object",
        "description": "Several inputs by name.",
        "minProperties": 1,
        "maxProperties": MAX_INPUTS,
        "propertyNames": {"pattern": f"^{INPUT_NAME}$"},
        "additionalProperties": tensor,
    }
    poolings: JsonObject = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_POOLINGS,
        "items": components.add_ref("schemas", "Pooling", _pooling(catalogue)),
    }
    tensors: JsonObject = {"input": tensor, **dict.fromkeys(companion_names(catalogue), tensor), "inputs": named}
    return object_schema({**tensors, "poolings": poolings, **extra}, ["poolings"]) | {
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}]
    }


def companion_names(catalogue: Catalogue) -> list[str]:
    """The names of the tensors that operators take beside their input."""
    return list(dict.fromkeys(each.name for operator in catalogue for each in operator.companions))


def _companion(name: str, earlier: str) -> JsonObject:
    usage = "for unpooling. By default those of `of`." if name == "indices" else f"for operators that take {name}."
    return {**_TEXT, "minLength": 1, "description": f"{earlier}, {usage}"}


def _pooling(catalogue: Catalogue) -> JsonObject:
    earlier = "The name of an earlier output of the list, such as a or a.indices"
    return {
        "type": "object",
        "description": "One pooling: its operator, and the operator's fields beside it.",
        "required": ["operator"],
        "properties": {
            "operator": {"type": "string", "enum": list(catalogue.names)},
            "name": {**_TEXT, "pattern": f"^{POOLING_NAME}$", "description": "By default that of the operator."},
            "of": {**_TEXT, "minLength": 1, "description": f"{earlier}, which is pooled in place of the input."},
            **{name: _companion(name, earlier) for name in companion_names(catalogue)},
            "returned": {
                "type": "boolean",
                "default": True,
                "description": "Whether its outputs are in the response; false for one that only later ones need.",
            },
        },
        "additionalProperties": True,
    }


def any_tensor() -> JsonObject:
    """The schema of a tensor with its elements, of any shape and type."""
    known: JsonObject = {"shape": _SHAPE, "dtype": {**_DTYPE, "default": "float32"}}
    return {
        "description": "Nested lists of float32 elements, or an object that has the element type too.",
        "anyOf": [
            _ANY_LIST,
            object_schema({"data": _ANY_LIST, **known}, ["data"]),
            object_schema({"base64": _BASE64, **known}, ["base64", "shape"]),
        ],
    }


def any_response_tensor() -> JsonObject:
    """The schema of a tensor in a response, of any shape and type."""
    known: JsonObject = {"dtype": _DTYPE, "shape": _SHAPE}
    forms: JsonObject = {"data": _ANY_LIST, "base64": _BASE64}
    return {
        "description": "A tensor; it has base64 instead of data if encoding is base64.",
        "oneOf": [object_schema({**known, name: form}, [*known, name]) for name, form in forms.items()],
    }


def _query_parameters(components: Components) -> list[JsonObject]:
    usage = "Required with application/octet-stream, and not allowed otherwise."
    rows: dict[str, tuple[str, JsonObject]] = {
        "poolings": ("The list as JSON text, for bodies in which it is not.", {**_TEXT, "maxLength": 65536}),
        "shape": (f"Shape of a raw body, such as 1,3,224,224. {usage}", _TEXT),
        "dtype": (f"Element type of a raw body. {usage}", _DTYPE),
    }
    return [
        components.add_ref(
            "parameters",
            name,
            {"name": name, "in": "query", "description": description, "schema": schema},
            "of_poolings",
        )
        for name, (description, schema) in rows.items()
    ]
