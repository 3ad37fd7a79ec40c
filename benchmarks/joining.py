"""Up to how many bytes joining requests pays on the CPU: what settles ``JOIN_BYTES`` of ``backend/torch_worker``.

A crowd of equal jobs goes through the real engine and worker, once each alone and once joined to batches of
a given size, in turn. Joining saves a hand-over a job and copies its elements in and out. On one thread: with more,
torch splits joined batches between them, which says something of the machine's other work and little of joining.
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
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import PIECE_BYTES, Limits, make_plan
from poolhouse.tensors import Tensor

CONCURRENT_JOBS: Final = 64
SIDES: Final = (8, 16, 32, 64, 128, 256)
"""Each job is a square of float32; its bytes are counted as the engine does: input, output and workspace."""
JOIN_BYTES_TRIED: Final = tuple(2**power for power in range(14, 24))


async def microseconds_per_job(engine: Engine[Payload], tensor: Tensor) -> float:
    """The time of one crowd, a job."""
    plan = make_plan(discover().find("max_pool2d").of(kernel_size=2), {"input": tensor.metadata}, Limits(2**30, 2**40))
    memory_budget = MemoryBudget(2**32)

    async def call() -> None:
        lease = memory_budget.reserve(plan.held_bytes)
        assert lease is not None
        await engine.submit(Payload(plan, {"input": tensor}).make_job(), lease, "max_pool2d")
        lease.release()

    begun = time.perf_counter()
    await asyncio.gather(*[call() for _ in range(CONCURRENT_JOBS)])
    return 1e6 * (time.perf_counter() - begun) / CONCURRENT_JOBS


async def measure(round_count: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    worker = TorchWorker(choose_devices(("cpu",))[0])
    engine: Engine[Payload] = Engine([("cpu", worker)])
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for side in SIDES:
        array = np.random.default_rng(side).standard_normal((1, 1, side, side)).astype(np.float32)
        tensor = Tensor(FLOAT32, array)
        taken: dict[int, list[float]] = {0: [], **{joined: [] for joined in JOIN_BYTES_TRIED}}
        for turn in range(round_count + 3):
            for joined, times in taken.items():
                worker.batch_limits = BatchLimits(PIECE_BYTES, joined)
                took = await microseconds_per_job(engine, tensor)
                if turn >= 3:
                    times.append(took)
        medians = {joined: statistics.median(times) for joined, times in taken.items()}
        figures[str(side)] = {str(joined): us for joined, us in medians.items()}
        alone = medians[0]
        rows.append(
            [f"{side}×{side}", f"{alone:.0f}", *(f"{medians[joined] / alone:.2f}" for joined in JOIN_BYTES_TRIED)]
        )
        print(*rows[-1])
    await engine.stop()
    return rows, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="crowds of each size and way")
    parser.add_argument("--threads", type=int, default=1, help="that torch may take")
    asked = parser.parse_args()
    place = describe_machine()
    set_thread_count(asked.threads)
    rows, figures = asyncio.run(measure(asked.rounds))
    heads = ("plane", "alone, µs a job", *(f"{joined // 1024} KiB" for joined in JOIN_BYTES_TRIED))
    write_result("joining", place, heads, rows, figures)


if __name__ == "__main__":
    main()
