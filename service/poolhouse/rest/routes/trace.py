"""``POST /v1/trace/{operator}``: for a small request, each output element with its window and the computation."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from poolhouse.errors import (
    DeadlinePassed,
    NotAcceptable,
    NotFound,
    TooLarge,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from poolhouse.rest.dependencies import Service, get_headers, get_service, require_key
from poolhouse.rest.http.headers import Headers, header_text
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.openapi.traces import Trace
from poolhouse.rest.routes.plan import documented_headers
from poolhouse.rest.routes.request_limits import check_deadline, deadline_of
from poolhouse.rest.routes.small_body import read_small_body
from poolhouse.service import PoolingService, PoolResult, PreparedRequest
from poolhouse.settings import Settings
from poolhouse.tensors import Message
from poolhouse.trace import check_traceable, trace_bytes, trace_card
from poolhouse.wire.codecs import choose_response_codec, codec_for_content_type
from poolhouse.wire.json.codec import JSON, peak_memory_factor
from poolhouse.wire.json.encoder import encode_json, list_elements
from poolhouse.wire.query import parse_query

router = APIRouter(prefix="/v1/trace", dependencies=[Depends(require_key)])

MAX_BODY_BYTES: Final = 1024 * 1024
"""The limit of a body: the elements of the largest input in all digits, and those of tensors beside it."""
_TIMING: Final = {
    "description": "Milliseconds of decode, compute and encode.",
    "required": True,
    "schema": {"type": "string"},
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": {"Server-Timing": _TIMING}},
    **refusal_responses(
        NotFound, NotAcceptable, TooLarge, UnsupportedMediaType, Unprocessable, DeadlinePassed, Unavailable
    ),
}


@router.post(
    "/{operator}",
    response_model=Trace,
    response_description="The outputs, and what each of their elements was pooled from.",
    dependencies=[Depends(documented_headers)],
    responses=_RESPONSES,
)
async def trace(
    operator: Annotated[str, Path(description="Torch's functional name with its rank.")],
    request: Request,
    headers: Annotated[Headers, Depends(get_headers)],
    service: Annotated[Service, Depends(get_service)],
) -> Response:
    """Pool a small request, and say for each output element which elements it was pooled from and how."""
    pooling = service.pooling
    pooling.catalogue.find(operator)
    deadline = deadline_of(headers)
    body = await _read_body(request, headers, service)
    started_at = perf_counter()
    query = parse_query(request.scope["query_string"])
    lease = pooling.admission.admit(peak_memory_factor() * len(body), deadline)
    try:
        decode = partial(_prepare, pooling, operator, body, query)
        prepared, encoding = await pooling.run_in_thread(
            decode, lease, "the body was decoded", deadline, holds_gil=True
        )
        decoded_at = perf_counter()
        check_deadline(deadline)
        # guard: trace-is-reserved
        extra_bytes = prepared.extra_bytes + trace_bytes(prepared.plan)
        more = PreparedRequest(prepared.plan, prepared.tensors, prepared.headers, extra_bytes)
        result = await pooling.pool(more, lease, deadline, operator)
        pooled_at = perf_counter()
        describe = partial(_encode_trace, prepared, result, encoding)
        # guard: trace-is-made-off-loop
        text = await pooling.run_in_thread(describe, lease, "the trace was made", deadline, holds_gil=True)
    finally:
        lease.release()
    timing = service.metrics.record_stages(
        "trace", decode=decoded_at - started_at, compute=pooled_at - decoded_at, encode=perf_counter() - pooled_at
    )
    return Response(text, media_type="application/json", headers={"Server-Timing": timing, **result.headers})


def _prepare(
    pooling: PoolingService, operator: str, body: memoryview, query: dict[str, str]
) -> tuple[PreparedRequest, str]:
    message = JSON.decode(body, query, MAX_BODY_BYTES)
    prepared = pooling.prepare(operator, message)
    # guard: trace-has-limits
    check_traceable(prepared.plan)
    return prepared, message.json_encoding


def _encode_trace(prepared: PreparedRequest, result: PoolResult, encoding: str) -> bytes:
    numbers = {name: list_elements(each) for name, each in {**result.tensors, **prepared.tensors}.items()}
    card = trace_card(prepared.plan, prepared.tensors, result.tensors, numbers)
    outputs = bytes(encode_json(Message(result.tensors, json_encoding=encoding)))
    return orjson.dumps({**card, "outputs": orjson.Fragment(outputs)})


async def _read_body(request: Request, headers: Headers, service: Service) -> memoryview:
    codec = codec_for_content_type(header_text(headers, b"content-type"))
    if not codec.is_json:
        raise UnsupportedMediaType(
            "unsupported_media_type",
            f"The body of a request for a trace must be application/json, not {codec.media_types[0]}.",
            headers={"Accept-Post": "application/json"},
        )
    choose_response_codec(header_text(headers, b"accept"), codec, 1, candidates=(codec,))
    return await read_small_body(headers, request.receive, _body_limits(service.settings), service.pooling.admission)


def _body_limits(settings: Settings) -> TransferLimits:
    return TransferLimits(
        min(MAX_BODY_BYTES, settings.max_json_bytes),
        settings.body_timeout_s,
        "A trace is for small inputs; pool a larger one without it.",
        settings.min_body_bytes_per_s,
    )
