"""Spans: one a request, in the caller's trace, with the stages inside; and nothing where nobody asked for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from poolhouse.rest.app import create_app
from poolhouse.rest.observability.observers import make_observers
from poolhouse.rest.observability.tracing import Tracing, make_tracing
from poolhouse.settings import Settings
from tests.rest.live_server import IMAGE, POOL, LiveServer, run_live_server
from tests.rest.observability.test_logs import RecordingObserver

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def traced_server(spans: InMemorySpanExporter, observer: RecordingObserver) -> Iterator[LiveServer]:
    """A server that makes spans, and then tells that it has."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[Tracing(provider), observer])) as server:
        yield server


def by_name(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


def test_a_request_is_a_span_in_its_callers_trace_with_its_stages_inside(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """What took so long is seen where the caller looks."""
    with traced_server.client() as client:
        client.post(
            POOL,
            json={"input": IMAGE, "kernel_size": 2},
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "abc"},
        )
    told = observer.next()
    found = by_name(spans.get_finished_spans())
    whole = found.pop("POST /v1/pool/{operator}")

    assert whole.parent is not None
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert whole.context is not None
    assert f"{whole.context.trace_id:032x}" == TRACE == told.trace_id
    assert whole.attributes is not None
    assert whole.attributes["poolhouse.operator"] == "max_pool2d"
    assert whole.attributes["http.response.status_code"] == 200
    assert whole.attributes["poolhouse.request_id"] == "abc"
    assert list(found) == ["read", "queue", "compute", "write"]
    assert whole.start_time is not None
    assert whole.end_time is not None
    last = whole.start_time
    for span in found.values():
        assert span.parent is not None
        assert span.parent.span_id == whole.context.span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert last - 2_000 <= span.start_time <= span.end_time <= whole.end_time
        last = span.end_time


def test_without_a_callers_trace_it_begins_one(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """And the log line has its name."""
    with traced_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 2}, headers={"traceparent": "nonsense"})
    told = observer.next()
    whole = by_name(spans.get_finished_spans())["POST /v1/pool/{operator}"]

    assert whole.parent is None
    assert whole.context is not None
    assert told.trace_id == f"{whole.context.trace_id:032x}"


def test_a_trace_that_is_not_sampled_costs_no_span(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """The caller decides, as W3C has it."""
    with traced_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 2}, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    observer.next()

    assert spans.get_finished_spans() == ()


def test_a_refusal_is_no_error_of_the_service_and_probes_are_no_spans(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """Who pages on error spans is paged for our faults alone."""
    with traced_server.client() as client:
        client.get("/readyz")
        client.post(POOL, json={"input": IMAGE, "kernel_size": 9})
    observer.next()
    observer.next()
    (span,) = spans.get_finished_spans()

    assert span.attributes is not None
    assert span.attributes["error.type"] == "window_does_not_fit"
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_off_unless_configured(environ: dict[str, str]) -> None:
    """What is off is not even asked at each request."""
    assert make_observers(Settings(), environ) == ()


def test_the_standard_variables_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as in every other service of the user."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pools-of-mine")
    (chosen,) = make_observers(Settings(), {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:1"})

    assert isinstance(chosen, Tracing)
    assert chosen._provider.resource.attributes["service.name"] == "pools-of-mine"
    chosen.close()


def test_a_service_without_a_name_is_called_poolhouse() -> None:
    """And not unknown_service, which every nameless one is."""
    tracing = make_tracing()

    assert tracing._provider.resource.attributes["service.name"] == "poolhouse"
    tracing.close()


def test_without_the_extra_the_start_says_what_to_install() -> None:
    """A service that quietly does not trace is found out at the worst time."""
    code = """
import sys
sys.modules["opentelemetry.sdk"] = None
from poolhouse.rest.observability.observers import make_observers
from poolhouse.settings import Settings
try:
    make_observers(Settings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"})
except ValueError as told:
    print(told)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'poolhouse[server,otel]'" in ran.stdout
    assert json.dumps(ran.stderr) == '""'
