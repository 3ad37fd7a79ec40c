"""Simulate batching beyond this machine: up to 64 devices and a million requests per second, as discrete events.

The service's own code decides: ``FairQueue`` forms the next batch, ``policy`` chooses the device and refuses late jobs.
Only time is simulated. A batch has three stages that overlap between batches, as in ``backend/transfer``: upload,
compute, download. Three other rules are compared on the same devices, jobs and admission:

- alone: nothing is joined;
- 10 ms window: jobs of a key are collected for 10 ms, or until a batch is full;
- same shape only, as in Triton: the jobs at the head of one queue, up to the first with another shape, without delay.

Arrivals are simulated, too, but HTTP is not: a million requests per second take many HTTP servers.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from _chart import Panel, render_svg
from _results import RESULTS, describe_machine, write_result
from poolhouse.backend.devices import choose_devices, set_thread_count
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import JOIN_BYTES, TorchWorker
from poolhouse.batching import policy
from poolhouse.batching.fair_queue import Batch, BatchLimits, FairQueue, Job, JobSlice
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import PIECE_BYTES, Limits, make_plan
from poolhouse.tensors import Tensor

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
PLANE_SIDE: Final = 32
"""Every plane is a square of float32 with this side, pooled 2×2; the batch keys are arbitrary."""
IN_BYTES: Final = PLANE_SIDE * PLANE_SIDE * 4
OUT_BYTES: Final = IN_BYTES // 4
PLANE_COUNTS: Final = (1, 3, 16, 64)
"""Planes of a request, each equally likely."""
LATENCY_TARGET_S: Final = 0.02
"""A response within this time is good; every rule refuses a job on arrival if it would take longer."""
WINDOW_S: Final = 0.01
MAX_INFLIGHT_BATCHES: Final = 2

Request = Job[float]
"""A job whose payload is its time of arrival."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a device.

    Attributes:
        batch_s: of every batch: launches, synchronisation, the switch to the thread.
        job_s: of every job: copying its planes in and out.
        host_to_device_bytes_per_s: of inputs.
        compute_bytes_per_s: inputs read and outputs written.
        device_to_host_bytes_per_s: of outputs.
        join_bytes: the largest size of a joined batch.
        source: of the figures.
    """

    batch_s: float
    job_s: float
    host_to_device_bytes_per_s: float
    compute_bytes_per_s: float
    device_to_host_bytes_per_s: float
    join_bytes: int
    source: str


def measure_cpu_costs() -> Costs:
    """Measure the costs of this machine's CPU with the real worker on one thread."""
    set_thread_count(1)
    worker = TorchWorker(choose_devices(("cpu",))[0])
    spec = discover_planes().find("max_pool2d").of(kernel_size=2)

    def seconds(jobs: int, planes: int) -> float:
        tensor = Tensor(FLOAT32, np.ones((1, planes, PLANE_SIDE, PLANE_SIDE), np.float32))
        plan = make_plan(spec, {"input": tensor.metadata}, Limits(2**30, 2**40))
        times = []
        for _ in range(40):
            queue: FairQueue[Payload] = FairQueue()
            for _ in range(jobs):
                queue.push(Payload(plan, {"input": tensor}).make_job())
            batch = queue.next_batch(BatchLimits(2**40, 2**40))
            assert batch is not None
            start = time.perf_counter()
            worker.run(batch)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    one, many, large = seconds(1, 1), seconds(64, 1), seconds(1, 1024)
    bytes_per_s = 1023 * (IN_BYTES + OUT_BYTES) / (large - one)
    plane_s = (IN_BYTES + OUT_BYTES) / bytes_per_s
    job_s = max((many - one) / 63 - plane_s, 1e-7)
    # worker.run does not include the switch to the thread and back; benchmarks/inline.py measures it.
    switch_s = 80e-6
    return Costs(one - job_s + switch_s, job_s, 1e15, bytes_per_s, 1e15, JOIN_BYTES, "measured here, on one thread")


