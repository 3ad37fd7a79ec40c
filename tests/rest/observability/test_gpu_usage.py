"""Samples of GPUs, which may answer late or never."""

from __future__ import annotations

import asyncio
import threading

from poolhouse.backend.gpu_usage import GpuUsage
from poolhouse.rest.observability.gpu_usage import GpuSampler
from tests.rest.live_server import WAIT_TIMEOUT_S


def usage_of(name: str, used_bytes: int = 1) -> GpuUsage:
    """A sample of a GPU that is named in its UUID."""
    return GpuUsage(f"GPU-{name}", 2, used_bytes, None)


def test_a_sample_has_the_gpus_that_answered() -> None:
    """A lost GPU must not hide the others."""
    sampler = GpuSampler(
        ("cuda:0", "cuda:1", "cuda:2"), lambda name: None if name == "cuda:1" else usage_of(name), WAIT_TIMEOUT_S
    )

    asyncio.run(sampler.refresh())

    assert sampler.latest == (usage_of("cuda:0"), usage_of("cuda:2"))


def test_every_refresh_takes_a_new_sample() -> None:
    """The page is of this moment."""
    numbers = iter(range(3))
    sampler = GpuSampler(["cuda:0"], lambda name: usage_of(name, next(numbers)), WAIT_TIMEOUT_S)

    async def refresh_all() -> list[int]:
        used = []
        for _ in range(3):
            await sampler.refresh()
            used.append(sampler.latest[0].used_bytes)
        return used

    assert asyncio.run(refresh_all()) == [0, 1, 2]


def test_a_hung_gpu_blocks_one_thread_and_no_page() -> None:
    """The driver of a hung GPU does not return; pages would pile up, and each would take a thread with it."""
    answers, begun = threading.Event(), list[str]()

    def read(name: str) -> GpuUsage:
        begun.append(name)
        assert answers.wait(WAIT_TIMEOUT_S)
        return usage_of(name)

    sampler = GpuSampler(["cuda:0"], read, longest_wait_s=0.01)

    async def go() -> None:
        for _ in range(3):
            await sampler.refresh()
        assert sampler.latest == ()
        answers.set()
        while not sampler.latest:
            await sampler.refresh()

    asyncio.run(asyncio.wait_for(go(), WAIT_TIMEOUT_S))
    assert len(begun) == 1


def test_without_gpus_there_is_no_thread() -> None:
    """Most instances with these metrics run on the CPU."""
    before = threading.active_count()

    asyncio.run(GpuSampler([], usage_of).refresh())

    assert threading.active_count() == before
