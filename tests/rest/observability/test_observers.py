"""The observers of requests that the settings and OpenTelemetry's variables enable."""

from __future__ import annotations

import pytest

from poolhouse.rest.observability.logs import RequestLogger
from poolhouse.rest.observability.observers import make_observers
from poolhouse.rest.observability.tracing import Tracing
from poolhouse.settings import Settings

TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_tracing_is_off_unless_configured(environ: dict[str, str]) -> None:
    """Disabled tracing costs nothing for each request."""
    assert make_observers(Settings(), environ) == ()


def test_the_standard_variables_enable_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are the same as in all other services of the user."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pools-of-mine")
    (chosen,) = make_observers(Settings(), {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:1"})

    assert isinstance(chosen, Tracing)
    assert chosen._provider.resource.attributes["service.name"] == "pools-of-mine"
    chosen.close()


def test_requests_are_logged_after_their_trace() -> None:
    """The logger writes the trace id, which tracing sets."""
    (logger,) = make_observers(Settings(log_requests=True), {})
    tracing, last = make_observers(Settings(log_requests=True), TRACED)

    assert isinstance(logger, RequestLogger)
    assert isinstance(tracing, Tracing)
    assert isinstance(last, RequestLogger)
    tracing.close()


def test_a_missing_extra_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that silently does not trace would be noticed too late."""
    fail_import(monkeypatch, "opentelemetry.sdk")

    with pytest.raises(ValueError, match=r"pip install 'poolhouse\[server,otel\]'"):
        make_observers(Settings(), TRACED)


@pytest.mark.parametrize("module", ["poolhouse.version", "opentelemetry_other"])
def test_another_missing_module_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Installing the extra would not help."""
    fail_import(monkeypatch, module)

    with pytest.raises(ModuleNotFoundError, match=module):
        make_observers(Settings(), TRACED)


def fail_import(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Let the import of tracing fail, as in an install without this module."""

    def fail(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("poolhouse.rest.observability.observers.import_module", fail)