def load_gpu_costs(cpu: Costs) -> Costs:
    """The costs of a GPU from the last run of ``scripts/bench device``; the host's cost of a job is measured here."""
    run = json.loads((RESULTS / "device.json").read_text(encoding="utf-8"))
    transfer, tiny = run["figures"]["transfer"], run["figures"]["http"]["tiny"]
    kernel = run["figures"]["kernels"]["max_pool2d [32, 64, 112, 112] kernel_size 2"]
    return Costs(
        # The additional cost of a tiny batch on the GPU over a thread of the CPU in the same machine.
        batch_s=cpu.batch_s + (tiny["cuda_us"] - tiny["cpu_thread_us"]) / 1e6,
        job_s=cpu.job_s,
        # The rate of overlapping batches, whose outputs have a quarter of the size of their inputs.
        host_to_device_bytes_per_s=transfer["batches in 2 threads GB/s"] * 1e9 / 1.25,
        compute_bytes_per_s=transfer["on the device GB/s"] * 1e9 * kernel["share_of_copy"],
        device_to_host_bytes_per_s=transfer["plain device to host GB/s"] * 1e9,
        join_bytes=PIECE_BYTES,
        source=f"measured on {run['machine']['gpu']} on {run['date']} by {run['command']}; "
        "the host's costs of a job and of a batch in a thread are measured here",
    )


class QueueRule(Protocol):
    """The queue of one device, with its rule for the next batch."""

    steps: int

    @property
    def key_count(self) -> int:
        """The least number of batches for the queued jobs."""
        ...

    def has_key(self, key: object) -> bool:
        """Whether a job of this key would join queued ones."""
        ...

    def push(self, job: Request) -> None: ...

    def next_batch(self, budget: BatchLimits) -> Batch[float] | None: ...


class UnbatchedQueue(FairQueue[float]):
    """Our queue, with nothing joined."""

    @property
    def key_count(self) -> int:
        return self.jobs

    def has_key(self, key: object) -> bool:
        return False

    def next_batch(self, budget: BatchLimits) -> Batch[float] | None:
        return super().next_batch(BatchLimits(budget.max_bytes, 0, budget.max_planes))


@dataclass
class SameShapeQueue:
    """Triton's rule: one queue, and a batch of the jobs of equal shape at its head."""

    steps: int = 0
    key_count: int = 0
    waiting_jobs: deque[Request] = field(default_factory=deque)

    def has_key(self, key: object) -> bool:
        return bool(self.waiting_jobs) and self.waiting_jobs[-1].key == key

    def push(self, job: Request) -> None:
        if not self.waiting_jobs or self.waiting_jobs[-1].key != job.key:
            self.key_count += 1
        self.waiting_jobs.append(job)
        self.steps += job.planes * job.plane_steps

    def next_batch(self, budget: BatchLimits) -> Batch[float] | None:
        slices: list[JobSlice[float]] = []
        free_bytes = budget.max_join_bytes
        while self.waiting_jobs:
            job = self.waiting_jobs[0]
            free_bytes -= job.planes * job.plane_bytes
            if slices and job.key != slices[0].job.key:
                break
            if slices and free_bytes < 0:
                self.key_count += 1
                break
            slices.append(self.waiting_jobs.popleft().whole_slice())
            self.steps -= job.planes * job.plane_steps
        self.key_count -= bool(slices)
        return Batch(tuple(slices), "full") if slices else None


