"""The operations of one operator in the OpenAPI document: pooling and planning, from its declaration."""

from __future__ import annotations

from typing import Any, Final

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.fields import Field
from poolhouse.operators.operator import Operator
from poolhouse.rest.openapi.components import Components, JsonObject, object_schema, request_tensors, response_tensor
from poolhouse.text_values import INTEGER, list_pattern
from poolhouse.wire.codecs import CODECS

_BODIES: Final = {
    "npy": "One array; the fields stand in the query string.",
    "npz": "Arrays by name: input, and indices for unpooling; the fields stand in the query string.",
    "safetensors": "Tensors by name; the fields stand in the query string or in __metadata__ (as poolhouse.NAME).",
    "raw": "Raw C-ordered little-endian elements; shape, dtype and the fields stand in the query string.",
}
_ANSWERS: Final = {
    "npy": "One array. With two outputs and no Accept the answer is npz.",
    "npz": "Arrays by name, stored.",
    "safetensors": "Tensors by name.",
    "raw": "The raw elements of the outputs one after another; Tensor-Metadata says where each lies.",
}
_HEADERS: Final = {
    "Tensor-Metadata": "With application/octet-stream: JSON list of name, dtype, shape, start and end of each output; "
    "offsets in bytes.",
    "Pool-Warning": "What is legal and seldom meant, as in a plan: quoted strings, with commas between.",
}
_TIMING: Final = "Milliseconds of decode, queue, compute and encode."
_SEED: Final = "The seed that the windows were drawn from: the given one, or a fresh one."


