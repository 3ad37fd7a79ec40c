"""OpenTelemetry: a span for each request, with child spans for reading, waiting, computing and writing.

The stages are measured for ``Server-Timing`` anyway. Spans are created from them when the request has finished, so
tracing costs nothing while it runs. Imported only if tracing is configured; needs the ``otel`` extra.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.observability.trace_control import TraceControl
from poolhouse.version import __version__

_UNTRACED: Final = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics", "/version"})
_PARENTS: Final = TraceContextTextMapPropagator()


class Tracing:
    """Creates spans for finished requests.

    A :class:`poolhouse.rest.observability.request_record.RequestObserver`.

    Args:
        provider: exports the spans; :meth:`close` shuts it down.
        control: decides which requests are traced; None for all.
    """

    def __init__(self, provider: TracerProvider, control: TraceControl | None = None) -> None:
        self._provider = provider
        self._control = TraceControl(is_available=True) if control is None else control
        self._tracer = provider.get_tracer("poolhouse", __version__)
        # Spans have wall-clock times, stages those of a monotonic clock.
        self._offset_ns = time_ns() - perf_counter_ns()

    def request_finished(self, request: RequestRecord) -> None:
        """Create its spans, and set its trace id."""
        if request.route in _UNTRACED or not self._control.is_sampled(request.operator):
            return
        span = self._tracer.start_span(
            f"{request.method} {request.route}",
            context=_parent_context(request),
            kind=SpanKind.SERVER,
            attributes=_attributes(request),
            start_time=self._to_ns(request.started_at),
        )
        request.trace_id = format_trace_id(span.get_span_context().trace_id)
        if span.is_recording():
            self._add_stage_spans(span, request)
            if request.status >= 500 or not request.status:
                span.set_status(Status(StatusCode.ERROR, request.code or "the client disconnected"))
        span.end(self._to_ns(request.ended_at))

    def close(self) -> None:
        """Export the buffered spans."""
        self._provider.shutdown()

    def _add_stage_spans(self, span: Span, request: RequestRecord) -> None:
        stages = request.stages
        if stages is None:
            return
        computing_at = stages.pooled_at - stages.compute_s
        context = set_span_in_context(span)
        for name, started_at, ended_at in (
            ("read", request.started_at, stages.decoded_at),
            ("queue", computing_at - stages.queue_s, computing_at),
            ("compute", computing_at, stages.pooled_at),
            ("write", stages.pooled_at, request.ended_at),
        ):
            child = self._tracer.start_span(name, context=context, start_time=self._to_ns(started_at))
            child.end(self._to_ns(ended_at))

    def _to_ns(self, time_s: float) -> int:
        return self._offset_ns + int(time_s * 1e9)


def make_tracing(control: TraceControl | None = None) -> Tracing:
    """Tracing configured by the standard OTEL_… variables: a thread exports batches over OTLP/HTTP.

    Args:
        control: decides which requests are traced; None for all.
    """
    provider = TracerProvider(
        resource=Resource({SERVICE_NAME: "poolhouse", "service.version": __version__}).merge(_env_resource())
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider, control)


def _env_resource() -> Resource:
    """The resource attributes from the environment, without OpenTelemetry's placeholder for a missing service name."""
    attributes = Resource.create().attributes
    return Resource({name: value for name, value in attributes.items() if not str(value).startswith("unknown_service")})


def _parent_context(request: RequestRecord) -> Context:
    carried = {"traceparent": request.traceparent, "tracestate": request.tracestate}
    return _PARENTS.extract({name: value for name, value in carried.items() if value})


def _attributes(request: RequestRecord) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.route": request.route,
        "http.request.body.size": request.received_bytes,
        "http.response.body.size": request.sent_bytes,
        "poolhouse.request_id": request.request_id.decode(),
        "poolhouse.operator": request.operator,
        "poolhouse.key": request.key,
        "error.type": request.code,
    }
    if request.status:
        attributes["http.response.status_code"] = request.status
    return {name: value for name, value in attributes.items() if value != ""}