class FixedWindowQueue:
    """A fixed window: jobs of a key are collected for a time from the first arrival on, or until a batch is full."""

    def __init__(self, now: Callable[[], float], full_bytes: int) -> None:
        self.steps = 0
        self._now = now
        self._full_bytes = full_bytes
        self._gathering: OrderedDict[object, list[Request]] = OrderedDict()
        self._gathered_bytes: dict[object, int] = {}
        self._full_batches: deque[list[Request]] = deque()

    @property
    def key_count(self) -> int:
        return len(self._gathering) + len(self._full_batches)

    def has_key(self, key: object) -> bool:
        return key in self._gathering

    def push(self, job: Request) -> None:
        self._gathering.setdefault(job.key, []).append(job)
        self.steps += job.planes * job.plane_steps
        self._gathered_bytes[job.key] = self._gathered_bytes.get(job.key, 0) + job.planes * job.plane_bytes
        if self._gathered_bytes[job.key] >= self._full_bytes:
            self._full_batches.append(self._end_gathering(job.key))

    def next_batch(self, budget: BatchLimits) -> Batch[float] | None:
        if self._full_batches:
            return self._make_batch(self._full_batches.popleft())
        # Ordered by the arrival of each key's first job, so only the first key can be due.
        for key, jobs in self._gathering.items():
            due = self._now() - jobs[0].payload >= WINDOW_S * 0.999999
            return self._make_batch(self._end_gathering(key)) if due else None
        return None

    def _end_gathering(self, key: object) -> list[Request]:
        del self._gathered_bytes[key]
        return self._gathering.pop(key)

    def _make_batch(self, jobs: list[Request]) -> Batch[float]:
        self.steps -= sum(job.planes * job.plane_steps for job in jobs)
        return Batch(tuple(job.whole_slice() for job in jobs), "full")


@dataclass
class Device:
    """One device in the simulation."""

    queue: QueueRule
    throughput: policy.ThroughputEstimate = field(default_factory=policy.ThroughputEstimate)
    inflight_batches: int = 0
    inflight_steps: int = 0
    upload_free_at_s: float = 0.0
    compute_free_at_s: float = 0.0
    download_free_at_s: float = 0.0
    last_finished_at_s: float = 0.0

    def load_estimate(self, key: object) -> policy.LoadEstimate:
        """The estimate that ``DeviceState`` makes in the service."""
        batches = self.queue.key_count + self.inflight_batches
        wait_s = self.throughput.seconds_for(self.queue.steps + self.inflight_steps, batches)
        new_batch_s = self.throughput.batch_s if batches and not self.queue.has_key(key) else 0.0
        return policy.LoadEstimate(True, wait_s, batches, new_batch_s)

    def run_batch(self, batch: Batch[float], now_s: float, costs: Costs) -> float:
        """The time at which a batch that is submitted now will be finished."""
        self.upload_free_at_s = (
            max(now_s, self.upload_free_at_s) + batch.planes * IN_BYTES / costs.host_to_device_bytes_per_s
        )
        work_s = batch.planes * (IN_BYTES + OUT_BYTES) / costs.compute_bytes_per_s
        fixed_s = costs.batch_s + len(batch.slices) * costs.job_s
        self.compute_free_at_s = max(self.upload_free_at_s, self.compute_free_at_s) + fixed_s + work_s
        self.download_free_at_s = (
            max(self.compute_free_at_s, self.download_free_at_s)
            + batch.planes * OUT_BYTES / costs.device_to_host_bytes_per_s
        )
        return self.download_free_at_s


@dataclass(frozen=True)
class Scenario:
    """The devices, keys, arrivals and costs of one simulation."""

    devices: int
    keys: int
    rate: float
    bursty: bool
    costs: Costs
    requests: int


@dataclass(frozen=True)
class Outcome:
    """The results of one simulation: latencies of the accepted jobs, and good responses per second."""

    p50_ms: float
    p99_ms: float
    goodput: float
    refused: float
    jobs_per_batch: float


RULES: Final = ("ours", "alone", "10 ms window", "same shape only")


def arrivals(scenario: Scenario, rng: random.Random) -> Iterator[tuple[float, Request]]:
    """Arrivals as a Poisson process, of single jobs or of bursts of 50."""
    now = 0.0
    for number in range(scenario.requests):
        if not scenario.bursty:
            now += rng.expovariate(scenario.rate)
        elif number % 50 == 0:
            now += rng.expovariate(scenario.rate / 50)
        planes = rng.choice(PLANE_COUNTS)
        yield now, Job(rng.randrange(scenario.keys), planes, IN_BYTES + OUT_BYTES, PLANE_SIDE * PLANE_SIDE, now)


