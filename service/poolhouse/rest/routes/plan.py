"""``POST /v1/plan/{operator}``: what pooling would give, from shapes alone. Computes nothing."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive

from poolhouse.batching.memory import Lease
from poolhouse.describe import Card
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import (
    DeadlinePassed,
    NotAcceptable,
    TooLarge,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from poolhouse.rest.dependencies import Service, get_headers, get_service, require_key
from poolhouse.rest.http.deadlines import BodyLimits
from poolhouse.rest.http.headers import Headers, content_length, header_text
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.routes.head_plan import deadline_of, inflater_of
from poolhouse.rest.routes.memory_footprint import UNREAD_BYTES
from poolhouse.rest.routes.refusals import refusal_responses
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.codecs import choose_response_codec, codec_for_content_type
from poolhouse.wire.json.codec import decode_plan
from poolhouse.wire.query import parse_query

router = APIRouter(prefix="/v1/plan", dependencies=[Depends(require_key)])

# A plan holds shapes and no data; a kilobyte is a long one.
_PLAN_BYTES: Final = 64 * 1024

Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]


_TIMING: Final = {
    "description": "Milliseconds of decode and compute.",
    "required": True,
    "schema": {"type": "string"},
}


_REQUEST_ID: Final = "Names the request; echoed if it is printable ASCII of at most 128 characters, else replaced."
_TIMEOUT: Final = "Seconds after which nobody waits for the answer; work that has not begun by then is not done."
_SECONDS: Final = {"pattern": "^(?=.*[1-9])[0-9]{1,9}([.][0-9]{0,9})?$"}


class PlannedOutput(BaseModel):
    """A tensor that pooling would give."""

    model_config = ConfigDict(extra="forbid")

    dtype: str = Field(json_schema_extra={"enum": list(ELEMENT_TYPES)})
    shape: list[Size]
    bytes: Count


class Cost(BaseModel):
    """What pooling would take."""

    model_config = ConfigDict(extra="forbid")

    steps: Count = Field(description="What will be done, in steps of about a nanosecond of one core.")
    workspace_bytes: Count = Field(description="Memory for intermediate results, beside input and outputs.")


class Plan(BaseModel):
    """What pooling would give and cost."""

    operator: str
    spec: dict[str, Any] = Field(description="The fields with their defaults filled in, sizes one an axis.")
    outputs: dict[str, PlannedOutput]
    input_bytes: Count
    output_bytes: Count
    planes: Count = Field(description="How many (n, c) planes.")
    cost: Cost
    devices: list[str]
    batch_key: str = Field(description="Requests with the same key can be pooled in one batch.")
    warnings: list[str] = Field(description="What is legal and seldom meant.")


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
            description="How the body is compressed.",
            default_factory=str,
            json_schema_extra={"enum": ["identity", "gzip", "zstd"]},
        ),
    ],
) -> None:
    """Describes what pooling and planning read of the headers; they are refused in the words of our own readers."""


@router.post(
    "/{operator}",
    response_model=Plan,
    response_description="What pooling would give and cost.",
    dependencies=[Depends(documented_headers)],
    responses={
        200: {"headers": {"Server-Timing": _TIMING}},
        **refusal_responses(NotAcceptable, TooLarge, UnsupportedMediaType, Unprocessable, DeadlinePassed, Unavailable),
    },
)
async def plan(
    operator: str,
    request: Request,
    response: Response,
    headers: Annotated[Headers, Depends(get_headers)],
    service: Annotated[Service, Depends(get_service)],
) -> Card:
    """Computes nothing. What pooling would refuse for its fields or its shape is refused here alike."""
    service.pooling.catalogue.find(operator)
    codec = codec_for_content_type(header_text(headers, b"content-type"))
    if not codec.is_json:
        raise UnsupportedMediaType(
            "unsupported_media_type",
            f"A plan is asked for in application/json, not in {codec.media_types[0]}: it holds no data.",
            headers={"Accept-Post": "application/json"},
        )
    choose_response_codec(header_text(headers, b"accept"), codec, 1, candidates=(codec,))
    limits = _body_limits(service.settings)
    # Not by a model: a hostile body is read within its limits, and refused with the words of every other body.
    body = await _read_body(headers, request.receive, limits, service.pooling)
    begun = perf_counter()
    metadata_by_name, values, texts = decode_plan(body, parse_query(request.scope["query_string"]), limits.limit_bytes)
    decoded = perf_counter()
    planned = service.pooling.plan(operator, metadata_by_name, values, texts)
    done = perf_counter()
    response.headers["Server-Timing"] = service.metrics.record_stages(
        "plan", decode=decoded - begun, compute=done - decoded
    )
    return planned


def _body_limits(settings: Settings) -> BodyLimits:
    return BodyLimits(
        min(_PLAN_BYTES, settings.max_json_bytes),
        settings.body_timeout_s,
        'A plan needs no data: give the input as {"shape": [...], "dtype": "..."}.',
        settings.min_body_bytes_per_s,
    )


async def _read_body(headers: Headers, receive: Receive, limits: BodyLimits, pooling: PoolingService) -> memoryview:
    """The body. One that is here at once holds nothing; what others hold is counted, since they may stay."""
    leases: list[Lease] = []

    def reserve(nbytes: int, extra_bytes: int) -> None:
        held_bytes = UNREAD_BYTES + nbytes + extra_bytes
        if leases:
            pooling.resize_lease(leases[0], held_bytes)
        else:
            leases.append(pooling.reserve(held_bytes))

    try:
        return await read_body(
            receive,
            limits,
            length=content_length(headers),
            inflater=inflater_of(headers, limits),
            deadline=deadline_of(headers),
            reserve=reserve,
        )
    finally:
        for lease in leases:
            lease.release()
