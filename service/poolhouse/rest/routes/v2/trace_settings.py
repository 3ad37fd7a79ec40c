"""``/v2/trace/setting`` and ``/v2/models/{model}/trace/setting``: which requests are traced.

Traces are OpenTelemetry's, and the service's environment says where they go; so only whether and how often requests
are traced can be changed here.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from poolhouse.errors import Forbidden, NotFound, TooLarge, Unprocessable, Unsupported
from poolhouse.models import Model
from poolhouse.rest.dependencies import Service, get_service, require_admin_key, require_key
from poolhouse.rest.observability.trace_control import TraceOverride, TraceSettings
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.v2.json_body import JsonBody, body_schema, check_members, get_json_body
from poolhouse.rest.routes.v2.model_of_request import get_model
from poolhouse.rest.routes.v2.shared_path import SharedPathRoute
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import describe_value

reading_router = APIRouter(
    prefix="/v2", tags=["inference_admin"], route_class=SharedPathRoute, dependencies=[Depends(require_key)]
)
router = APIRouter(
    prefix="/v2",
    tags=["inference_admin"],
    dependencies=[Depends(require_key), Depends(require_admin_key)],
    responses=refusal_responses(Forbidden, TooLarge, Unprocessable, Unsupported),
)

_PATH: Final = "/trace/setting"
_MODEL_PATH: Final = "/models/{model}/trace/setting"
_OFF: Final = "OFF"
_TIMESTAMPS: Final = "TIMESTAMPS"
_MAX_RATE: Final = 2**31 - 1

_log = logging.getLogger("poolhouse.rest")


class TraceSettingsCard(BaseModel):
    """Which requests are traced, with Triton's names; numbers are strings, as in Triton."""

    trace_level: list[str] = Field(description="OFF, or TIMESTAMPS for a span of each stage of a request.")
    trace_rate: str = Field(description="One of this many requests is traced.")
    trace_count: str = Field(description="-1: no limit.")
    log_frequency: str = Field(description="0: spans are exported in batches by time.")
    trace_file: str = Field(description="Always empty: spans are exported over OTLP.")
    trace_mode: str = Field(description="opentelemetry.")


_FIXED: Final = {"trace_count": "-1", "log_frequency": "0", "trace_file": "", "trace_mode": "opentelemetry"}
"""Members that have one value."""
_CHANGES: Final[dict[str, Any]] = {
    "trace_level": {"type": ["array", "null"], "items": {"type": "string", "enum": [_OFF, _TIMESTAMPS]}},
    "trace_rate": {"type": ["string", "null"], "pattern": "^[1-9][0-9]{0,9}$"},
}
_BODY: Final = body_schema(_CHANGES, {"trace_rate": "100"}, required=True)
_MODEL_ERRORS: Final = refusal_responses(NotFound)

Body = Annotated[JsonBody, Depends(get_json_body)]
BoundService = Annotated[Service, Depends(get_service)]
NamedModel = Annotated[Model, Depends(get_model)]


@reading_router.get(_PATH, summary="Which requests are traced.")
async def read_trace_settings(service: BoundService) -> TraceSettingsCard:
    """The settings for all models without settings of their own."""
    return card_of(service.trace_control.settings())


@reading_router.get(_MODEL_PATH, summary="Which requests of a model are traced.", responses=_MODEL_ERRORS)
async def read_model_trace_settings(model: NamedModel, service: BoundService) -> TraceSettingsCard:
    """The model's own settings if it has some, else those of all."""
    return card_of(service.trace_control.settings(model.name))


@router.post(_PATH, summary="Change which requests are traced.", openapi_extra=_BODY)
async def change_trace_settings(request: Request, service: BoundService, body: Body) -> TraceSettingsCard:
    """Changes the members that the body has, until the service ends; null restores one. Needs an API key with
    `admin = true`."""
    return change_settings(service, service.accounting.record_of(request.scope).key, "", body)


@router.post(
    _MODEL_PATH, summary="Change which requests of a model are traced.", openapi_extra=_BODY, responses=_MODEL_ERRORS
)
async def change_model_trace_settings(
    request: Request, model: NamedModel, service: BoundService, body: Body
) -> TraceSettingsCard:
    """As for all models; null takes the value of all."""
    return change_settings(service, service.accounting.record_of(request.scope).key, model.name, body)


def change_settings(service: Service, key: str, model: str, body: JsonBody) -> TraceSettingsCard:
    """Change the settings, for HTTP and gRPC.

    Args:
        service: the objects of the service.
        key: the name of the API key that changes them.
        model: whose; empty for all models.
        body: the members to change.

    Raises:
        Unsupported: a member cannot be changed over the network, or the service exports no traces.
        Unprocessable: a member is unknown or invalid.
    """
    for name, value in _FIXED.items():
        if body.get(name, value) not in (None, value):
            raise Unsupported(
                "unsupported",
                f"{name} cannot be changed over the network; it is {value!r}. "
                "The OTEL_… variables of the service say where spans go.",
            )
    check_members(body, (*_CHANGES, *_FIXED))
    control = service.trace_control
    override = _changed(control.override(model), body)
    if override.is_on and not control.is_available:
        raise Unsupported(
            "unsupported",
            "The service exports no traces. Start it with OTEL_EXPORTER_OTLP_ENDPOINT set to the address of a "
            "collector, and with the extra poolhouse[otel].",
        )
    control.change(model, override)
    settings = control.settings(model)
    _log.warning(
        "the key %s changes the tracing of %s: %s",
        key,
        model or "all models",
        f"one of {settings.rate} requests" if settings.is_on else "off",
    )
    return card_of(settings)


def _changed(override: TraceOverride, body: JsonBody) -> TraceOverride:
    """What is set, with the changes of the body; null takes a value back."""
    is_on, rate = override
    if "trace_level" in body:
        is_on = None if body["trace_level"] is None else _read_level(body["trace_level"])
    if "trace_rate" in body:
        rate = None if body["trace_rate"] is None else _read_rate(body["trace_rate"])
    return TraceOverride(is_on, rate)


def _read_level(value: object) -> bool:
    levels = [value] if isinstance(value, str) else value
    if levels == [_OFF]:
        return False
    if levels == [_TIMESTAMPS]:
        return True
    raise field_error(
        "/trace_level",
        f'trace_level is {describe_value(value)}; write ["{_OFF}"] or ["{_TIMESTAMPS}"]. Traces hold no tensors.',
        "range",
    )


def _read_rate(value: object) -> int:
    text = str(value) if type(value) is int else value
    if (
        isinstance(text, str)
        and text.isascii()
        and text.isdecimal()
        and len(text) <= 10
        and 1 <= int(text) <= _MAX_RATE
    ):
        return int(text)
    raise field_error(
        "/trace_rate", f'trace_rate is {describe_value(value)}; write a string such as "100", from 1 on.', "range"
    )


def card_of(settings: TraceSettings) -> TraceSettingsCard:
    """The settings with Triton's names."""
    return TraceSettingsCard(
        trace_level=[_TIMESTAMPS if settings.is_on else _OFF], trace_rate=str(settings.rate), **_FIXED
    )