def simulate(scenario: Scenario, rule_name: str, seed: int = 1) -> Outcome:
    """Simulate one rule in one scenario."""
    now = 0.0
    queue_types: dict[str, Callable[[], QueueRule]] = {
        "ours": FairQueue[float],
        "alone": UnbatchedQueue,
        "10 ms window": lambda: FixedWindowQueue(lambda: now, scenario.costs.join_bytes),
        "same shape only": SameShapeQueue,
    }
    devices = [Device(queue_types[rule_name]()) for _ in range(scenario.devices)]
    budget = BatchLimits(PIECE_BYTES, scenario.costs.join_bytes)
    source = arrivals(scenario, random.Random(seed))
    # (time, order, device, the batch that finishes or None for the end of a window, time of submission)
    events: list[tuple[float, int, Device, Batch[float] | None, float]] = []
    order = 0
    remaining_planes: dict[Request, int] = {}
    latencies: list[float] = []
    refused = batches = 0

    def dispatch(device: Device) -> None:
        nonlocal order, batches
        while device.inflight_batches < MAX_INFLIGHT_BATCHES and (batch := device.queue.next_batch(budget)) is not None:
            device.inflight_batches += 1
            device.inflight_steps += batch.steps
            batches += 1
            order += 1
            heapq.heappush(events, (device.run_batch(batch, now, scenario.costs), order, device, batch, now))

    arrival = next(source, None)
    while arrival is not None or events:
        if arrival is not None and (not events or arrival[0] <= events[0][0]):
            now, job = arrival
            arrival = next(source, None)
            estimates = [device.load_estimate(job.key) for device in devices]
            index = policy.least_loaded(estimates)
            assert index is not None
            device = devices[index]
            own_s = device.throughput.seconds_for(job.planes * job.plane_steps)
            if not policy.meets_deadline(estimates[index], own_s, LATENCY_TARGET_S):
                refused += 1
                if estimates[index].jobs == 0:
                    device.throughput.relax()
                continue
            device.queue.push(job)
            remaining_planes[job] = job.planes
            if rule_name == "10 ms window":
                order += 1
                heapq.heappush(events, (now + WINDOW_S, order, device, None, now))
        else:
            now, _, device, finished, submitted_at = heapq.heappop(events)
            if finished is not None:
                device.inflight_batches -= 1
                device.inflight_steps -= finished.steps
                device.throughput.update(finished.steps, now - max(submitted_at, device.last_finished_at_s))
                device.last_finished_at_s = now
                for part in finished.slices:
                    remaining_planes[part.job] -= part.stop - part.start
                    if not remaining_planes[part.job]:
                        del remaining_planes[part.job]
                        latencies.append(now - part.job.payload)
        dispatch(device)
    assert not remaining_planes
    good = sum(latency <= LATENCY_TARGET_S for latency in latencies)
    seconds = scenario.requests / scenario.rate
    p50, p99 = np.percentile(latencies, (50, 99)) * 1e3
    return Outcome(
        float(p50),
        float(p99),
        good / seconds,
        refused / scenario.requests,
        len(latencies) / batches if batches else 0.0,
    )


