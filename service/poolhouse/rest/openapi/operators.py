"""The operations of one operator in the OpenAPI document: pooling and planning, from its declaration."""

from __future__ import annotations

from typing import Final

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import (
    DeadlinePassed,
    HeadersTooLarge,
    InternalError,
    Malformed,
    NotAcceptable,
    PoolhouseError,
    QuotaExceeded,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from poolhouse.operators.fields import Field
from poolhouse.operators.operator import Operator
from poolhouse.rest.openapi.components import (
    COUNT,
    SIZE,
    TEXT,
    Components,
    Part,
    answered,
    closed,
    index_outline,
    indices,
    listed,
    outline,
    refusals,
    request_id_header,
    tensor,
)
from poolhouse.text_values import INTEGER, list_pattern
from poolhouse.wire.codecs import CODECS

ANYWHERE: Final[tuple[type[PoolhouseError], ...]] = (Malformed, TooSlow, HeadersTooLarge, InternalError)
"""What any request can be refused with: unreadable bytes, late or too many headers, a fault of ours."""

KEYED: Final[tuple[type[PoolhouseError], ...]] = (Unauthorized, QuotaExceeded)
"""What a request can be refused with where keys are configured and its path is not open to everybody."""

_PLANNING = (*ANYWHERE, *KEYED, NotAcceptable, TooLarge, UnsupportedMediaType, Unprocessable, DeadlinePassed)
_POOLING = (*_PLANNING, Unavailable)

_BODIES: Final = {
    "npy": "One array; the fields stand in the query string.",
    "npz": "Arrays by name: input, and indices for unpooling; the fields stand in the query string.",
    "safetensors": "Tensors by name; the fields stand in the query string or in __metadata__ (as poolhouse.NAME).",
    "octet": "Raw C-ordered little-endian elements; shape, dtype and the fields stand in the query string.",
}
_ANSWERS: Final = {
    "npy": "One array. With two outputs and no Accept the answer is npz.",
    "npz": "Arrays by name, stored.",
    "safetensors": "Tensors by name.",
    "octet": "The raw elements of the outputs one after another; Tensor-Metadata says where each lies.",
}


def pool_operation(member: type[Operator], components: Components) -> Part:
    """``POST /v1/pool/{operator}``."""
    worked = describe.example(member)
    return {
        "operationId": member.name,
        "tags": [member.family],
        "summary": describe.summary(member),
        "description": _description(member),
        "parameters": [
            *_header_parameters(components),
            *(_query_parameter(member, field, components) for field in member.fields()),
            *_octet_parameters(member, components),
        ],
        "requestBody": {"required": True, "content": _request_content(member, worked["request"], components)},
        "responses": {
            "200": _pooled(member, worked["answer"], components),
            **refusals(components, _POOLING),
        },
    }


def plan_operation(member: type[Operator], components: Components) -> Part:
    """``POST /v1/plan/{operator}``."""
    kinds = tuple(member.element_types)
    tensors = {"input": outline(components, member.rank, kinds)}
    if "indices" in member.inputs:
        tensors["indices"] = index_outline(components, member.rank)
    request = closed(
        {**tensors, **_field_schemas(member, components)},
        [*tensors, *(field.name for field in member.fields() if field.required)],
    )
    answer: Part = {
        "description": "What pooling would give and cost.",
        "headers": {
            "X-Request-ID": request_id_header(components),
            "Server-Timing": _server_timing(components, "decode and compute"),
        },
        "content": {"application/json": {"schema": _plan_schema(components)}},
    }
    return {
        "operationId": f"plan_{member.name}",
        "tags": [member.family],
        "summary": f"Plan {member.name}: shapes, bytes and cost, from an input's outline.",
        "description": "Computes nothing. What pooling would refuse for its fields or its shape is refused here alike.",
        "parameters": _header_parameters(components),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request, "example": describe.plan_example(member)}},
        },
        "responses": {
            "200": components.refer("responses", "Planned", answer),
            **refusals(components, _PLANNING),
        },
    }


