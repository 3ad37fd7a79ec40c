"""Read the small JSON bodies of the protocol's POST routes.

They are read raw, whatever their Content-Type: clients of the protocol send none, or a wrong one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request

from poolhouse.errors import Malformed
from poolhouse.rest.dependencies import Service, get_headers, get_service
from poolhouse.rest.http.headers import Headers
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.small_body import MAX_SMALL_BODY_BYTES, read_small_body
from poolhouse.suggestions import nearest_names
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import describe_value, quote_clipped

JsonBody = Mapping[str, object]


async def get_json_body(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    headers: Annotated[Headers, Depends(get_headers)],
) -> JsonBody:
    """The body as a JSON object; an empty one for an empty body.

    Raises:
        Malformed: the body is no JSON, or no object.
        PoolhouseError: as :func:`..small_body.read_small_body` does.
    """
    settings = service.settings
    limits = TransferLimits(
        min(MAX_SMALL_BODY_BYTES, settings.max_json_bytes),
        settings.body_timeout_s,
        "Send only the members that the documentation lists.",
        settings.min_body_bytes_per_s,
    )
    body = await read_small_body(headers, request.receive, limits, service.pooling.admission)
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("malformed_body", f"The body is no JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(document, dict):
        raise Malformed("malformed_body", f"The body is {describe_value(document)}; send a JSON object.")
    return document


def check_members(body: JsonBody, known: Collection[str]) -> None:
    """Refuse unknown members.

    Args:
        body: as received.
        known: the names of the known members.

    Raises:
        Unprocessable: a member is unknown.
    """
    for name in body:
        if name not in known:
            meant = nearest_names(name[:80], tuple(known))
            hint = f"did you mean {meant[0]}? " if meant else ""
            message = f"There is no member {quote_clipped(name)}; {hint}The members are {', '.join(known)}."
            raise field_error(f"/{name}", message, "unknown")


def body_schema(properties: Mapping[str, object], example: object, *, required: bool) -> dict[str, Any]:
    """The part of an OpenAPI operation that describes such a body.

    Args:
        properties: the schemas of the members.
        example: of a body.
        required: whether an empty body makes no sense.
    """
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }
