"""Who is told of every request: decided once, at the start, so that what is off costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from poolhouse.rest.observability.logs import RequestLines
from poolhouse.rest.observability.records import RequestObserver
from poolhouse.settings import Settings

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def make_observers(settings: Settings, environ: Mapping[str, str]) -> tuple[RequestObserver, ...]:
    """The observers that the settings and the standard variables of OpenTelemetry ask for.

    Raises:
        ValueError: where traces are asked for and cannot be made; says what to install.
    """
    chosen: list[RequestObserver] = []
    if _traced(environ):
        try:
            # By name: it needs the otel extra.
            configured: Callable[[], RequestObserver] = import_module("poolhouse.rest.observability.tracing").configured
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "opentelemetry":
                raise
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, which need the otel extra: "
                "pip install 'poolhouse[server,otel]'"
            ) from None
        # Before the log, which then knows the trace.
        chosen.append(configured())
    if settings.log_requests:
        chosen.append(RequestLines())
    return tuple(chosen)


def _traced(environ: Mapping[str, str]) -> bool:
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    silent = environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none"
    return not disabled and not silent and any(environ.get(name) for name in _ENDPOINTS)
