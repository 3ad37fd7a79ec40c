"""``POST /v1/plan/{operator}`` and ``/v1/plan``: the result shapes and cost of a request, from its metadata alone."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from poolhouse.describe import JsonObject
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import (
    DeadlinePassed,
    NotAcceptable,
    TooLarge,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from poolhouse.poolings.card import poolings_card
from poolhouse.poolings.entries import read_poolings
from poolhouse.poolings.message import find_list
from poolhouse.poolings.run import plan_with
from poolhouse.poolings.tensors import check_input_names, split_tensors
from poolhouse.rest.dependencies import Service, get_headers, get_service, require_key
from poolhouse.rest.http.headers import Headers, header_text
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.small_body import MAX_SMALL_BODY_BYTES, read_small_body
from poolhouse.settings import Settings
from poolhouse.wire.codecs import choose_response_codec, codec_for_content_type
from poolhouse.wire.json.codec import decode_plan
from poolhouse.wire.json.named_inputs import decode_named_plan
from poolhouse.wire.query import parse_query

router = APIRouter(prefix="/v1/plan", dependencies=[Depends(require_key)])

Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]


_TIMING: Final = {
    "description": "Milliseconds of decode and compute.",
    "required": True,
    "schema": {"type": "string"},
}


_REQUEST_ID: Final = "Identifies the request; echoed if it is printable ASCII of at most 128 characters, else replaced."
_TIMEOUT: Final = "Seconds for which the client waits; work that has not begun by then is refused with 504."
_SECONDS: Final = {"pattern": "^(?=.*[1-9])[0-9]{1,9}([.][0-9]{0,9})?$"}


class PlannedOutput(BaseModel):
    """Metadata of an output tensor."""

    model_config = ConfigDict(extra="forbid")

    dtype: str = Field(json_schema_extra={"enum": list(ELEMENT_TYPES)})
    shape: list[Size]
    bytes: Count


class Cost(BaseModel):
    """The cost of the pooling."""

    model_config = ConfigDict(extra="forbid")

    steps: Count = Field(description="Estimated work; one step is about a nanosecond of one core.")
    workspace_bytes: Count = Field(description="Memory for intermediate results, in addition to input and outputs.")


class Plan(BaseModel):
    """The outputs and the cost of the pooling."""

    operator: str
    spec: dict[str, Any] = Field(description="All fields, with defaults filled in and one size for each axis.")
    outputs: dict[str, PlannedOutput]
    input_bytes: Count
    output_bytes: Count
    planes: Count = Field(description="Number of (n, c) planes.")
    cost: Cost
    devices: list[str]
    batch_key: str = Field(description="Requests with equal keys can share a batch.")
    warnings: list[str] = Field(description="Settings that are valid but seldom intended.")


class PlannedPooling(Plan):
    """One pooling of one input."""

    name: str
    input: str = Field(description="The name of the input; empty if the request has one without a name.")
    of: str = Field(description="The earlier output that it pools; empty for the input.")
    returned: bool = Field(description="Whether its outputs are in the response.")


class PoolingsPlan(BaseModel):
    """The outputs and the cost of several poolings."""

    poolings: list[PlannedPooling] = Field(description="Each pooling of each input, in order.")
    outputs: dict[str, PlannedOutput] = Field(description="The outputs of the response.")
    input_bytes: Count
    output_bytes: Count
    held_bytes: Count = Field(description="Inputs, all outputs and workspace: what the request holds at most.")
    planes: Count = Field(description="Number of (n, c) planes of all poolings.")
    cost: Cost
    devices: list[str]
    warnings: list[str] = Field(description="Settings that are valid but seldom intended.")


async def documented_headers(
    x_request_id: Annotated[str, Header(alias="X-Request-ID", description=_REQUEST_ID, default_factory=str)],
    request_timeout: Annotated[
        str,
        Header(alias="Request-Timeout", description=_TIMEOUT, default_factory=str, json_schema_extra=_SECONDS),
    ],
    content_encoding: Annotated[
        str,
        Header(
            alias="Content-Encoding",
            description="The compression of the body.",
            default_factory=str,
            json_schema_extra={"enum": ["identity", "gzip", "zstd"]},
        ),
    ],
) -> None:
    """Document the request headers of pooling and planning. Our own parsers validate them, with better messages."""


_REFUSALS: Final = refusal_responses(
    NotAcceptable, TooLarge, UnsupportedMediaType, Unprocessable, DeadlinePassed, Unavailable
)
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {200: {"headers": {"Server-Timing": _TIMING}}, **_REFUSALS}


@router.post(
    "/{operator}",
    response_model=Plan,
    response_description="The outputs and the cost of the pooling.",
    dependencies=[Depends(documented_headers)],
    responses=_RESPONSES,
)
async def plan(
    operator: str,
    request: Request,
    response: Response,
    headers: Annotated[Headers, Depends(get_headers)],
    service: Annotated[Service, Depends(get_service)],
) -> JsonObject:
    """Computes nothing. Fields and shapes that pooling would refuse are refused here with the same errors."""
    service.pooling.catalogue.find(operator)
    body, limits = await _read_body(request, headers, service)
    started_at = perf_counter()
    metadata_by_name, values, texts = decode_plan(body, parse_query(request.scope["query_string"]), limits.limit_bytes)
    decoded_at = perf_counter()
    planned = service.pooling.plan(operator, metadata_by_name, values, texts)
    _set_timing(response, service, started_at, decoded_at)
    return planned


@router.post(
    "",
    response_model=PoolingsPlan,
    response_description="The outputs and the cost of all poolings.",
    dependencies=[Depends(documented_headers)],
    responses=_RESPONSES,
)
async def plan_poolings(
    request: Request,
    response: Response,
    headers: Annotated[Headers, Depends(get_headers)],
    service: Annotated[Service, Depends(get_service)],
) -> JsonObject:
    """Plan several poolings. Computes nothing; what pooling would refuse is refused here with the same errors."""
    body, _ = await _read_body(request, headers, service)
    started_at = perf_counter()
    metadata, are_named, values, texts = decode_named_plan(
        body, parse_query(request.scope["query_string"]), check_input_names
    )
    poolings = read_poolings(find_list(values, texts), service.pooling.catalogue)
    given = split_tensors(metadata, are_named=are_named)
    decoded_at = perf_counter()
    # Up to 256 plans take a hundred milliseconds.
    planned = await asyncio.to_thread(plan_with, service.pooling, poolings, given)
    card = poolings_card(planned, service.pooling.device_names)
    _set_timing(response, service, started_at, decoded_at)
    return card


async def _read_body(request: Request, headers: Headers, service: Service) -> tuple[memoryview, TransferLimits]:
    codec = codec_for_content_type(header_text(headers, b"content-type"))
    if not codec.is_json:
        raise UnsupportedMediaType(
            "unsupported_media_type",
            f"The body of a plan request must be application/json, not {codec.media_types[0]}: it holds no elements.",
            headers={"Accept-Post": "application/json"},
        )
    choose_response_codec(header_text(headers, b"accept"), codec, 1, candidates=(codec,))
    limits = _body_limits(service.settings)
    # Not parsed by a pydantic model: our decoder enforces the limits and gives the same errors as for other bodies.
    return await read_small_body(headers, request.receive, limits, service.pooling.admission), limits


def _set_timing(response: Response, service: Service, started_at: float, decoded_at: float) -> None:
    response.headers["Server-Timing"] = service.metrics.record_stages(
        "plan", decode=decoded_at - started_at, compute=perf_counter() - decoded_at
    )


def _body_limits(settings: Settings) -> TransferLimits:
    return TransferLimits(
        min(MAX_SMALL_BODY_BYTES, settings.max_json_bytes),
        settings.body_timeout_s,
        'A plan request holds no elements: give the input as {"shape": [...], "dtype": "..."}.',
        settings.min_body_bytes_per_s,
    )
