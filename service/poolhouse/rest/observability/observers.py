"""Choose the observers of requests once at start, so that disabled ones cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from poolhouse.rest.observability.logs import RequestLogger
from poolhouse.rest.observability.request_record import RequestObserver
from poolhouse.rest.observability.trace_control import TraceControl
from poolhouse.settings import Settings

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def make_observers(
    settings: Settings, environ: Mapping[str, str], trace_control: TraceControl | None = None
) -> tuple[RequestObserver, ...]:
    """The observers that the settings and the standard OpenTelemetry variables enable.

    Args:
        settings: of the service.
        environ: with the variables.
        trace_control: decides which requests are traced, if any are; None for all.

    Raises:
        ValueError: tracing is enabled and its extra is not installed; the message names the extra.
    """
    chosen: list[RequestObserver] = []
    if is_tracing_enabled(environ):
        try:
            # Imported by name, since it needs the otel extra.
            make_tracing: Callable[[TraceControl | None], RequestObserver] = import_module(
                "poolhouse.rest.observability.tracing"
            ).make_tracing
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "opentelemetry":
                raise
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT enables tracing, which needs the otel extra: "
                "pip install 'poolhouse[server,otel]'"
            ) from None
        # Before the logger, which logs the trace id.
        chosen.append(make_tracing(trace_control))
    if settings.log_requests:
        chosen.append(RequestLogger())
    return tuple(chosen)


def is_tracing_enabled(environ: Mapping[str, str]) -> bool:
    """Whether the standard OpenTelemetry variables enable tracing."""
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    no_exporter = environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none"
    return not disabled and not no_exporter and any(environ.get(name) for name in _ENDPOINTS)
