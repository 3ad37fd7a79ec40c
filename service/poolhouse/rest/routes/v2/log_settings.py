"""``GET /v2/logging`` and ``POST /v2/logging``: the logging of the running service."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from poolhouse.errors import Forbidden, TooLarge, Unprocessable, Unsupported
from poolhouse.rest.dependencies import Service, get_service, require_admin_key, require_key
from poolhouse.rest.observability.log_control import (
    DEFAULT_FORMAT,
    ISO_FORMAT,
    LogControl,
    LogSettings,
    find_log_control,
    settings_of_level,
)
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.v2.json_body import JsonBody, body_schema, check_members, get_json_body
from poolhouse.rest.routes.v2.shared_path import SharedPathRoute
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import describe_value

reading_router = APIRouter(
    prefix="/v2/logging", tags=["inference_admin"], route_class=SharedPathRoute, dependencies=[Depends(require_key)]
)
router = APIRouter(prefix="/v2/logging", tags=["inference_admin"], dependencies=[Depends(require_key)])

_MAX_VERBOSE_LEVEL: Final = 2**31 - 1
_FORMATS: Final = (DEFAULT_FORMAT, ISO_FORMAT)

_log = logging.getLogger("poolhouse.rest")


class LogSettingsCard(BaseModel):
    """The logging of the service, with Triton's names."""

    log_file: str = Field(description="Always empty: lines go to standard error.")
    log_info: bool
    log_warning: bool
    log_error: bool
    log_verbose_level: int = Field(ge=0, description="From 1 on, lines for finding faults are logged too.")
    log_format: str = Field(description="ISO8601 for times in UTC.", json_schema_extra={"enum": list(_FORMATS)})


_CHANGES: Final[dict[str, Any]] = {
    "log_info": {"type": "boolean"},
    "log_warning": {"type": "boolean"},
    "log_error": {"type": "boolean"},
    "log_verbose_level": {"type": "integer", "minimum": 0, "maximum": _MAX_VERBOSE_LEVEL},
    "log_format": {"type": "string", "enum": list(_FORMATS)},
}


@reading_router.get("", summary="The logging of the service.")
async def read_log_settings() -> LogSettingsCard:
    """Which lines are logged, and their form."""
    control = find_log_control()
    if control is None:
        return _card(settings_of_level(logging.getLogger("poolhouse").getEffectiveLevel()))
    return _card(control.settings)


@router.post(
    "",
    summary="Change the logging of the service.",
    dependencies=[Depends(require_admin_key)],
    responses=refusal_responses(Forbidden, TooLarge, Unprocessable, Unsupported),
    openapi_extra=body_schema(_CHANGES, {"log_verbose_level": 1}, required=True),
)
async def change_log_settings(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    body: Annotated[JsonBody, Depends(get_json_body)],
) -> LogSettingsCard:
    """Changes the members that the body has, until the service ends. Needs an API key with `admin = true`."""
    return change_settings(service.accounting.record_of(request.scope).key, body)


def change_settings(key: str, body: JsonBody) -> LogSettingsCard:
    """Change the settings, for HTTP and gRPC.

    Args:
        key: the name of the API key that changes them.
        body: the members to change.

    Raises:
        Unsupported: a member cannot be changed over the network, or the process has configured its logging itself.
        Unprocessable: a member is unknown or invalid.
    """
    if "log_file" in body:
        raise Unsupported("unsupported", "log_file cannot be changed over the network; lines go to standard error.")
    check_members(body, _CHANGES)
    control = find_log_control()
    if control is None:
        raise Unsupported(
            "unsupported",
            "The process that runs this service has configured its logging itself; change it there.",
        )
    changed = _changed(control, body)
    # At a level that is logged unless warnings are off.
    _log.warning("the key %s changes the logging: %s", key, ", ".join(f"{name}={body[name]}" for name in body))
    control.apply(changed)
    return _card(changed)


def _changed(control: LogControl, body: JsonBody) -> LogSettings:
    """The settings with the changes of the body."""
    settings = control.settings
    flags = {name: _flag(body, f"log_{name}", default=getattr(settings, name)) for name in ("info", "warning", "error")}
    level = body.get("log_verbose_level", settings.verbose_level)
    # A bool is an int in Python.
    if type(level) is not int or not 0 <= level <= _MAX_VERBOSE_LEVEL:
        raise field_error(
            "/log_verbose_level",
            f"log_verbose_level is {describe_value(level)}; write a whole number from 0 to {_MAX_VERBOSE_LEVEL}.",
            "range",
        )
    time_format = body.get("log_format", settings.format)
    if not isinstance(time_format, str) or time_format not in _FORMATS:
        raise field_error(
            "/log_format", f"log_format is {describe_value(time_format)}; write {' or '.join(_FORMATS)}.", "range"
        )
    if control.has_fixed_format and time_format != settings.format:
        raise field_error(
            "/log_format",
            "The lines are JSON by the setting POOLHOUSE_LOG_FORMAT, and their times are ISO 8601.",
            "conflict",
        )
    return LogSettings(**flags, verbose_level=level, format=time_format)


def _flag(body: JsonBody, name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise field_error(f"/{name}", f"{name} is {describe_value(value)}; write true or false.")
    return value


def _card(settings: LogSettings) -> LogSettingsCard:
    return LogSettingsCard(
        log_file="",
        log_info=settings.info,
        log_warning=settings.warning,
        log_error=settings.error,
        log_verbose_level=settings.verbose_level,
        log_format=settings.format,
    )
