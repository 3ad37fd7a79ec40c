"""Worker threads have a lower priority than the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from queue import SimpleQueue

import pytest
import torch

from poolhouse.batching.device_threads import DeviceThreads
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.offload import OffloadPool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities per thread")


def niceness() -> int:
    """The niceness of the calling thread; higher means a lower priority."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_device_threads_have_a_lower_priority() -> None:
    """With two pooling threads on two cores, the event loop waited tens of milliseconds for a core."""
    before, found = niceness(), SimpleQueue[int]()

    def work(_: int) -> bool:
        found.put(niceness())
        return False

    DeviceThreads("cpu", 1, work).submit(1)

    assert found.get(timeout=20) > before
    assert niceness() == before


def test_offload_threads_have_a_lower_priority() -> None:
    """Decoding and encoding occupy a core for as long as a batch does."""

    async def run() -> int:
        lease = MemoryBudget(1000).reserve(1)
        assert lease is not None
        return await OffloadPool("decoding", 1).run(niceness, lease, "it was decoded")

    before = niceness()

    assert asyncio.run(run()) > before
    assert niceness() == before


def test_threads_started_by_torch_have_a_lower_priority() -> None:
    """They inherit it from the thread that starts them."""
    before, found = niceness(), SimpleQueue[set[int]]()
    known = set(os.listdir("/proc/self/task"))

    def work(_: int) -> bool:
        torch.set_num_threads(4)
        torch.ones(1 << 22).sigmoid()
        started = set(os.listdir("/proc/self/task")) - known
        found.put({os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in started})
        return False

    DeviceThreads("cpu", 1, work).submit(1)

    niceness_of_threads = found.get(timeout=20)
    assert niceness_of_threads
    assert min(niceness_of_threads) > before
