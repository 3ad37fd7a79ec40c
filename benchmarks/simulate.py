"""Batching planned past this machine: up to 64 devices and a million requests a second, as discrete events.

The very objects of the service decide: ``FairQueue`` says what goes next, ``policy`` which device and whether in time.
Only time is simulated. A batch comes to a device in three steps that overlap between batches, as in ``staging``:
copied there, computed, copied back. Beside our rule stand three others, on the same devices, jobs and admission:

- alone: nothing is joined;
- window: jobs of a key are gathered for 10 ms, or until a batch is full;
- Triton's: what waits at the head of one queue, as far as its shape is the same (``serving``: a different shape
  closes the batch), with no delay.

What arrives is simulated too: HTTP is not. A million requests a second take many front ends.
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

from _chart import Panel, drawn
from _machine import RESULTS, machine, write
from poolhouse.backend.devices import choose_devices, use_threads
from poolhouse.backend.payload import Payload
from poolhouse.backend.worker import JOIN_BYTES, TorchWorker
from poolhouse.batching import policy
from poolhouse.batching.fair_queue import Batch, Budget, FairQueue, Job, Part
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import PIECE_BYTES, Limits
from poolhouse.tensors import Tensor

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
SIDE: Final = 32
"""Every plane is a square of float32 of this side, pooled 2×2; keys differ as if by other fields."""
IN_BYTES: Final = SIDE * SIDE * 4
OUT_BYTES: Final = IN_BYTES // 4
PLANES: Final = (1, 3, 16, 64)
"""Planes of a request, each as likely."""
PROMISE_S: Final = 0.02
"""A reply within this is good; a job that cannot make it is refused at the door, by every rule."""
WINDOW_S: Final = 0.01
IN_FLIGHT: Final = 2

Request = Job[float]
"""A job whose load is the time at which it came."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a device costs.

    Attributes:
        batch_s: of every batch: launches, waiting for the device, the hop to the thread.
        job_s: of every part: slices in and out.
        there_bytes_per_s: copying inputs to the device.
        compute_bytes_per_s: reading inputs and writing outputs there.
        back_bytes_per_s: copying outputs back.
        join_bytes: up to where joining is done.
        source: where the figures come from.
    """

    batch_s: float
    job_s: float
    there_bytes_per_s: float
    compute_bytes_per_s: float
    back_bytes_per_s: float
    join_bytes: int
    source: str


def recorded_cpu() -> Costs:
    """This machine's costs, measured now through the real worker on one thread."""
    use_threads(1)
    worker = TorchWorker(choose_devices(("cpu",))[0])
    spec = discover().find("max_pool2d").of(kernel_size=2)

    def seconds(jobs: int, planes: int) -> float:
        tensor = Tensor(FLOAT32, np.ones((1, planes, SIDE, SIDE), np.float32))
        plan = spec.plan({"input": tensor.outline}, Limits(2**30, 2**40))
        taken = []
        for _ in range(40):
            backlog: FairQueue[Payload] = FairQueue()
            for _ in range(jobs):
                backlog.push(Payload(plan, {"input": tensor}).job())
            batch = backlog.take(Budget(2**40, 2**40))
            assert batch is not None
            begun = time.perf_counter()
            worker.run(batch)
            taken.append(time.perf_counter() - begun)
        return statistics.median(taken)

    one, crowd, large = seconds(1, 1), seconds(64, 1), seconds(1, 1024)
    bytes_per_s = 1023 * (IN_BYTES + OUT_BYTES) / (large - one)
    plane_s = (IN_BYTES + OUT_BYTES) / bytes_per_s
    job_s = max((crowd - one) / 63 - plane_s, 1e-7)
    # The hop to the thread and back is not in worker.run; benchmarks/inline.py measures it as a whole.
    hop_s = 80e-6
    return Costs(one - job_s + hop_s, job_s, 1e15, bytes_per_s, 1e15, JOIN_BYTES, "measured here, on one thread")