def run_sweep(title: str, scenarios: list[Scenario], figures: list[dict[str, object]]) -> dict[str, list[Outcome]]:
    """Simulate every rule in every scenario, and print the progress."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in RULES}
    for number, scenario in enumerate(scenarios):
        print(f"\r{title}: {number + 1} of {len(scenarios)} ", end="", file=sys.stderr, flush=True)
        for name in RULES:
            outcome = simulate(scenario, name)
            outcomes[name].append(outcome)
            parameters = {key: value for key, value in asdict(scenario).items() if key != "costs"}
            figures.append({"sweep": title, "rule": name, **parameters, **asdict(outcome)})
    print(file=sys.stderr)
    return outcomes


def panel_lines(
    outcomes: dict[str, list[Outcome]], xs: list[float], value: Callable[[Outcome], float]
) -> dict[str, list[tuple[float, float]]]:
    """The points of a panel by rule."""
    return {name: [(x, value(each)) for x, each in zip(xs, found, strict=True)] for name, found in outcomes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=8_000, help="least number of requests for each rule and scenario"
    )
    options = parser.parse_args()
    machine = describe_machine()
    cpu = measure_cpu_costs()
    gpu = load_gpu_costs(cpu)
    figures: list[dict[str, object]] = [{"cpu": asdict(cpu), "gpu": asdict(gpu)}]
    rows: list[list[str]] = []

    rates = [5e2, 1e3, 2e3, 5e3, 10e3, 20e3, 40e3]
    loads = {
        "Poisson": run_sweep("load", [Scenario(1, 8, rate, False, gpu, options.requests) for rate in rates], figures),
        "bursts of 50": run_sweep(
            "bursts", [Scenario(1, 8, rate, True, gpu, options.requests) for rate in rates], figures
        ),
    }
    panels = []
    for kind, outcomes in loads.items():
        panels.append(
            Panel(f"{kind}: median, ms", "requests/s", "ms", panel_lines(outcomes, rates, lambda one: one.p50_ms))
        )
        panels.append(
            Panel(f"{kind}: p99, ms", "requests/s", "ms", panel_lines(outcomes, rates, lambda one: one.p99_ms))
        )
    (IMAGES / "batching-latency.svg").write_text(render_svg(panels), encoding="utf-8")

    keys = [1.0, 8.0, 64.0]
    mixed = run_sweep(
        "shapes", [Scenario(1, int(count), 200e3, False, gpu, options.requests) for count in keys], figures
    )
    cpu_rates = [1e3, 3e3, 6e3, 12e3]
    small = run_sweep("cpu", [Scenario(1, 8, rate, False, cpu, options.requests) for rate in cpu_rates], figures)
    counts = [1.0, 4.0, 16.0, 64.0]
    # Four times the latency target: in a shorter simulation refusals would not affect the result.
    many = int(4 * LATENCY_TARGET_S * 1e6)
    fleet = run_sweep("devices", [Scenario(int(count), 64, 1e6, False, gpu, many) for count in counts], figures)
    good = [
        Panel("one device, mixed shapes", "shapes", "good/s", panel_lines(mixed, keys, lambda one: one.goodput), False),
        Panel(
            "10⁶ requests/s, 64 shapes", "devices", "good/s", panel_lines(fleet, counts, lambda one: one.goodput), False
        ),
        Panel(
            "this CPU, 8 shapes", "requests/s", "good/s", panel_lines(small, cpu_rates, lambda one: one.goodput), False
        ),
    ]
    (IMAGES / "batching-goodput.svg").write_text(render_svg(good), encoding="utf-8")

    for title, xs, outcomes in (
        ("one GPU, 8 shapes, Poisson, {:,.0f}/s", rates, loads["Poisson"]),
        ("one GPU, 8 shapes, bursts, {:,.0f}/s", rates, loads["bursts of 50"]),
        ("one GPU, 200,000/s, shapes: {:.0f}", keys, mixed),
        ("one CPU, 8 shapes, {:,.0f}/s", cpu_rates, small),
        ("64 shapes, 1,000,000/s, GPUs: {:.0f}", counts, fleet),
    ):
        for number, x in enumerate(xs):
            row = [outcomes[name][number] for name in RULES]
            cells = [f"{one.p50_ms:.2f} / {one.p99_ms:.2f} / {one.goodput:,.0f}" for one in row]
            rows.append([title.format(x), *cells])
    write_result("simulate", machine, ("p50 ms / p99 ms / good responses per second", *RULES), rows, figures)


if __name__ == "__main__":
    main()