def pool_operation(operator: type[Operator], template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/pool/{operator}``; template as for :func:`plan_operation`: both are refused alike."""
    worked = describe.example(operator)
    encoding: JsonObject = {"type": "string", "enum": ["list", "base64"], "default": "list"}
    encoding["description"] = "How the answer writes elements."
    tensors = request_tensors(operator, components, outlined=False)
    request = _request(operator, tensors, components, {"encoding": components.add_ref("schemas", "Encoding", encoding)})
    outputs: JsonObject = {name: response_tensor(components, operator.rank) for name in describe.all_outputs(operator)}
    given: JsonObject = {"application/json": {"schema": request, "example": worked["request"]}}
    answers: JsonObject = {
        "application/json": {"schema": object_schema(outputs, ["output"]), "example": worked["answer"]}
    }
    for codec in CODECS:
        if codec.is_json:
            continue
        if len(operator.inputs) == 1 or codec.name in ("npz", "safetensors"):
            given |= {name: {"schema": _binary(_BODIES[codec.name])} for name in codec.media_types}
        # Answers carry a codec's first name, whichever one the request was sent under.
        answers[codec.media_types[0]] = {"schema": _binary(_ANSWERS[codec.name])}
    text = {"type": "string"}
    headers: dict[str, JsonObject] = {name: {"description": words, "schema": text} for name, words in _HEADERS.items()}
    headers["Server-Timing"] = {"description": _TIMING, "required": True, "schema": text}
    if any(field.name == "seed" for field in operator.fields()):
        headers["Pool-Seed"] = {"description": _SEED, "required": True, "schema": {"type": "integer", "minimum": 0}}
    pooled: JsonObject = {
        "description": "The outputs, in the type that Accept asks for, else in the request's own.",
        "headers": {
            "X-Request-ID": template["responses"]["200"]["headers"]["X-Request-ID"],
            **{name: components.add_ref("headers", name, header) for name, header in headers.items()},
        },
        "content": answers,
    }
    return {
        **template,
        "operationId": operator.name,
        "tags": [operator.family],
        "summary": describe.summary(operator),
        "description": _description(operator),
        "parameters": [
            *template["parameters"],
            *(_query_parameter(operator, field, components) for field in operator.fields()),
            *_raw_parameters(operator, components),
        ],
        "requestBody": {"required": True, "content": given},
        "responses": {**template["responses"], "200": pooled},
    }


def plan_operation(operator: type[Operator], template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/plan/{operator}``.

    Args:
        operator: the operator.
        template: the operation of the route that plans for any operator.
        components: get what many operations share.
    """
    request = _request(operator, request_tensors(operator, components, outlined=True), components)
    given = {"schema": request, "example": describe.plan_example(operator)}
    planned = components.add_ref("responses", "Planned", template["responses"]["200"])
    return {
        **template,
        "operationId": f"plan_{operator.name}",
        "tags": [operator.family],
        "summary": f"Plan {operator.name}: shapes, bytes and cost, from an input's metadata.",
        "requestBody": {"required": True, "content": {"application/json": given}},
        "responses": {**template["responses"], "200": planned},
    }


def _description(operator: type[Operator]) -> str:
    types = "\n".join(f"- {kind}: {words}" for kind, words in operator.element_types.items())
    parts = [describe.meaning(operator), f"Shape: {operator.shape_rule}", f"Element types:\n\n{types}"]
    further = {"Padding": operator.padding_value, "Indices": operator.index_meaning, "Source": operator.source}
    return "\n\n".join([*parts, *(f"{what}: {words}" for what, words in further.items() if words)])


def _request(
    operator: type[Operator], tensors: JsonObject, components: Components, further: JsonObject | None = None
) -> JsonObject:
    """The JSON body: tensors, and the fields beside them."""
    fields: JsonObject = {
        field.name: components.add_ref(
            "schemas", f"{field.name}_{operator.rank}d", _field_schema(operator, field), operator.name
        )
        for field in operator.fields()
    }
    required = [*tensors, *(field.name for field in operator.fields() if field.is_required)]
    return object_schema({**tensors, **fields, **(further or {})}, required)


def _field_schema(operator: type[Operator], field: Field) -> JsonObject:
    """What a field takes; the default of one that takes several types stands in words, since generators of clients
    for typed languages write a default of the one type where the other is declared."""
    schema: JsonObject = dict(field.schema(operator.rank))
    if "oneOf" in schema and schema.get("default") is not None:
        schema["description"] = f"{schema['description']} {schema.pop('default')} when not given."
    return schema


def _query_parameter(operator: type[Operator], field: Field, components: Components) -> JsonObject:
    needed = " Needed with a binary body." if field.is_required else ""
    default = f" As {field.default_from} when not given." if field.default_from else ""
    example = str(field.example).lower() if isinstance(field.example, bool) else field.example
    # Not as the parameter's example: pages fill that in, and a request with a JSON body would have the field twice.
    such_as = "" if example is None else f" Such as {example}."
    words = f"{field.meaning}{needed}{default} For binary bodies; a JSON body holds it as a field.{such_as}"
    key = f"{field.name}_{operator.rank}d"
    return components.add_ref(
        "parameters", key, _query(field.name, words, field.text_schema(operator.rank)), operator.name
    )


def _raw_parameters(operator: type[Operator], components: Components) -> list[JsonObject]:
    if operator.inputs != ("input",):
        return []
    sizes = {"type": "string", "pattern": list_pattern(INTEGER, (operator.rank + 1, operator.rank + 2))}
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in operator.element_types]
    such_as = ",".join(["1"] * 2 + ["4"] * operator.rank)
    where = "Needed with application/octet-stream, and only there."
    shape = f"Shape of a raw body, (N, C, *spatial) or (C, *spatial), such as {such_as}. {where}"
    dtype = _query("dtype", f"Element type of a raw body. {where}", {"type": "string", "enum": names})
    return [
        components.add_ref("parameters", f"shape_{operator.rank}d", _query("shape", shape, sizes)),
        components.add_ref("parameters", "dtype", dtype, f"of_{'_'.join(sorted(operator.element_types))}"),
    ]


def _query(name: str, words: str, schema: object) -> JsonObject:
    return {"name": name, "in": "query", "description": words, "schema": schema}


def _binary(words: str) -> JsonObject:
    # OpenAPI 3.1 needs no type for bytes; generators of clients take a body for bytes when it says so in 3.0's words.
    return {"type": "string", "format": "binary", "description": words}
