"""Count what happens in the service, for ``GET /metrics``.

Each metric is declared in :mod:`.metric_families`; here are the methods that count it.
"""

from __future__ import annotations

import sys
from collections import Counter as Occurrences
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any, Final

import orjson
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp

from poolhouse.batching.fair_queue import BatchReason
from poolhouse.errors import CODES
from poolhouse.rest.observability.bounded_page import BoundedPage
from poolhouse.rest.observability.counters import (
    BUFFERED_ROWS,
    Counter,
    Histogram,
    ObservationBuffer,
    gauge_metric,
)
from poolhouse.rest.observability.gpu_usage import GpuSampler
from poolhouse.rest.observability.host_usage import HostUsage
from poolhouse.rest.observability.metric_families import DEVICE_STATES, EVENTS, FAMILIES, STAGES, STATES, Stage
from poolhouse.rest.observability.model_statistics import ModelStatistics
from poolhouse.rest.observability.nv_metrics import NvMetrics
from poolhouse.rest.observability.statistics_document import statistics_document
from poolhouse.service import PoolingService
from poolhouse.version import __version__

_OTHER: Final = "other"


class Metrics(Collector):
    """All counters and histograms; used on the event loop only.

    It is also the engine's :class:`poolhouse.batching.observer.Observer`.

    Args:
        pooling: the gauges show its state; this becomes its observer.
        nv_metrics: whether the page also has the metrics of :mod:`.nv_metrics`.

    Attributes:
        models: the counts of each model.
    """

    def __init__(self, pooling: PoolingService, *, nv_metrics: bool = False) -> None:
        self._pooling = pooling
        self._operators = frozenset(pooling.catalogue.names)
        self._routes: Mapping[ASGIApp, str] = {}
        self._counters = {name: Counter(family) for name, family in FAMILIES.items() if family.kind == "counter"}
        self._histograms = {name: Histogram(family) for name, family in FAMILIES.items() if family.kind == "histogram"}
        self._requests = self._counters["poolhouse_requests_total"]
        self._refusals = self._counters["poolhouse_refusals_total"]
        self._received = self._counters["poolhouse_received_bytes_total"]
        self._sent = self._counters["poolhouse_sent_bytes_total"]
        self._disconnects = self._counters["poolhouse_callers_gone_total"]
        self._key_requests = self._counters["poolhouse_key_requests_total"]
        self._key_bytes = self._counters["poolhouse_key_bytes_total"]
        self._events = self._counters["poolhouse_engine_events_total"]
        self._stages = self._histograms["poolhouse_stage_seconds"]
        self._request_seconds = self._histograms["poolhouse_request_seconds"]
        self._batch_requests = self._histograms["poolhouse_batch_requests"]
        self._batch_planes = self._histograms["poolhouse_batch_planes"]
        self._compute = self._histograms["poolhouse_compute_seconds"]
        # Present with 0 from the start, so that an alert on the increase sees the first one.
        for event in EVENTS:
            self._events.add((event,), 0)
        for stage in STAGES:
            self._disconnects.add((stage,), 0)
        for code in CODES:
            self._refusals.add((code,), 0)
        self._inline_rows: dict[tuple[str, str], ObservationBuffer] = {}
        self._pool_stages = ObservationBuffer(
            *(self._stages.buckets_for(("pool", stage)) for stage in ("decode", "queue", "compute", "encode")),
            self._request_seconds.buckets_for(("pool",)),
        )
        # Route, operator, status, received and sent bytes: to count many at once is cheaper than each alone.
        self._responses: list[tuple[str, str, int, int, int]] = []
        self._connections = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self.models = ModelStatistics()
        self._nv_metrics = self._make_nv_metrics() if nv_metrics else None
        self._page = BoundedPage(self._render)
        self._statistics_page = BoundedPage(lambda: orjson.dumps(statistics_document(self.models.items())))
        self._torch = metadata.version("torch")
        pooling.set_observer(self)

    def _make_nv_metrics(self) -> NvMetrics:
        status = self._pooling.status
        gpus = GpuSampler(name for name in status.device_states() if name.startswith("cuda"))
        return NvMetrics(self.models, status.waiting_by_model, gpus, HostUsage())

    # ---- called for requests

    def register_models(self, names: Iterable[str]) -> None:
        """Add the names of models, for the label ``operator`` and for :attr:`models`."""
        names = tuple(names)
        self._operators |= frozenset(names)
        self.models.register(names)

    def register_routes(self, routes: Mapping[ASGIApp, str]) -> None:
        """Add the path of each endpoint, for the label ``route``."""
        self._routes = {**self._routes, **routes}

    def route_of(self, scope: Mapping[str, Any]) -> str:
        """The path of the endpoint that a request was routed to; ``other`` for none."""
        return self._routes.get(scope["endpoint"], _OTHER) if "endpoint" in scope else _OTHER

    def record_response(self, route: str, operator: str, status: int, received_bytes: int, sent_bytes: int) -> None:
        """Count a finished request; status 0 means that the client disconnected before the response."""
        # guard: unknown-operators-are-other
        if operator and operator not in self._operators:
            operator = _OTHER
        self._responses.append((route, operator, status, received_bytes, sent_bytes))
        if len(self._responses) == BUFFERED_ROWS:
            self._count_responses()

    def _count_responses(self) -> None:
        """Count the buffered responses; required before the counters are read."""
        if not self._responses:
            return
        routes, operators, statuses, received, sent = zip(*self._responses, strict=True)
        self._responses.clear()
        for (route, operator, status), count in Occurrences(zip(routes, operators, statuses, strict=True)).items():
            self._requests.add((route, operator, str(status) if status else "gone"), count)
        self._received.add((), sum(received))
        self._sent.add((), sum(sent))

    def record_key_usage(self, key: str, nbytes: int) -> None:
        """Count a finished request that was authorized by this key."""
        self._key_requests.add((key,))
        self._key_bytes.add((key,), nbytes)

    def record_refusal(self, code: str) -> None:
        """Count a refusal by its code."""
        self._refusals.add((code,))

    def record_protocol_error(self, code: str, status: int) -> None:
        """Count a request that could not be parsed; its connection was sent an error and closed."""
        self._requests.add((_OTHER, "", str(status)))
        # guard: protocol-errors-are-counted
        self._refusals.add((code,))

    def connection_opened(self) -> None:
        """Count an open connection; :meth:`connection_closed` must follow."""
        self._connections += 1

    def connection_closed(self) -> None:
        """Count one open connection less."""
        self._connections -= 1

    def record_disconnect(self, stage: Stage) -> None:
        """Count a disconnect by a client."""
        self._disconnects.add((stage,))

    def record_stages(self, call: str, **stages_s: float) -> str:
        """Record the duration of each stage, and return the value of ``Server-Timing``."""
        for stage, seconds in stages_s.items():
            self._stages.observe((call, stage), seconds)
        self._request_seconds.observe((call,), sum(stages_s.values()))
        return ", ".join([f"{stage};dur={1e3 * seconds:.3f}" for stage, seconds in stages_s.items()])

    def record_pool_stages(self, decode_s: float, queue_s: float, compute_s: float, encode_s: float) -> bytes:
        """Record the stages of a pooling request, and return the header line ``Server-Timing``."""
        # guard: server-timing-equals-metrics
        self._pool_stages.add((decode_s, queue_s, compute_s, encode_s, decode_s + queue_s + compute_s + encode_s))
        return b"server-timing: decode;dur=%.3f, queue;dur=%.3f, compute;dur=%.3f, encode;dur=%.3f\r\n" % (
            1e3 * decode_s,
            1e3 * queue_s,
            1e3 * compute_s,
            1e3 * encode_s,
        )

    # ---- called by the engine

    def batch_started(self, device: str, jobs: int, planes: int, reason: BatchReason) -> None:
        """Count a batch that was submitted to a device."""
        labels = (device, reason)
        self._batch_requests.observe(labels, jobs)
        self._batch_planes.observe(labels, planes)

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        """Record a successful batch; the operator is empty if all its clients have disconnected."""
        self._compute.observe((operator or _OTHER, device), seconds)

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        """Record a job that ran on the event loop."""
        inline_rows = self._inline_rows.get((device, operator))
        if inline_rows is None:
            labels = device, "inline"
            inline_rows = self._inline_rows[device, operator] = ObservationBuffer(
                self._batch_requests.buckets_for(labels),
                self._batch_planes.buckets_for(labels),
                self._compute.buckets_for((operator, device)),
            )
        inline_rows.add((1, planes, seconds))

    def event_occurred(self, what: str) -> None:
        """Count an event of :data:`.metric_families.EVENTS`."""
        self._events.add((what,))

    # ---- read by Prometheus

    def collect(self) -> Iterator[Metric]:
        """All metrics with their current values."""
        self._count_responses()
        for rows in (self._pool_stages, *self._inline_rows.values()):
            rows.flush()
        counted = self._counters | self._histograms
        gauge_values = self._gauge_values()
        for name, family in FAMILIES.items():
            yield counted[name].collect() if name in counted else gauge_metric(family, gauge_values[name])

    def _gauge_values(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        status = self._pooling.status
        devices = status.device_states()
        python = ".".join(str(part) for part in sys.version_info[:3])
        return {
            "poolhouse_connections": {(): self._connections},
            "poolhouse_held_bytes": {(): status.held_bytes},
            "poolhouse_capacity_bytes": {(): status.capacity_bytes},
            "poolhouse_held_requests": {(): status.lease_count},
            "poolhouse_jobs": {(): status.job_count},
            "poolhouse_state": {(state,): float(state == status.state) for state in STATES},
            "poolhouse_device_state": {
                (device, state): float(state == now) for device, now in devices.items() for state in DEVICE_STATES
            },
            "poolhouse_build_info": {(__version__, python, self._torch): 1},
        }

    async def render(self) -> bytes:
        """The page for Prometheus; see :meth:`.bounded_page.BoundedPage.render`."""
        if self._nv_metrics is not None:
            await self._nv_metrics.refresh()
        return await self._page.render()

    def _render(self) -> bytes:
        page = generate_latest(self._registry)
        return page if self._nv_metrics is None else page + self._nv_metrics.render()

    async def render_statistics(self) -> bytes:
        """The statistics of all models as JSON; see :func:`.statistics_document.statistics_document`."""
        return await self._statistics_page.render()
