"""Where handing a job to a thread begins to pay: what settles the default of ``inline_work``.

Each size is pooled through the whole of ``PoolingService``, once on the event loop and once by the device's thread, in
turn. On the loop a job costs less, and holds everyone else up for as long as it runs: a hop is worth it from where
it adds little to the job itself.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Final

import numpy as np

from _results import describe_machine, write_result
from poolhouse.dtypes import FLOAT32
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor

SIDES: Final = (4, 16, 32, 64, 128, 256, 512)
"""The side of the pooled square; work is its elements, since 2×2 windows look at each once."""


async def medians_us(poolings: tuple[PoolingService, ...], message: Message, count: int) -> list[float]:
    """The median time of pooling this message in each way, the ways taking turns."""
    taken: list[list[float]] = [[] for _ in poolings]
    for turn in range(count + 20):
        for pooling, seconds in zip(poolings, taken, strict=True):
            prepared = pooling.prepare("max_pool2d", message)
            lease = pooling.admit(1)
            begun = time.perf_counter()
            await pooling.pool(prepared, lease)
            took = time.perf_counter() - begun
            lease.release()
            if turn >= 20:
                seconds.append(took)
    return [1e6 * statistics.median(seconds) for seconds in taken]


async def measure(count: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    here, there = (
        PoolingService.from_settings(Settings.model_validate({"inline_work": work, "device": "cpu"}))
        for work in (SIDES[-1] ** 2, 0)
    )
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for side in SIDES:
        array = np.random.default_rng(side).standard_normal((1, 1, side, side)).astype(np.float32)
        message = Message({"input": Tensor(FLOAT32, array)}, json_fields={"kernel_size": 2})
        inline_us, hop_us = await medians_us((here, there), message, count)
        figures[str(side * side)] = {"inline_us": inline_us, "thread_us": hop_us}
        rows.append([f"{side * side:,}", f"{inline_us:.0f}", f"{hop_us:.0f}", f"{hop_us / inline_us:.2f}"])
    for pooling in (here, there):
        await pooling.stop()
    return rows, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="of each size and way")
    asked = parser.parse_args()
    place = describe_machine()
    rows, figures = asyncio.run(measure(asked.requests))
    write_result("inline", place, ("work", "on the loop, µs", "by the thread, µs", "ratio"), rows, figures)


if __name__ == "__main__":
    main()
