"""``GET /v1/operators`` and ``/v1/operators/{operator}``: the catalogue's cards."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from poolhouse.describe import Card, card, catalogue_card
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound
from poolhouse.rest.dependencies import get_pooling, require_key
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.refusals import refusal_responses
from poolhouse.service import PoolingService

router = APIRouter(
    prefix="/v1/operators", tags=["catalogue"], route_class=GetRoute, dependencies=[Depends(require_key)]
)

Rank = Annotated[int, Field(ge=1, le=3, description="Number of spatial axes.")]


class OperatorSummary(BaseModel):
    """An operator in short."""

    name: str
    rank: Rank
    summary: str
    fields: list[str]


class OperatorList(BaseModel):
    """All operators."""

    operators: list[OperatorSummary]


class FieldCard(BaseModel):
    """One field of a spec."""

    name: str
    accepts: str = Field(description="What it takes, in words.")
    meaning: str
    required: bool
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the field in a JSON body.")
    default_from: str = Field(default_factory=str, description="The field that it is like when it is not given.")
    default: Any = None


class Example(BaseModel):
    """A request and the answer to it."""

    path: str
    request: dict[str, Any]
    answer: dict[str, Any]


class OperatorCard(BaseModel):
    """Everything there is to know of one operator."""

    name: str
    rank: Rank
    summary: str
    description: str
    shape: str = Field(description="How the output's sizes follow from the input's.")
    inputs: list[str]
    outputs: list[str]
    fields: list[FieldCard]
    element_types: dict[str, str] = Field(
        description="The element types that are taken, and what each means here.",
        json_schema_extra={
            "properties": {name: {"type": "string"} for name in ELEMENT_TYPES},
            "additionalProperties": False,
        },
    )
    padding: str
    indices: str
    source: str
    example: Example


@router.get("", summary="All operators, a line each.", response_model=OperatorList)
async def list_operators(pooling: Annotated[PoolingService, Depends(get_pooling)]) -> Card:
    """Names, ranks and fields; each operator's own card says the rest."""
    return {"operators": catalogue_card(pooling.catalogue)}


@router.get(
    "/{operator}",
    summary="Everything there is to know of one operator.",
    response_model=OperatorCard,
    response_model_exclude_unset=True,
    responses=refusal_responses(NotFound),
)
async def describe_operator(
    operator: Annotated[str, Path(description="Torch's functional name with its rank.")],
    pooling: Annotated[PoolingService, Depends(get_pooling)],
) -> Card:
    """Fields, inputs, outputs, element types, and an example that can be sent as it is."""
    return card(pooling.catalogue.find(operator))
