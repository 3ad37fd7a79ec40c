"""``GET /metrics``: what the service did and how it stands, for Prometheus.

The table says every name and label; docs/metrics.md lists it. Labels are bounded: operators from the catalogue,
routes, codes and devices from their tables, and "other" for whatever a stranger names.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from time import perf_counter
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp

from poolhouse.batching.fair_queue import Reason
from poolhouse.errors import CODES
from poolhouse.rest.observability.counters import Counter, Family, Histogram, ObservationBuffer, gauge_metric
from poolhouse.service import PoolingService
from poolhouse.version import __version__

_OTHER: Final = "other"
_SECONDS: Final = (
    *(1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    *(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
)
_PLANES: Final = tuple(float(4**power) for power in range(12))
_REQUESTS: Final = tuple(float(2**power) for power in range(11))
_PAGE_PAUSE_FACTOR: Final = 4
"""After a page was made none is made for so many times as long: pages take a fifth of the event loop at most, however
many clients ask. One of a long day takes tens of milliseconds."""
_STATES: Final = ("starting", "ready", "draining", "device_lost")
_DEVICE_STATES: Final = ("ready", "lost")

FAMILIES: Final[dict[str, Family]] = {
    family.name: family
    for family in (
        Family(
            "poolhouse_requests_total",
            "counter",
            "Requests by HTTP status; gone where the caller left before an answer began.",
            ("route", "operator", "status"),
        ),
        Family("poolhouse_refusals_total", "counter", "Refused requests by the code of the refusal.", ("code",)),
        Family("poolhouse_key_requests_total", "counter", "Requests let in by the name of their API key.", ("key",)),
        Family("poolhouse_key_bytes_total", "counter", "Bytes of bodies and answers by the name of the key.", ("key",)),
        Family("poolhouse_received_bytes_total", "counter", "Bytes of request bodies, as they came."),
        Family("poolhouse_sent_bytes_total", "counter", "Bytes of answers' bodies, as they went."),
        Family(
            "poolhouse_callers_gone_total",
            "counter",
            "Callers who closed the connection: in the headers, in the body, while waiting, in the answer.",
            ("stage",),
        ),
        Family(
            "poolhouse_stage_seconds",
            "histogram",
            "Where the time of answered calls went; the same numbers as in their Server-Timing.",
            ("call", "stage"),
            _SECONDS,
        ),
        Family("poolhouse_held_bytes", "gauge", "Bytes held for requests: input, output and workspace."),
        Family("poolhouse_capacity_bytes", "gauge", "Bytes that may be held; beyond it requests are refused."),
        Family("poolhouse_held_requests", "gauge", "Requests that hold bytes."),
        Family("poolhouse_jobs", "gauge", "Jobs that wait for a device or run on one."),
        Family(
            "poolhouse_batch_requests",
            "histogram",
            "Requests in a batch, by why it is as large as it is; its count is the number of batches.",
            ("device", "reason"),
            _REQUESTS,
        ),
        Family("poolhouse_batch_planes", "histogram", "Planes in a batch.", ("device", "reason"), _PLANES),
        Family(
            "poolhouse_compute_seconds",
            "histogram",
            "Seconds that a batch took on its device.",
            ("operator", "device"),
            _SECONDS,
        ),
        Family(
            "poolhouse_engine_events_total",
            "counter",
            "Jobs cancelled or expired, batches bisected or halved, devices lost.",
            ("event",),
        ),
        Family("poolhouse_state", "gauge", "1 for the state of the service, 0 for the others.", ("state",)),
        Family(
            "poolhouse_device_state", "gauge", "1 for the state of a device, 0 for the others.", ("device", "state")
        ),
        Family("poolhouse_build_info", "gauge", "Always 1; the labels say what runs.", ("version", "python", "torch")),
    )
}
"""Every metric of ours by name. Beside them stand the process's own, as every Prometheus client has them."""

_EVENTS: Final = ("cancelled", "expired", "bisected", "halved", "device_lost")
_STAGES: Final = ("headers", "body", "waiting", "answer")

Stage = Literal["headers", "body", "waiting", "answer"]


