"""``GET /v1/operators`` and ``GET /v1/operators/{operator}``: the descriptions of the operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from poolhouse.describe import JsonObject, catalogue_card, operator_card
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound
from poolhouse.rest.dependencies import get_pooling, require_key
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.service import PoolingService

router = APIRouter(
    prefix="/v1/operators", tags=["catalogue"], route_class=GetRoute, dependencies=[Depends(require_key)]
)

Rank = Annotated[
    int,
    Field(
        ge=0,
        le=3,
        description="Number of spatial axes; 0 if there are none, or if the shape of the input decides, as with ONNX.",
    ),
]


class OperatorSummary(BaseModel):
    """A short description of an operator."""

    name: str
    group: str = Field(description="The family of the operator, or the framework whose name it has.")
    rank: Rank
    summary: str
    fields: list[str]


class OperatorList(BaseModel):
    """All operators."""

    operators: list[OperatorSummary]


class FieldCard(BaseModel):
    """One field of an operator."""

    name: str
    accepts: str = Field(description="The accepted values, in words.")
    meaning: str
    required: bool
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the field in a JSON body.")
    default_from: str = Field(default_factory=str, description="The field whose value is the default.")
    default: Any = None


class CompanionCard(BaseModel):
    """A tensor that an operator takes beside its input."""

    name: str
    dtypes: list[str] = Field(description="The supported element types; a JSON list without one has the first.")
    meaning: str
    required: bool


class Example(BaseModel):
    """A request and the response to it."""

    path: str
    request: dict[str, Any]
    answer: dict[str, Any]


class TorchFunction(BaseModel):
    """Torch's function of the same name."""

    function: str
    arguments: list[str] = Field(description="The fields that it takes, too.")


class OperatorCard(BaseModel):
    """The complete description of one operator."""

    name: str
    rank: Rank
    summary: str
    description: str
    shape: str = Field(description="The formula of the output sizes.")
    inputs: list[str]
    companions: list[CompanionCard]
    outputs: list[str]
    fields: list[FieldCard]
    element_types: dict[str, str] = Field(
        description="The supported element types, each with its semantics.",
        json_schema_extra={
            "properties": {name: {"type": "string"} for name in ELEMENT_TYPES},
            "additionalProperties": False,
        },
    )
    padding: str
    indices: str
    source: str
    torch: TorchFunction | None = Field(description="Torch's function of the same name; null if it has none.")
    example: Example


@router.get("", summary="List all operators.", response_model=OperatorList)
async def list_operators(pooling: Annotated[PoolingService, Depends(get_pooling)]) -> JsonObject:
    """Name, group, rank, summary and fields of each operator; GET /v1/operators/{operator} has the details."""
    return {"operators": catalogue_card(pooling.catalogue)}


@router.get(
    "/{operator}",
    summary="Describe one operator.",
    response_model=OperatorCard,
    response_model_exclude_unset=True,
    responses=refusal_responses(NotFound),
)
async def describe_operator(
    operator: Annotated[str, Path(description="Torch's functional name with its rank.")],
    pooling: Annotated[PoolingService, Depends(get_pooling)],
) -> JsonObject:
    """Fields, inputs, outputs, element types, and an example request that can be sent as it is."""
    return operator_card(pooling.catalogue.find(operator))
