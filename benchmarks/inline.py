"""Measure from which size on a job should run in a thread; this determines the default of ``inline_work``.

Each size is pooled through ``PoolingService``, alternately on the event loop and in the device's thread. On the loop a
job costs less, but blocks all other requests while it runs: the thread is worth it once its overhead is a small part
of the job.
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

SIDES: Final = (4, 16, 32, 64, 128, 256, 512, 600)
"""The side of the pooled square; the work of the last one is nearly the default."""
_ALL_WORK: Final = 2**40


async def medians_us(poolings: tuple[PoolingService, ...], message: Message, count: int) -> list[float]:
    """The median time of pooling this message with each service, in alternating turns."""
    times: list[list[float]] = [[] for _ in poolings]
    for turn in range(count + 20):
        for pooling, seconds in zip(poolings, times, strict=True):
            prepared = pooling.prepare("max_pool2d", message)
            lease = pooling.admission.admit(1)
            start = time.perf_counter()
            await pooling.pool(prepared, lease)
            elapsed = time.perf_counter() - start
            lease.release()
            if turn >= 20:
                seconds.append(elapsed)
    return [1e6 * statistics.median(seconds) for seconds in times]


async def measure(count: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    inline, threaded = (
        PoolingService.from_settings(Settings.model_validate({"inline_work": work, "device": "cpu"}))
        for work in (_ALL_WORK, 0)
    )
    for pooling in (inline, threaded):
        # It also loads the compiled loops.
        await pooling.start()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for side in SIDES:
        array = np.random.default_rng(side).standard_normal((1, 1, side, side)).astype(np.float32)
        message = Message({"input": Tensor(FLOAT32, array)}, json_fields={"kernel_size": 2})
        inline_us, thread_us = await medians_us((inline, threaded), message, count)
        steps = inline.prepare("max_pool2d", message).plan.steps
        figures[str(steps)] = {"inline_us": inline_us, "thread_us": thread_us}
        rows.append([f"{steps:,}", f"{inline_us:.0f}", f"{thread_us:.0f}", f"{thread_us / inline_us:.2f}"])
    for pooling in (inline, threaded):
        await pooling.stop()
    return rows, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="requests of each size and service")
    options = parser.parse_args()
    machine = describe_machine()
    rows, figures = asyncio.run(measure(options.requests))
    write_result("inline", machine, ("steps", "on the loop, µs", "in the thread, µs", "ratio"), rows, figures)


if __name__ == "__main__":
    main()
