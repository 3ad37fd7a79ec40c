"""The two OpenAPI operations of an operator, pooling and planning, generated from its declaration."""

from __future__ import annotations

import json
from typing import Any, Final

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.fields import Field
from poolhouse.operators.operator import Operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.rest.openapi.components import (
    Components,
    JsonObject,
    object_schema,
    output_tensor,
    ranks_of,
    request_tensors,
)
from poolhouse.text_values import INTEGER_PATTERN, list_pattern
from poolhouse.wire.codecs import CODECS, PICTURE_CODECS
from poolhouse.wire.images.codec import PNG
from poolhouse.wire.multipart.codec import MULTIPART_TYPE

_BODIES: Final = {
    "npy": "One array; the fields are query parameters.",
    "npz": "Arrays by name; the fields are query parameters.",
    "safetensors": "Tensors by name; the fields are query parameters, or in __metadata__ as poolhouse.NAME.",
    "raw": "Raw C-ordered little-endian elements; shape, dtype and the fields are query parameters.",
}
_RESPONSES: Final = {
    "npy": "One array. For two outputs without Accept the response is npz.",
    "npz": "Arrays by name, not compressed.",
    "safetensors": "Tensors by name.",
    "raw": "The raw elements of the outputs one after another; Tensor-Metadata has their offsets.",
}
_PICTURE_BODY: Final = "One picture, as (1, C, H, W); the fields are query parameters."
_PICTURE_RESPONSE: Final = "The output as a picture, if it has 1 to 4 channels of uint8 or uint16."
_FORM: Final = (
    "A form with one file: a picture, npy, npz or safetensors. The fields are further parts, or query parameters."
)
_HEADERS: Final = {
    "Tensor-Metadata": "With application/octet-stream: JSON list of name, dtype, shape, start and end of each output; "
    "offsets in bytes.",
    "Pool-Warning": "Warnings about settings that are valid but seldom intended, as in a plan: quoted strings, "
    "separated by commas.",
}
_TIMING: Final = "Milliseconds of decode, queue, compute and encode."
_SEED: Final = "The seed of the random windows: from the request, or drawn by the service."


