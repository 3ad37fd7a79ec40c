"""``POST /v1/trace/{operator}`` in the OpenAPI document: the models of its response, and its request."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import Catalogue
from poolhouse.rest.openapi.components import Components, JsonObject
from poolhouse.rest.openapi.poolings import any_response_tensor, any_tensor, companion_names
from poolhouse.trace import MAX_INPUT_ELEMENTS, MAX_OUTPUT_ELEMENTS, MAX_POSITIONS

_NONFINITE: Final[JsonObject] = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_EXAMPLE_OPERATOR: Final = "max_pool1d"
_DESCRIPTION: Final = f"""\
The body is the JSON body of pooling, and `outputs` is its answer. For each element of an output there is the window
that it was pooled from: positions, values, what counts, and the computation in words.

A trace is for small requests: each input has at most {MAX_INPUT_ELEMENTS:,} elements, the outputs have
{MAX_OUTPUT_ELEMENTS:,} together, and all windows have {MAX_POSITIONS:,} positions; a larger one is refused with 413."""

Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Element = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "boolean"}, _NONFINITE]}, mode="serialization")
]
_PADDING_VALUE: Final[JsonObject] = {
    "anyOf": [{"type": "number"}, {"type": "string", "enum": ["Infinity", "-Infinity", "reflected"]}, {"type": "null"}]
}
PaddingValue = Annotated[Any, WithJsonSchema(_PADDING_VALUE, mode="serialization")]


class TracedTensor(BaseModel):
    """Metadata of an input."""

    model_config = ConfigDict(extra="forbid")

    dtype: str = Field(json_schema_extra={"enum": list(ELEMENT_TYPES)})
    shape: list[Size]


class SpatialAxes(BaseModel):
    """The axes along which windows move, as axes of the shapes; empty where there are none."""

    model_config = ConfigDict(extra="forbid")

    input: list[Size]
    output: list[Size]


class TracedPadding(BaseModel):
    """The positions around the spatial axes of the input that windows may reach on purpose."""

    model_config = ConfigDict(extra="forbid")

    before: list[Size]
    after: list[Size]
    value: PaddingValue = Field(
        description="What a position of the padding stands for: a number, or the element that is reflected there; null "
        "if it does not count. Positions beyond the padding do not exist and count for nothing."
    )


class SizeFormula(BaseModel):
    """How the size of an output along one axis follows from that of the input."""

    model_config = ConfigDict(extra="forbid")

    output: str = Field(description="The name of the output.")
    axis: Size = Field(description="The axis of the input's shape.")
    length: Size
    outputs: Size = Field(description="The number of windows.")
    text: str = Field(description="The formula with its numbers; a sentence where there is none.")


class WindowSpan(BaseModel):
    """All positions of a window along one axis, those of the padding and beyond included."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    step: Count
    count: Count


class TracedElement(BaseModel):
    """One output element, and what it was pooled from."""

    model_config = ConfigDict(extra="forbid")

    output: str = Field(description="The name of its output.")
    index: list[Size] = Field(description="Its indices there.")
    window: list[WindowSpan] | None = Field(description="One span for each spatial axis; null without windows.")
    of: str = Field(description="The tensor of the positions: input, or an earlier level of a pyramid.")
    positions: list[list[Size]] = Field(description="The indices of the elements of the window, in order.")
    values: list[Element] = Field(description="These elements.")
    weights: list[Element] | None = Field(
        description="What each is multiplied by in the sum that is the result; null if they have no weights."
    )
    counted: list[bool] = Field(description="Whether each counts, or is passed over.")
    winner: Size | None = Field(description="The place in positions of the element that was selected, if one was.")
    samples: list[list[float]] | None = Field(
        description="Points between the elements that were interpolated, one number for each spatial axis."
    )
    results: dict[str, Element] = Field(description="The elements of the outputs at this place, by name.")
    arithmetic: str = Field(description="The computation in words; long windows are shortened.")


class Trace(BaseModel):
    """What each output element was pooled from."""

    operator: str
    spec: dict[str, Any] = Field(description="All fields, with defaults filled in and one size for each axis.")
    inputs: dict[str, TracedTensor]
    outputs: dict[str, Any] = Field(description="The answer of pooling, by name.")
    spatial_axes: SpatialAxes
    padding: TracedPadding
    formula: list[SizeFormula]
    elements: list[TracedElement]


def trace_operation(catalogue: Catalogue, template: dict[str, Any], components: Components) -> dict[str, Any]:
    """``POST /v1/trace/{operator}``.

    Args:
        catalogue: the operators.
        template: FastAPI's operation.
        components: for the shared parts.
    """
    tensor = components.add_ref("schemas", "AnyTensor", any_tensor())
    answer = components.add_ref("schemas", "AnyResponseTensor", any_response_tensor())
    # Any: a schema that pydantic made.
    response: Any = components.sections["schemas"]["Trace"]
    response["properties"]["outputs"]["additionalProperties"] = answer
    request: JsonObject = {
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": tensor,
            **dict.fromkeys(companion_names(catalogue), tensor),
            "encoding": {"$ref": "#/components/schemas/Encoding"},
        },
        "additionalProperties": True,
        "description": "The tensors, and the fields of the operator beside them.",
    }
    name = _EXAMPLE_OPERATOR if _EXAMPLE_OPERATOR in catalogue.names else catalogue.names[0]
    body: JsonObject = {"schema": request, "example": describe.example(catalogue.find(name))["request"]}
    (path, *headers) = sorted(template["parameters"], key=lambda each: each["in"] != "path")
    path["schema"]["enum"] = list(catalogue.names)
    path["example"] = name
    return {
        **template,
        "tags": ["traces"],
        "summary": "Trace a small pooling: each output element with its window and its computation.",
        "description": _DESCRIPTION,
        "parameters": [path, *(components.add_ref("parameters", each["name"], each) for each in headers)],
        "requestBody": {"required": True, "content": {"application/json": body}},
    }
