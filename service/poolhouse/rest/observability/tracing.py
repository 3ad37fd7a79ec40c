"""OpenTelemetry: a span for every request, with spans inside for reading, waiting, computing and writing.

The stages are measured anyway, for ``Server-Timing``; spans are made of them when the request is over, so tracing costs
nothing while it runs. Only imported where traces are configured, and the ``otel`` extra is installed.
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
from poolhouse.version import __version__

_UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics", "/version"})
_PARENTS: Final = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans of requests that are over.

    An :class:`poolhouse.rest.observability.request_record.Observer`.

    Args:
        provider: where spans go; it is shut down with this.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("poolhouse", __version__)
        # Spans have the time of day, stages that of a clock that never jumps.
        self._offset_ns = time_ns() - perf_counter_ns()

    def request_finished(self, request: RequestRecord) -> None:
        """Make its spans, and let it know its trace."""
        if request.route in _UNTRACED:
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
                span.set_status(Status(StatusCode.ERROR, request.code or "the caller left"))
        span.end(self._to_ns(request.ended_at))

    def close(self) -> None:
        """Send what is still here."""
        self._provider.shutdown()

    def _add_stage_spans(self, span: Span, request: RequestRecord) -> None:
        stages = request.stages
        if stages is None:
            return
        started = stages.pooled_at - stages.compute_s
        context = set_span_in_context(span)
        for name, begun, ended in (
            ("read", request.started_at, stages.decoded_at),
            ("queue", started - stages.queue_s, started),
            ("compute", started, stages.pooled_at),
            ("write", stages.pooled_at, request.ended_at),
        ):
            child = self._tracer.start_span(name, context=context, start_time=self._to_ns(begun))
            child.end(self._to_ns(ended))

    def _to_ns(self, clock: float) -> int:
        return self._offset_ns + int(clock * 1e9)


def make_tracing() -> Tracing:
    """Tracing as the standard OTEL_… variables say: over OTLP and HTTP, in batches, by a thread."""
    provider = TracerProvider(
        resource=Resource({SERVICE_NAME: "poolhouse", "service.version": __version__}).merge(_env_resource())
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _env_resource() -> Resource:
    """The names that the environment gives, without the placeholder that stands for none."""
    given = Resource.create().attributes
    return Resource({name: value for name, value in given.items() if not str(value).startswith("unknown_service")})


def _parent_context(request: RequestRecord) -> Context:
    carried = {"traceparent": request.traceparent, "tracestate": request.tracestate}
    return _PARENTS.extract({name: value for name, value in carried.items() if value})


def _attributes(request: RequestRecord) -> dict[str, str | int]:
    told: dict[str, str | int] = {
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
        told["http.response.status_code"] = request.status
    return {name: value for name, value in told.items() if value != ""}
