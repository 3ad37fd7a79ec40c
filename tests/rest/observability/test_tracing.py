"""Tracing: one span for each request, in the client's trace, with a child span for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from poolhouse.rest.app import create_app
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.observability.trace_control import TraceControl, TraceOverride
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
    """A server that exports spans, and then notifies the observer."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[Tracing(provider), observer])) as server:
        yield server


def by_name(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


def test_a_request_is_a_span_in_its_clients_trace_with_a_child_for_each_stage(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """A client sees in its own trace which stage took long."""
    with traced_server.client() as client:
        client.post(
            POOL,
            json={"input": IMAGE, "kernel_size": 2},
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "abc"},
        )
    record = observer.next()
    found = by_name(spans.get_finished_spans())
    whole = found.pop("POST /v1/pool/{operator}")

    assert whole.parent is not None
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert whole.context is not None
    assert f"{whole.context.trace_id:032x}" == TRACE == record.trace_id
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


def test_without_a_clients_trace_a_new_one_is_started(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """The log line has the new trace's id."""
    with traced_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 2}, headers={"traceparent": "nonsense"})
    record = observer.next()
    whole = by_name(spans.get_finished_spans())["POST /v1/pool/{operator}"]

    assert whole.parent is None
    assert whole.context is not None
    assert record.trace_id == f"{whole.context.trace_id:032x}"


def test_an_unsampled_trace_gets_no_span(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """The client decides about sampling, as W3C Trace Context specifies."""
    with traced_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 2}, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    observer.next()

    assert spans.get_finished_spans() == ()


def test_a_request_that_the_settings_leave_out_gets_no_span(
    spans: InMemorySpanExporter,
) -> None:
    """An operator turns tracing off for one model, or samples it, while the service runs."""
    provider, control = TracerProvider(), TraceControl(is_available=True)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    control.change("max_pool2d", TraceOverride(is_on=False))
    tracing = Tracing(provider, control)

    for operator in ("max_pool2d", "avg_pool2d"):
        record = RequestRecord("POST", f"/v2/models/{operator}/infer", b"abc")
        record.operator = operator
        tracing.request_finished(record)

    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["poolhouse.operator"] == "avg_pool2d"


def test_refusals_are_no_span_errors_and_probes_get_no_spans(
    traced_server: LiveServer, spans: InMemorySpanExporter, observer: RecordingObserver
) -> None:
    """Alerts on error spans must only report failures of the service."""
    with traced_server.client() as client:
        client.get("/readyz")
        client.post(POOL, json={"input": IMAGE, "kernel_size": 9})
    observer.next()
    observer.next()
    (span,) = spans.get_finished_spans()

    assert span.attributes is not None
    assert span.attributes["error.type"] == "window_does_not_fit"
    assert span.status.status_code is StatusCode.UNSET


def test_the_default_service_name_is_poolhouse() -> None:
    """The default name would be unknown_service, like every other service without one."""
    tracing = make_tracing()

    assert tracing._provider.resource.attributes["service.name"] == "poolhouse"
    tracing.close()