def _description(member: type[Operator]) -> str:
    types = "\n".join(f"- {kind}: {words}" for kind, words in member.element_types.items())
    parts = [describe.meaning(member), f"Shape: {describe.shape_rule(member)}", f"Element types:\n\n{types}"]
    if member.padding_value:
        parts.append(f"Padding: {member.padding_value}")
    if member.index_meaning:
        parts.append(f"Indices: {member.index_meaning}")
    if member.source:
        parts.append(f"Source: {member.source}")
    return "\n\n".join(parts)


def _field_schemas(member: type[Operator], components: Components) -> Part:
    return {
        field.name: components.refer(
            "schemas", f"{field.name}_{member.rank}d", _field_schema(member, field), member.name
        )
        for field in member.fields()
    }


def _field_schema(member: type[Operator], field: Field) -> Part:
    """What a field takes; the default of one that takes several types stands in words, since generators of clients
    for typed languages write a default of the one type where the other is declared."""
    schema: Part = dict(field.schema(member.rank))
    if "oneOf" in schema and schema.get("default") is not None:
        schema["description"] = f"{schema['description']} {schema.pop('default')} when not given."
    return schema


def _query_parameter(member: type[Operator], field: Field, components: Components) -> Part:
    needed = " Needed with a binary body." if field.required else ""
    default = f" As {field.default_from} when not given." if field.default_from else ""
    # Not as the parameter's example: pages fill that in, and a request with a JSON body would have the field twice.
    such_as = "" if field.example is None else f" Such as {_text_of(field.example)}."
    parameter: Part = {
        "name": field.name,
        "in": "query",
        "description": f"{field.meaning}{needed}{default} For binary bodies; a JSON body holds it as a field.{such_as}",
        "schema": field.text_schema(member.rank),
    }
    return components.refer("parameters", f"{field.name}_{member.rank}d", parameter, member.name)


def _text_of(example: object) -> str:
    """An example as the query has it."""
    return str(example).lower() if isinstance(example, bool) else str(example)


def _octet_parameters(member: type[Operator], components: Components) -> list[Part]:
    if member.inputs != ("input",):
        return []
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in member.element_types]
    sizes = list_pattern(INTEGER, (member.rank + 1, member.rank + 2))
    shape: Part = {
        "name": "shape",
        "in": "query",
        "description": "Shape of a raw body, (N, C, *spatial) or (C, *spatial). "
        f"Needed with application/octet-stream, and only there. Such as {','.join(['1'] * 2 + ['4'] * member.rank)}.",
        "schema": {"type": "string", "pattern": sizes},
    }
    dtype: Part = {
        "name": "dtype",
        "in": "query",
        "description": "Element type of a raw body. Needed with application/octet-stream, and only there.",
        "schema": {"type": "string", "enum": names},
    }
    return [
        components.refer("parameters", f"shape_{member.rank}d", shape, member.name),
        components.refer("parameters", "dtype", dtype, f"of_{'_'.join(sorted(member.element_types))}"),
    ]


def _header_parameters(components: Components) -> list[Part]:
    rows: tuple[tuple[str, str, Part], ...] = (
        (
            "X-Request-ID",
            "Names the request; echoed if it is printable ASCII of at most 128 characters, else replaced.",
            TEXT,
        ),
        (
            "Request-Timeout",
            "Seconds after which nobody waits for the answer; work that has not begun by then is not done.",
            {"type": "string", "pattern": "^(?=.*[1-9])[0-9]{1,9}([.][0-9]{0,9})?$"},
        ),
        (
            "Content-Encoding",
            "How the body is compressed.",
            {"type": "string", "enum": ["identity", "gzip", "zstd"]},
        ),
    )
    return [
        components.refer("parameters", name, {"name": name, "in": "header", "description": words, "schema": schema})
        for name, words, schema in rows
    ]