def recorded_gpu(cpu: Costs) -> Costs:
    """A card's costs as ``scripts/bench device`` measured them last; what a part costs its host is measured here."""
    found = json.loads((RESULTS / "device.json").read_text(encoding="utf-8"))
    transfer, tiny = found["figures"]["way"], found["figures"]["http"]["tiny"]
    kernel = found["figures"]["kernels"]["max_pool2d [32, 64, 112, 112] kernel_size 2"]
    return Costs(
        # What a tiny batch costs more on the card than in a thread of the CPU beside it.
        batch_s=cpu.batch_s + (tiny["cuda_us"] - tiny["cpu_thread_us"]) / 1e6,
        job_s=cpu.job_s,
        # Of batches that follow one another, staging and outputs of a quarter included.
        there_bytes_per_s=transfer["batches in 2 threads GB/s"] * 1e9 / 1.25,
        compute_bytes_per_s=transfer["on the device GB/s"] * 1e9 * kernel["share_of_copy"],
        back_bytes_per_s=transfer["plain device to host GB/s"] * 1e9,
        join_bytes=PIECE_BYTES,
        source=f"measured on {found['machine']['gpu']} on {found['date']} by {found['command']}; "
        "what a part costs its host, and a batch in a thread, are measured here",
    )


class Rule(Protocol):
    """What waits for one device, and what goes next."""

    steps: int

    @property
    def lines(self) -> int:
        """How many batches that is at least."""
        ...

    def has_line(self, key: object) -> bool:
        """Whether a job of this key would join others."""
        ...

    def push(self, job: Request) -> None: ...

    def take(self, budget: Budget) -> Batch[float] | None: ...


class Alone(FairQueue[float]):
    """Our lines, with nothing joined."""

    @property
    def lines(self) -> int:
        return self.jobs

    def has_line(self, key: object) -> bool:
        return False

    def take(self, budget: Budget) -> Batch[float] | None:
        return super().take(Budget(budget.piece_bytes, 0, budget.planes))


@dataclass
class Queue:
    """Triton's: one queue, and a batch of what at its head has one shape."""

    steps: int = 0
    lines: int = 0
    waiting: deque[Request] = field(default_factory=deque)

    def has_line(self, key: object) -> bool:
        return bool(self.waiting) and self.waiting[-1].key == key

    def push(self, job: Request) -> None:
        if not self.waiting or self.waiting[-1].key != job.key:
            self.lines += 1
        self.waiting.append(job)
        self.steps += job.planes * job.plane_steps

    def take(self, budget: Budget) -> Batch[float] | None:
        parts: list[Part[float]] = []
        room = budget.join_bytes
        while self.waiting:
            job = self.waiting[0]
            room -= job.planes * job.plane_bytes
            if parts and job.key != parts[0].job.key:
                break
            if parts and room < 0:
                self.lines += 1
                break
            parts.append(self.waiting.popleft().whole())
            self.steps -= job.planes * job.plane_steps
        self.lines -= bool(parts)
        return Batch(tuple(parts), "full") if parts else None


class Window:
    """A fixed window: jobs of a key are gathered from the first one's coming on, or until a batch is full."""

    def __init__(self, clock: Callable[[], float], full_bytes: int) -> None:
        self.steps = 0
        self._clock = clock
        self._full_bytes = full_bytes
        self._open: OrderedDict[object, list[Request]] = OrderedDict()
        self._held: dict[object, int] = {}
        self._full: deque[list[Request]] = deque()

    @property
    def lines(self) -> int:
        return len(self._open) + len(self._full)

    def has_line(self, key: object) -> bool:
        return key in self._open

    def push(self, job: Request) -> None:
        self._open.setdefault(job.key, []).append(job)
        self.steps += job.planes * job.plane_steps
        self._held[job.key] = self._held.get(job.key, 0) + job.planes * job.plane_bytes
        if self._held[job.key] >= self._full_bytes:
            self._full.append(self._close(job.key))

    def take(self, budget: Budget) -> Batch[float] | None:
        if self._full:
            return self._batch(self._full.popleft())
        # Ordered by the first one's coming, so only the first can be due.
        for key, jobs in self._open.items():
            due = self._clock() - jobs[0].payload >= WINDOW_S * 0.999999
            return self._batch(self._close(key)) if due else None
        return None

    def _close(self, key: object) -> list[Request]:
        del self._held[key]
        return self._open.pop(key)

    def _batch(self, jobs: list[Request]) -> Batch[float]:
        self.steps -= sum(job.planes * job.plane_steps for job in jobs)
        return Batch(tuple(job.whole() for job in jobs), "full")