def pool_operation(operator: type[Operator], template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/pool/{operator}``; the arguments are as for :func:`plan_operation`, whose errors it shares."""
    example = describe.example(operator)
    encoding: JsonObject = {"type": "string", "enum": ["list", "base64"], "default": "list"}
    encoding["description"] = "How a JSON response represents elements."
    tensors = request_tensors(operator, components, metadata_only=False)
    request = _request(operator, tensors, components, {"encoding": components.add_ref("schemas", "Encoding", encoding)})
    outputs: JsonObject = {name: output_tensor(operator, components) for name in describe.output_names(operator)}
    request_bodies: JsonObject = {"application/json": {"schema": request, "example": example["request"]}}
    response_bodies: JsonObject = {
        "application/json": {
            "schema": object_schema(outputs, describe.required_outputs(operator)),
            "example": example["answer"],
        }
    }
    takes_pictures = _pools_files(operator) and operator.rank == 2
    if takes_pictures:
        # Before raw elements: generated clients that know only bytes send them with the last type.
        request_bodies |= {
            name: {"schema": binary_schema(_PICTURE_BODY)} for codec in PICTURE_CODECS for name in codec.media_types[:1]
        }
    for codec in CODECS:
        if codec.is_json:
            continue
        if _takes_one_tensor(operator) or codec.name in ("npz", "safetensors"):
            body = binary_schema(_body_description(operator, codec.name))
            request_bodies |= {name: {"schema": body} for name in codec.media_types}
        # A response has the codec's first media type, whichever the request had.
        response_bodies[codec.media_types[0]] = {"schema": binary_schema(_RESPONSES[codec.name])}
    if takes_pictures:
        response_bodies[PNG.media_types[0]] = {"schema": binary_schema(_PICTURE_RESPONSE)}
    if _pools_files(operator):
        request_bodies[MULTIPART_TYPE] = {"schema": form_schema()}
    more: dict[str, JsonObject] = {}
    if any(field.name == "seed" for field in operator.fields()):
        more["Pool-Seed"] = {"description": _SEED, "required": True, "schema": {"type": "integer", "minimum": 0}}
    pooled: JsonObject = {
        "description": "The outputs, in the format that Accept requests, else in the format of the request.",
        "headers": {
            "X-Request-ID": template["responses"]["200"]["headers"]["X-Request-ID"],
            **response_headers(components, more),
        },
        "content": response_bodies,
    }
    return {
        **template,
        "operationId": _identifier(operator),
        "tags": [describe.tag(operator)],
        "summary": describe.summary(operator),
        "description": _description(operator),
        "parameters": [
            *template["parameters"],
            *(_query_parameter(operator, field, components) for field in operator.fields()),
            *_raw_parameters(operator, components),
        ],
        "requestBody": {"required": True, "content": request_bodies},
        "responses": {**template["responses"], "200": pooled},
    }


def response_headers(components: Components, more: dict[str, JsonObject]) -> JsonObject:
    """The headers of a pooling response.

    Args:
        components: for the shared parts.
        more: in addition to those that all such responses have.
    """
    text = {"type": "string"}
    headers: dict[str, JsonObject] = {
        name: {"description": description, "schema": text} for name, description in _HEADERS.items()
    }
    headers["Server-Timing"] = {"description": _TIMING, "required": True, "schema": text}
    return {name: components.add_ref("headers", name, header) for name, header in (headers | more).items()}


def plan_operation(operator: type[Operator], template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/plan/{operator}``.

    Args:
        operator: the operator.
        template: FastAPI's operation of the route with the parameter ``{operator}``.
        components: for the shared parts.
    """
    request = _request(operator, request_tensors(operator, components, metadata_only=True), components)
    json_body = {"schema": request, "example": describe.plan_example(operator)}
    planned = components.add_ref("responses", "Plan", template["responses"]["200"])
    return {
        **template,
        "operationId": f"plan_{_identifier(operator)}",
        "tags": [describe.tag(operator)],
        "summary": f"Plan {operator.name}: result shapes, bytes and cost, from the input's metadata.",
        "requestBody": {"required": True, "content": {"application/json": json_body}},
        "responses": {**template["responses"], "200": planned},
    }


def _identifier(operator: type[Operator]) -> str:
    # Client generators make a function's name of it.
    return operator.name.replace(".", "_")


def _takes_one_tensor(operator: type[Operator]) -> bool:
    """Whether a format that holds one tensor can hold a request."""
    return len(describe.needed_inputs(operator)) == 1


def _pools_files(operator: type[Operator]) -> bool:
    """Whether a file with one array, which may be a picture, is a usual input."""
    return issubclass(operator, PlaneOperator) and operator.inputs == ("input",)


def _body_description(operator: type[Operator], codec: str) -> str:
    names = ", ".join(operator.inputs)
    return _BODIES[codec] if len(operator.inputs) == 1 else _BODIES[codec].replace("by name", f"by name: {names}")


def _component_name(operator: type[Operator], name: str) -> str:
    """The name of a component that operators of one rank, and of one framework, share; others have one of their own."""
    if issubclass(operator, RegionOperator):
        return f"{_identifier(operator)}_{name}"
    framework, dot, _ = operator.name.partition(".")
    rank = "" if operator.is_rank_free else f"_{operator.rank}d"
    return f"{framework}_{name}{rank}" if dot else f"{name}{rank}"


def _description(operator: type[Operator]) -> str:
    types = "\n".join(f"- {kind}: {semantics}" for kind, semantics in operator.element_types.items())
    parts = [describe.docstring(operator), f"Shape: {operator.shape_rule}", f"Element types:\n\n{types}"]
    optional = {"Padding": operator.padding_value, "Indices": operator.index_meaning, "Source": operator.source}
    return "\n\n".join([*parts, *(f"{heading}: {text}" for heading, text in optional.items() if text)])


def _request(
    operator: type[Operator], tensors: JsonObject, components: Components, extra: JsonObject | None = None
) -> JsonObject:
    """The schema of the JSON body: tensors, fields, and extra members."""
    fields: JsonObject = {
        field.name: components.add_ref(
            "schemas", _component_name(operator, field.name), _field_schema(operator, field), operator.name
        )
        for field in operator.fields()
    }
    optional = {each.name for each in operator.companions if not each.is_required}
    required = [name for name in tensors if name not in optional]
    required += [field.name for field in operator.fields() if field.is_required]
    return object_schema({**tensors, **fields, **(extra or {})}, required)


def _field_schema(operator: type[Operator], field: Field) -> JsonObject:
    """The schema of a field. If the field accepts several types, its default is in the description only, since client
    generators for typed languages would assign a default of one type to a variable of another."""
    schema: JsonObject = dict(field.schema(operator.rank))
    if "oneOf" in schema and schema.get("default") is not None:
        schema["description"] = f"{schema['description']} Default {json.dumps(schema.pop('default'))}."
    return schema


def _query_parameter(operator: type[Operator], field: Field, components: Components) -> JsonObject:
    usage = "Required with a binary body" if field.is_required else "For binary bodies"
    default = f" Default: the value of {field.default_from}." if field.default_from else ""
    example = str(field.example).lower() if isinstance(field.example, bool) else field.example
    # Not the parameter's "example": the page would prefill it, and a request with a JSON body would have it twice.
    example_text = "" if example is None else f" Example: {example}."
    description = f"{field.meaning}{default} {usage}; in a JSON body it is a member.{example_text}"
    key = _component_name(operator, field.name)
    return components.add_ref(
        "parameters", key, _query(field.name, description, field.text_schema(operator.rank)), operator.name
    )


def _raw_parameters(operator: type[Operator], components: Components) -> list[JsonObject]:
    if not _takes_one_tensor(operator):
        return []
    sizes = {"type": "string", "pattern": list_pattern(INTEGER_PATTERN, _dimensions(operator))}
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in operator.element_types]
    usage = "Required with application/octet-stream, and not allowed otherwise."
    if issubclass(operator, RegionOperator):
        example = ",".join(map(str, operator.example_inputs(operator.samples[0])["input"].shape))
        shape = f"Shape of a raw body, such as {example}. {usage}"
    else:
        example = ",".join(["1"] * 2 + ["4"] * operator.rank)
        shape = f"Shape of a raw body, (N, C, *spatial) or (C, *spatial), such as {example}. {usage}"
    dtype = _query("dtype", f"Element type of a raw body. {usage}", {"type": "string", "enum": names})
    return [
        components.add_ref("parameters", _component_name(operator, "shape"), _query("shape", shape, sizes)),
        components.add_ref("parameters", "dtype", dtype, f"of_{'_'.join(sorted(operator.element_types))}"),
    ]


def _dimensions(operator: type[Operator]) -> tuple[int, ...]:
    """The possible numbers of dimensions of an input; a rank that the shape decides needs N."""
    if issubclass(operator, RegionOperator):
        return operator.input_dimensions
    if operator.is_rank_free:
        return tuple(rank + 2 for rank in ranks_of(operator))
    return operator.rank + 1, operator.rank + 2


def _query(name: str, description: str, schema: object) -> JsonObject:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def form_schema() -> JsonObject:
    """The schema of a form; its other parts are the query parameters, which are not repeated here."""
    return object_schema({"input": binary_schema("The file.")}, ["input"]) | {
        "additionalProperties": {"type": "string"},
        "description": _FORM,
    }


def binary_schema(description: str) -> JsonObject:
    """The schema of a body of bytes."""
    # OpenAPI 3.1 needs no type for bytes, but client generators recognise bytes by OpenAPI 3.0's type and format.
    return {"type": "string", "format": "binary", "description": description}
