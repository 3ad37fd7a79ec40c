"""A service whose device waits at a gate that a test opens and closes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from poolhouse.backend.devices import Device, choose_devices
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.batching.fair_queue import Batch
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, run_live_server

CAPACITY_BYTES = 1 << 20


class Gate:
    """Holds every batch while it is closed, and records the shapes of the batches that ran."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self.batch_arrived = threading.Event()
        self.seen_shapes: list[tuple[int, ...]] = []

    def wait(self, batch: Batch[Payload]) -> None:
        """Wait on the device's thread until the gate is open."""
        self.seen_shapes += [part.job.payload.tensors["input"].shape for part in batch.slices]
        self.batch_arrived.set()
        assert self._open.wait(WAIT_TIMEOUT_S), "the gate was never opened"

    def open(self) -> None:
        """Let all batches run."""
        self._open.set()

    def close(self) -> None:
        """Hold the batches that arrive from now on."""
        self.batch_arrived.clear()
        self._open.clear()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close the gate for a block, and open it afterwards."""
        self.close()
        try:
            yield
        finally:
            self.open()


class _GatedWorker(TorchWorker):
    def __init__(self, device: Device, gate: Gate) -> None:
        super().__init__(device)
        self._gate = gate

    def run(self, batch: Batch[Payload]) -> None:
        self._gate.wait(batch)
        super().run(batch)

    def run_whole(self, payload: Payload) -> None:
        self.run(Batch((payload.make_job().whole_slice(),), "inline"))


class GatedService:
    """A running server with its gate and its pooling service."""

    def __init__(self, live_server: LiveServer, gate: Gate, pooling: PoolingService) -> None:
        self.server = live_server
        self.gate = gate
        self.pooling = pooling

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples of ``/metrics`` by name and labels."""
        with self.server.client() as client:
            return parse_metrics(client.get("/metrics").text)

    def metric(self, name: str, **labels: str) -> float:
        """One sample; 0 if it is not listed."""
        return self.metrics().get((name, frozenset(labels.items())), 0.0)


def parse_metrics(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Parse a page of metrics with Prometheus's own parser."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def make_gated_pooling(gate: Gate, capacity_bytes: int = CAPACITY_BYTES, device: str = "cpu") -> PoolingService:
    """Make a pooling service behind a gate. No job runs inline, since it would block the event loop."""
    return PoolingService(
        discover(),
        choose_devices([device]),
        Limits(max_output_bytes=1 << 30, max_steps=10**9),
        capacity_bytes=capacity_bytes,
        inline_steps=-1,
        make_worker=lambda device: _GatedWorker(device, gate),
    )


@contextmanager
def run_gated_service(
    capacity_bytes: int = CAPACITY_BYTES, device: str = "cpu", **settings: object
) -> Iterator[GatedService]:
    """Run a server with a gated device in this process while the block runs."""
    gate = Gate()
    pooling = make_gated_pooling(gate, capacity_bytes, device)
    with run_live_server(Settings.model_validate({"port": 0, **settings}), pooling) as server:
        yield GatedService(server, gate, pooling)


def becomes_true(condition: Callable[[], bool], within_s: float = WAIT_TIMEOUT_S) -> bool:
    """Poll until a condition holds; return False after a timeout."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def post_zeros(
    client: httpx.Client, shape: tuple[int, ...], headers: dict[str, str] | None = None, *, kernel_size: int = 1
) -> httpx.Response:
    """Pool zeros of a shape, sent as raw elements; :attr:`Gate.seen_shapes` then lists the shape."""
    query = {"shape": ",".join(map(str, shape)), "dtype": "uint8", "kernel_size": str(kernel_size), "stride": "1"}
    size = 1
    for each in shape:
        size *= each
    given = {"Content-Type": "application/octet-stream", **(headers or {})}
    return client.post("/v1/pool/max_pool2d", params=query, content=bytes(size), headers=given)