@dataclass
class Device:
    """One device in the simulation."""

    rule: Rule
    speed: policy.ThroughputEstimate = field(default_factory=policy.ThroughputEstimate)
    flying: int = 0
    flying_steps: int = 0
    there_free: float = 0.0
    compute_free: float = 0.0
    back_free: float = 0.0
    landed: float = 0.0

    def standing(self, key: object) -> policy.LoadEstimate:
        """As ``Lane.standing``."""
        batches = self.rule.lines + self.flying
        wait_s = self.speed.seconds(self.rule.steps + self.flying_steps, batches)
        new_batch_s = self.speed.batch_s if batches and not self.rule.has_line(key) else 0.0
        return policy.LoadEstimate(True, wait_s, batches, new_batch_s)

    def fly(self, batch: Batch[float], now: float, costs: Costs) -> float:
        """When a batch that is handed over now will have landed."""
        self.there_free = max(now, self.there_free) + batch.planes * IN_BYTES / costs.there_bytes_per_s
        work_s = batch.planes * (IN_BYTES + OUT_BYTES) / costs.compute_bytes_per_s
        fixed_s = costs.batch_s + len(batch.parts) * costs.job_s
        self.compute_free = max(self.there_free, self.compute_free) + fixed_s + work_s
        self.back_free = max(self.compute_free, self.back_free) + batch.planes * OUT_BYTES / costs.back_bytes_per_s
        return self.back_free


@dataclass(frozen=True)
class Scene:
    """What is simulated."""

    devices: int
    keys: int
    rate: float
    bursty: bool
    costs: Costs
    requests: int


@dataclass(frozen=True)
class Outcome:
    """How it went: times of those answered, and good replies a second."""

    p50_ms: float
    p99_ms: float
    goodput: float
    refused: float
    jobs_per_batch: float


RULES: Final = ("ours", "alone", "10 ms window", "same shape only")


def arrivals(scene: Scene, chance: random.Random) -> Iterator[tuple[float, Request]]:
    """Poisson, or in bursts of 50 that come at one moment."""
    now = 0.0
    for number in range(scene.requests):
        if not scene.bursty:
            now += chance.expovariate(scene.rate)
        elif number % 50 == 0:
            now += chance.expovariate(scene.rate / 50)
        planes = chance.choice(PLANES)
        yield now, Job(chance.randrange(scene.keys), planes, IN_BYTES + OUT_BYTES, SIDE * SIDE, now)


def simulate(scene: Scene, name: str, seed: int = 1) -> Outcome:
    """One rule in one scene."""
    now = 0.0
    make: dict[str, Callable[[], Rule]] = {
        "ours": FairQueue[float],
        "alone": Alone,
        "10 ms window": lambda: Window(lambda: now, scene.costs.join_bytes),
        "same shape only": Queue,
    }
    devices = [Device(make[name]()) for _ in range(scene.devices)]
    budget = Budget(PIECE_BYTES, scene.costs.join_bytes)
    source = arrivals(scene, random.Random(seed))
    # (time, order, device, what: a batch that lands there, or None for a window that closes)
    events: list[tuple[float, int, Device, Batch[float] | None, float]] = []
    order = 0
    left: dict[Request, int] = {}
    latencies: list[float] = []
    refused = batches = 0

    def pump(device: Device) -> None:
        nonlocal order, batches
        while device.flying < IN_FLIGHT and (batch := device.rule.take(budget)) is not None:
            device.flying += 1
            device.flying_steps += batch.steps
            batches += 1
            order += 1
            heapq.heappush(events, (device.fly(batch, now, scene.costs), order, device, batch, now))

    coming = next(source, None)
    while coming is not None or events:
        if coming is not None and (not events or coming[0] <= events[0][0]):
            now, job = coming
            coming = next(source, None)
            standings = [device.standing(job.key) for device in devices]
            index = policy.least_loaded(standings)
            assert index is not None
            device = devices[index]
            own_s = device.speed.seconds(job.planes * job.plane_steps)
            if not policy.meets_deadline(standings[index], own_s, PROMISE_S):
                refused += 1
                if standings[index].jobs == 0:
                    device.speed.doubt()
                continue
            device.rule.push(job)
            left[job] = job.planes
            if name == "10 ms window":
                order += 1
                heapq.heappush(events, (now + WINDOW_S, order, device, None, now))
        else:
            now, _, device, landed, handed = heapq.heappop(events)
            if landed is not None:
                device.flying -= 1
                device.flying_steps -= landed.steps
                device.speed.learn(landed.steps, now - max(handed, device.landed))
                device.landed = now
                for part in landed.parts:
                    left[part.job] -= part.stop - part.start
                    if not left[part.job]:
                        del left[part.job]
                        latencies.append(now - part.job.payload)
        pump(device)
    assert not left
    good = sum(latency <= PROMISE_S for latency in latencies)
    seconds = scene.requests / scene.rate
    p50, p99 = np.percentile(latencies, (50, 99)) * 1e3
    return Outcome(
        float(p50), float(p99), good / seconds, refused / scene.requests, len(latencies) / batches if batches else 0.0
    )


