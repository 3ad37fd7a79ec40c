"""A request gives the same output, to the last bit, in any batch as alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

import pytest

from poolhouse.backend.devices import Device
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import BatchLimits, BatchReason
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.observer import JobTiming
from poolhouse.dtypes import ElementType
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.checked_requests import CheckedRequest, comparable_bits, find_mismatch, random_checked_request
from tests.devices import device_named, each_device
from tests.hostile.server_process import HttpConnection, ServerProcess, server_process
from tests.operators.random_cases import (
    COVERED,
    OPERATORS,
    Case,
    covered_types_of,
    element_types_of,
    random_case,
    random_tensors,
    settled_plan,
    similar_shape,
)

CASES: Final = [(member, dtype) for member in COVERED for dtype in covered_types_of(member)]
CASES_PER_BATCH: Final = 5
CONNECTIONS: Final = 64
REQUESTS: Final = 1_536


def random_batch(random: Random, member: type[PlaneOperator], dtype: ElementType) -> list[Case]:
    """Cases of one batch key with random N and C, and mostly one case of another key among them."""
    first = random_case(random, member, dtype)
    while first is None or first.plan.is_empty:
        first = random_case(random, member, dtype)
    found = [first]
    while len(found) < CASES_PER_BATCH:
        lead = (random.randint(1, 3), random.randint(1, 4)) if random.random() < 0.7 else (random.randint(1, 9),)
        plan = settled_plan(_without_batch_sizes(first.spec), dtype, similar_shape(first.plan, lead))
        found.append(Case(plan, random_tensors(random, plan)))
    other = random_case(random, random.choice(OPERATORS))
    if other is not None and not other.plan.is_empty:
        found.insert(random.randrange(len(found)), other)
    return found


def _without_batch_sizes(spec: PlaneOperator) -> PlaneOperator:
    """The spec without the N and C that max_unpool's output_size may name; a random spec draws its own seed."""
    values = {name: value for name, value in spec.field_values().items() if name != "seed"}
    size = values.get("output_size")
    if "indices" in spec.inputs and isinstance(size, list):
        values["output_size"] = size[-spec.rank :]
    return type(spec).of(**values)


class BatchSizeObserver:
    """Counts the batches by their number of jobs."""

    def __init__(self) -> None:
        self.batch_sizes: Counter[int] = Counter()

    def batch_started(self, device: str, jobs: int, planes: int, reason: BatchReason) -> None:
        self.batch_sizes[jobs] += 1

    def batch_finished(self, device: str, operator: str, seconds: float) -> None: ...

    def ran_inline(self, device: str, operator: str, planes: int, seconds: float) -> None: ...

    def event_occurred(self, what: str) -> None: ...


async def pool_concurrently(
    cases: list[Case], limits: BatchLimits, device: Device
) -> tuple[list[dict[str, Tensor]], BatchSizeObserver]:
    """Pool all cases at once with a real engine and worker; returns the outputs and the batch sizes."""
    worker, observer, memory_budget = TorchWorker(device), BatchSizeObserver(), MemoryBudget(2**40)
    worker.batch_limits = limits
    engine: Engine[Payload] = Engine([(device.name, worker)], observer=observer)
    payloads = [Payload(each.plan, each.tensors) for each in cases]

    async def call(payload: Payload) -> JobTiming:
        lease = memory_budget.reserve(payload.plan.held_bytes)
        assert lease is not None
        try:
            return await engine.submit(payload.make_job(), lease, payload.plan.spec.name)
        finally:
            lease.release()

    await asyncio.gather(*map(call, payloads))
    await engine.stop()
    assert (memory_budget.lease_count, memory_budget.held_bytes) == (0, 0)
    return [payload.output_tensors() for payload in payloads], observer


@each_device
@pytest.mark.parametrize(("member", "dtype"), CASES, ids=[f"{member.name}-{dtype.name}" for member, dtype in CASES])
def test_together_equals_alone(member: type[PlaneOperator], dtype: ElementType, device: str) -> None:
    """For every operator and element type, with the batch limits of the service and with the smallest ones."""
    random = Random(f"{member.name} {dtype.name}")
    cases = random_batch(random, member, dtype)
    target = device_named(device)
    alone = [each.run(target) for each in cases]
    plane_bytes = Payload(cases[0].plan, cases[0].tensors).make_job().plane_bytes

    for limits in (
        BatchLimits(2**30, 2**30),
        BatchLimits(3 * plane_bytes, 3 * plane_bytes),
        BatchLimits(2**30, 2**30, max_planes=2),
    ):
        together, _ = asyncio.run(pool_concurrently(cases, limits, target))

        for one, other in zip(alone, together, strict=True):
            assert comparable_bits(one) == comparable_bits(other)


@each_device
def test_the_cases_above_are_joined_into_batches(device: str) -> None:
    """The test above would prove nothing if each case had a batch of its own."""
    random = Random(1)
    member = next(each for each in OPERATORS if each.name == "max_pool2d")
    cases = random_batch(random, member, element_types_of(member)[0])

    _, observer = asyncio.run(pool_concurrently(cases * 3, BatchLimits(2**30, 2**30), device_named(device)))

    assert max(observer.batch_sizes) >= CASES_PER_BATCH


def send_all(server: ServerProcess, calls: list[CheckedRequest]) -> list[str]:
    with server.http_connection() as connection:
        return [fault for call in calls if (fault := _send(connection, call))]


def _send(connection: HttpConnection, call: CheckedRequest) -> str | None:
    response = connection.send("POST", call.target, call.headers, call.body)
    return find_mismatch(call, response.status, response.body)


@each_device
@pytest.mark.timeout(120)
def test_under_load_every_response_over_64_connections_is_correct(device: str) -> None:
    """The whole service under load: mixed operators, shapes and element types; all bits of all responses compared."""
    calls = [random_checked_request(Random(f"call {number}"), device_named(device)) for number in range(96)]
    with (
        server_process(inline_work=0, device=device, cpu_threads=1) as server,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        shares = [
            [calls[(connection * 7 + turn) % len(calls)] for turn in range(REQUESTS // CONNECTIONS)]
            for connection in range(CONNECTIONS)
        ]
        faults = [fault for found in pool.map(lambda share: send_all(server, share), shares) for fault in found]

    assert not faults, "\n".join([f"{len(faults)} wrong responses, among them:", *faults[:5]])
