"""Measure up to which batch size joining pays on the CPU; this determines ``JOIN_BYTES`` of ``backend/torch_worker``.

Concurrent equal jobs run through the real engine and worker, alternately alone and joined to batches up to a given
size. Joining saves the cost of one batch per job, and copies the elements in and out. One thread: with more, torch
divides joined batches among them, and the result would depend on the other load of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Final

import numpy as np

from _results import describe_machine, write_result
from poolhouse.backend.devices import choose_devices, set_thread_count
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import BatchLimits
from poolhouse.batching.memory import MemoryBudget
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import PIECE_BYTES, Limits, make_plan
from poolhouse.tensors import Tensor

CONCURRENT_JOBS: Final = 64
SIDES: Final = (8, 16, 32, 64, 128, 256)
"""The side of each job's square of float32; its bytes are, as in the engine, input, output and workspace."""
JOIN_BYTES_TRIED: Final = tuple(2**power for power in range(14, 24))


async def microseconds_per_job(engine: Engine[Payload], tensor: Tensor) -> float:
    """The time of one round of concurrent jobs, divided by their number."""
    plan = make_plan(
        discover_planes().find("max_pool2d").of(kernel_size=2), {"input": tensor.metadata}, Limits(2**30, 2**40)
    )
    memory_budget = MemoryBudget(2**32)

    async def call() -> None:
        lease = memory_budget.reserve(plan.held_bytes)
        assert lease is not None
        await engine.submit(Payload(plan, {"input": tensor}).make_job(), lease, "max_pool2d")
        lease.release()

    start = time.perf_counter()
    await asyncio.gather(*[call() for _ in range(CONCURRENT_JOBS)])
    return 1e6 * (time.perf_counter() - start) / CONCURRENT_JOBS


async def measure(round_count: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    worker = TorchWorker(choose_devices(("cpu",))[0])
    engine: Engine[Payload] = Engine([("cpu", worker)])
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for side in SIDES:
        array = np.random.default_rng(side).standard_normal((1, 1, side, side)).astype(np.float32)
        tensor = Tensor(FLOAT32, array)
        times: dict[int, list[float]] = {0: [], **{join_bytes: [] for join_bytes in JOIN_BYTES_TRIED}}
        for turn in range(round_count + 3):
            for join_bytes, job_us in times.items():
                worker.batch_limits = BatchLimits(PIECE_BYTES, join_bytes)
                elapsed_us = await microseconds_per_job(engine, tensor)
                if turn >= 3:
                    job_us.append(elapsed_us)
        medians = {join_bytes: statistics.median(job_us) for join_bytes, job_us in times.items()}
        figures[str(side)] = {str(join_bytes): us for join_bytes, us in medians.items()}
        alone = medians[0]
        ratios = [f"{medians[join_bytes] / alone:.2f}" for join_bytes in JOIN_BYTES_TRIED]
        rows.append([f"{side}×{side}", f"{alone:.0f}", *ratios])
        print(*rows[-1])
    await engine.stop()
    return rows, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="rounds of each size and limit")
    parser.add_argument("--threads", type=int, default=1, help="number of torch's threads")
    options = parser.parse_args()
    machine = describe_machine()
    set_thread_count(options.threads)
    rows, figures = asyncio.run(measure(options.rounds))
    columns = ("plane", "alone, µs per job", *(f"{join_bytes // 1024} KiB" for join_bytes in JOIN_BYTES_TRIED))
    write_result("joining", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