def _request_content(member: type[Operator], worked: object, components: Components) -> Part:
    tensors = {"input": tensor(components, member.rank, tuple(member.element_types))}
    if "indices" in member.inputs:
        tensors["indices"] = indices(components, member.rank)
    encoding: Part = {
        "type": "string",
        "enum": ["list", "base64"],
        "default": "list",
        "description": "How the answer writes elements.",
    }
    schema = closed(
        {
            **tensors,
            **_field_schemas(member, components),
            "encoding": components.refer("schemas", "Encoding", encoding),
        },
        [*tensors, *(field.name for field in member.fields() if field.required)],
    )
    content: Part = {}
    for codec in CODECS:
        if not codec.is_json:
            if _holds(codec.name, len(member.inputs)):
                content |= {name: {"schema": _binary(_BODIES[codec.name])} for name in codec.media_types}
        else:
            content |= {name: {"schema": schema, "example": worked} for name in codec.media_types}
    return content


def _holds(codec: str, count: int) -> bool:
    return count == 1 or codec in ("npz", "safetensors")


def _binary(words: str) -> Part:
    # OpenAPI 3.1 needs no type for bytes; generators of clients take a body for bytes when it says so in 3.0's words.
    return {"type": "string", "format": "binary", "description": words}


def _pooled(member: type[Operator], worked: object, components: Components) -> Part:
    names = describe.all_outputs(member)
    schema = closed({name: answered(components, member.rank) for name in names}, ["output"])
    seeded = "seed" in {field.name for field in member.fields()}
    headers: Part = {
        "X-Request-ID": request_id_header(components),
        "Server-Timing": _server_timing(components, "decode, queue, compute and encode"),
        "Tensor-Metadata": components.refer(
            "headers",
            "Tensor-Metadata",
            {
                "description": "With application/octet-stream: JSON list of name, dtype, shape, start and end "
                "of each output; offsets in bytes.",
                "schema": TEXT,
            },
        ),
    }
    headers["Pool-Warning"] = components.refer(
        "headers",
        "Pool-Warning",
        {
            "description": "What is legal and seldom meant, as in a plan: quoted strings, with commas between.",
            "schema": TEXT,
        },
    )
    if seeded:
        headers["Pool-Seed"] = components.refer(
            "headers",
            "Pool-Seed",
            {
                "description": "The seed that the windows were drawn from: the given one, or a fresh one.",
                "required": True,
                "schema": {"type": "integer", "minimum": 0},
            },
        )
    content: Part = {}
    for codec in CODECS:
        if codec.is_json:
            content |= {name: {"schema": schema, "example": worked} for name in codec.media_types}
        else:
            # Answers carry a codec's first name, whichever one the request was sent under.
            content[codec.media_types[0]] = {"schema": _binary(_ANSWERS[codec.name])}
    return {
        "description": "The outputs, in the type that Accept asks for, else in the request's own.",
        "headers": headers,
        "content": content,
    }


def _server_timing(components: Components, stops: str) -> Part:
    return components.refer(
        "headers",
        "Server-Timing",
        {"description": f"Milliseconds of {stops}.", "required": True, "schema": TEXT},
        "plan",
    )


def _plan_schema(components: Components) -> Part:
    output = closed(
        {"dtype": {"type": "string", "enum": list(ELEMENT_TYPES)}, "shape": listed(SIZE), "bytes": COUNT},
        ["dtype", "shape", "bytes"],
    )
    cost = closed(
        {
            "steps": {**COUNT, "description": "What will be done, in steps of about a nanosecond of one core."},
            "workspace_bytes": {**COUNT, "description": "Memory for intermediate results, beside input and outputs."},
        },
        ["steps", "workspace_bytes"],
    )
    properties: Part = {
        "operator": TEXT,
        "spec": {"type": "object", "description": "The fields with their defaults filled in, sizes one an axis."},
        "outputs": {"type": "object", "additionalProperties": output},
        "input_bytes": COUNT,
        "output_bytes": COUNT,
        "planes": {**COUNT, "description": "How many (n, c) planes."},
        "cost": cost,
        "devices": listed(TEXT),
        "batch_key": {"type": "string", "description": "Requests with the same key can be pooled in one batch."},
        "warnings": listed(TEXT, description="What is legal and seldom meant."),
    }
    schema: Part = {"type": "object", "properties": properties, "required": list(properties)}
    return components.refer("schemas", "Plan", schema)