def sweep(title: str, scenes: list[Scene], figures: list[dict[str, object]]) -> dict[str, list[Outcome]]:
    """Every rule in every scene, with progress."""
    found: dict[str, list[Outcome]] = {name: [] for name in RULES}
    for number, scene in enumerate(scenes):
        print(f"\r{title}: {number + 1} of {len(scenes)} ", end="", file=sys.stderr, flush=True)
        for name in RULES:
            outcome = simulate(scene, name)
            found[name].append(outcome)
            told = {key: value for key, value in asdict(scene).items() if key != "costs"}
            figures.append({"sweep": title, "rule": name, **told, **asdict(outcome)})
    print(file=sys.stderr)
    return found


def lines(
    found: dict[str, list[Outcome]], xs: list[float], value: Callable[[Outcome], float]
) -> dict[str, list[tuple[float, float]]]:
    """The points of a panel."""
    return {name: [(x, value(each)) for x, each in zip(xs, told, strict=True)] for name, told in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=8_000, help="of each rule in each scene, at least")
    asked = parser.parse_args()
    place = machine()
    cpu = recorded_cpu()
    gpu = recorded_gpu(cpu)
    figures: list[dict[str, object]] = [{"cpu": asdict(cpu), "gpu": asdict(gpu)}]
    rows: list[list[str]] = []

    rates = [5e2, 1e3, 2e3, 5e3, 10e3, 20e3, 40e3]
    loads = {
        "Poisson": sweep("load", [Scene(1, 8, rate, False, gpu, asked.requests) for rate in rates], figures),
        "bursts of 50": sweep("bursts", [Scene(1, 8, rate, True, gpu, asked.requests) for rate in rates], figures),
    }
    panels = []
    for kind, found in loads.items():
        panels.append(Panel(f"{kind}: median, ms", "requests/s", "ms", lines(found, rates, lambda one: one.p50_ms)))
        panels.append(Panel(f"{kind}: p99, ms", "requests/s", "ms", lines(found, rates, lambda one: one.p99_ms)))
    (IMAGES / "batching-latency.svg").write_text(drawn(panels), encoding="utf-8")

    keys = [1.0, 8.0, 64.0]
    mixed = sweep("shapes", [Scene(1, int(count), 200e3, False, gpu, asked.requests) for count in keys], figures)
    cpu_rates = [1e3, 3e3, 6e3, 12e3]
    small = sweep("cpu", [Scene(1, 8, rate, False, cpu, asked.requests) for rate in cpu_rates], figures)
    counts = [1.0, 4.0, 16.0, 64.0]
    # As long as four promises, or what is refused would not have had the time to matter.
    many = int(4 * PROMISE_S * 1e6)
    fleet = sweep("devices", [Scene(int(count), 64, 1e6, False, gpu, many) for count in counts], figures)
    good = [
        Panel("one device, mixed shapes", "shapes", "good/s", lines(mixed, keys, lambda one: one.goodput), False),
        Panel("10⁶ requests/s, 64 shapes", "devices", "good/s", lines(fleet, counts, lambda one: one.goodput), False),
        Panel("this CPU, 8 shapes", "requests/s", "good/s", lines(small, cpu_rates, lambda one: one.goodput), False),
    ]
    (IMAGES / "batching-goodput.svg").write_text(drawn(good), encoding="utf-8")

    for title, xs, found in (
        ("one GPU, 8 shapes, Poisson, {:,.0f}/s", rates, loads["Poisson"]),
        ("one GPU, 8 shapes, bursts, {:,.0f}/s", rates, loads["bursts of 50"]),
        ("one GPU, 200,000/s, shapes: {:.0f}", keys, mixed),
        ("one CPU, 8 shapes, {:,.0f}/s", cpu_rates, small),
        ("64 shapes, 1,000,000/s, GPUs: {:.0f}", counts, fleet),
    ):
        for number, x in enumerate(xs):
            told = [found[name][number] for name in RULES]
            cells = [f"{one.p50_ms:.2f} / {one.p99_ms:.2f} / {one.goodput:,.0f}" for one in told]
            rows.append([title.format(x), *cells])
    write("simulate", place, ("p50 ms / p99 ms / good replies a second", *RULES), rows, figures)


if __name__ == "__main__":
    main()