class Metrics(Collector):
    """Everything that is counted. Written and read on the event loop alone.

    Also the engine's :class:`poolhouse.batching.engine.Observer`.

    Args:
        pooling: whose standing the gauges show; it is watched from now on.
    """

    def __init__(self, pooling: PoolingService) -> None:
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
        self._batch_requests = self._histograms["poolhouse_batch_requests"]
        self._batch_planes = self._histograms["poolhouse_batch_planes"]
        self._compute = self._histograms["poolhouse_compute_seconds"]
        # Listed from the start, so that the first of them is a step that an alert sees.
        for event in _EVENTS:
            self._events.add((event,), 0)
        for stage in _STAGES:
            self._disconnects.add((stage,), 0)
        for code in CODES:
            self._refusals.add((code,), 0)
        self._inline_rows: dict[tuple[str, str], ObservationBuffer] = {}
        self._pool_stages = ObservationBuffer(
            *(self._stages.buckets_for(("pool", stage)) for stage in ("decode", "queue", "compute", "encode"))
        )
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self._torch = metadata.version("torch")
        self._next_page_at = 0.0
        self._next_page: asyncio.Future[bytes] | None = None
        pooling.set_observer(self)

    # ---- what the routes tell

    def register_routes(self, routes: Mapping[ASGIApp, str]) -> None:
        """The path of each endpoint, for the label ``route``."""
        self._routes = {**self._routes, **routes}

    def route_of(self, scope: Mapping[str, Any]) -> str:
        """The path of the endpoint that a request was led to."""
        return self._routes.get(scope["endpoint"], _OTHER) if "endpoint" in scope else _OTHER

    def record_response(self, route: str, operator: str, status: int, received_bytes: int, sent_bytes: int) -> None:
        """A request has ended; status 0 means that nobody was left to answer."""
        # guard: unknown-operators-are-other
        if operator and operator not in self._operators:
            operator = _OTHER
        self._requests.add((route, operator, str(status) if status else "gone"))
        if received_bytes:
            self._received.add((), received_bytes)
        if sent_bytes:
            self._sent.add((), sent_bytes)

    def record_key_usage(self, key: str, nbytes: int) -> None:
        """A request that was let in by this key is over."""
        self._key_requests.add((key,))
        self._key_bytes.add((key,), nbytes)

    def record_refusal(self, code: str) -> None:
        """A request was refused with this code."""
        self._refusals.add((code,))

    def record_protocol_error(self, code: str, status: int) -> None:
        """What came was no request yet; the connection was answered and closed."""
        self._requests.add((_OTHER, "", str(status)))
        # guard: protocol-errors-are-counted
        self._refusals.add((code,))

    def record_disconnect(self, stage: Stage) -> None:
        """A caller closed the connection."""
        self._disconnects.add((stage,))

    def record_stages(self, call: str, **stages_s: float) -> str:
        """Counts the seconds of each stage, and gives the ``Server-Timing`` that says the same."""
        for stage, seconds in stages_s.items():
            self._stages.observe((call, stage), seconds)
        return ", ".join([f"{stage};dur={1e3 * seconds:.3f}" for stage, seconds in stages_s.items()])

    def record_pool_stages(self, decode_s: float, queue_s: float, compute_s: float, encode_s: float) -> bytes:
        """The same for a pooling, whose stages are known, as a line of headers; it is asked for at every request."""
        # guard: server-timing-equals-metrics
        self._pool_stages.add((decode_s, queue_s, compute_s, encode_s))
        return b"server-timing: decode;dur=%.3f, queue;dur=%.3f, compute;dur=%.3f, encode;dur=%.3f\r\n" % (
            1e3 * decode_s,
            1e3 * queue_s,
            1e3 * compute_s,
            1e3 * encode_s,
        )

    # ---- what the engine tells

    def batch_started(self, device: str, jobs: int, planes: int, reason: Reason) -> None:
        """A batch was handed to a device."""
        labels = (device, reason)
        self._batch_requests.observe(labels, jobs)
        self._batch_planes.observe(labels, planes)

    def batch_finished(self, device: str, operator: str, seconds: float) -> None:
        """A batch came back well; no operator is named where nobody waits for it any more."""
        self._compute.observe((operator or _OTHER, device), seconds)

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None:
        """A small load was done on the event loop."""
        inline_rows = self._inline_rows.get((device, operator))
        if inline_rows is None:
            batch = device, "inline"
            spreads = self._batch_requests.buckets_for(batch), self._batch_planes.buckets_for(batch)
            inline_rows = self._inline_rows[device, operator] = ObservationBuffer(
                *spreads, self._compute.buckets_for((operator, device))
            )
        inline_rows.add((1, planes, seconds))

    def event_occurred(self, what: str) -> None:
        """Something did not go the straight way."""
        self._events.add((what,))

    # ---- what Prometheus reads

    def collect(self) -> Iterator[Metric]:
        """Every metric as it stands."""
        for rows in (self._pool_stages, *self._inline_rows.values()):
            rows.flush()
        counters = self._counters | self._histograms
        standing = self._gauge_values()
        for name, family in FAMILIES.items():
            yield counters[name].collect() if name in counters else gauge_metric(family, standing[name])

    def _gauge_values(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        pooling = self._pooling
        devices = pooling.device_states()
        python = ".".join(str(part) for part in sys.version_info[:3])
        return {
            "poolhouse_held_bytes": {(): pooling.held_bytes},
            "poolhouse_capacity_bytes": {(): pooling.capacity_bytes},
            "poolhouse_held_requests": {(): pooling.lease_count},
            "poolhouse_jobs": {(): pooling.job_count},
            "poolhouse_state": {(state,): float(state == pooling.state) for state in _STATES},
            "poolhouse_device_state": {
                (device, state): float(state == now) for device, now in devices.items() for state in _DEVICE_STATES
            },
            "poolhouse_build_info": {(__version__, python, self._torch): 1},
        }

    async def render(self) -> bytes:
        """A page that was made after it was asked for; those who ask while none is made share the next one."""
        loop = asyncio.get_running_loop()
        if self._next_page is None:
            if loop.time() >= self._next_page_at:
                return self._make_page(loop)
            self._next_page = loop.create_future()
            loop.call_at(self._next_page_at, self._make_next_page, loop, self._next_page)
        # One that leaves must not take the page from the others.
        return await asyncio.shield(self._next_page)

    def _make_page(self, loop: asyncio.AbstractEventLoop) -> bytes:
        begun = perf_counter()
        page = generate_latest(self._registry)
        took_s = perf_counter() - begun
        self._next_page_at = loop.time() + took_s * (1 + _PAGE_PAUSE_FACTOR)
        return page

    def _make_next_page(self, loop: asyncio.AbstractEventLoop, asked: asyncio.Future[bytes]) -> None:
        self._next_page = None
        try:
            asked.set_result(self._make_page(loop))
        except Exception as error:  # of whatever collector: those who wait are told
            asked.set_exception(error)
