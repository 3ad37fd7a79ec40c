"""The observer that ignores every event, and the timings that a caller gets without one."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import Job
from poolhouse.batching.memory import MemoryBudget
from poolhouse.batching.observer import BatchShare, JobTiming, NullObserver, Observer
from tests.batching.fake_device import FakeWorker, RecordingObserver, on_loop, wait_until

EVENTS = [name for name in vars(Observer) if not name.startswith("_")]


@pytest.mark.parametrize("name", EVENTS)
def test_an_observer_takes_every_event_as_declared(name: str) -> None:
    """The engine passes the arguments by position; an exception would be logged for each batch."""
    declared = list(inspect.signature(getattr(Observer, name)).parameters)

    for observer in (NullObserver, RecordingObserver):
        assert list(inspect.signature(getattr(observer, name)).parameters) == declared
    getattr(NullObserver(), name)(*declared[1:])


@on_loop
async def test_without_an_observer_the_engine_pools_and_recovers(caplog: pytest.LogCaptureFixture) -> None:
    """Batches, split batches and cancelled jobs are reported to nobody, and no fault of an observer is logged."""
    worker, budget = FakeWorker(), MemoryBudget(100)
    worker.max_planes = 1
    engine: Engine[str] = Engine([("fake:0", worker)], inline_steps=-1)

    async def call(name: str) -> JobTiming:
        lease = budget.reserve(2)
        assert lease is not None
        try:
            return await engine.submit(Job("a", 2, 1, 1, name), lease, "operator", None)
        finally:
            lease.release()

    worker.gate.clear()
    cancelled = asyncio.ensure_future(call("cancelled"))
    await wait_until(lambda: len(worker.started_batches) == 1)
    cancelled.cancel()
    worker.gate.set()
    timing = await call("halved")

    assert timing.queue_s >= 0
    assert timing.compute_s >= 0
    await wait_until(lambda: budget.lease_count == 0)
    await engine.stop()
    assert "observer" not in caplog.text


def test_a_job_that_ran_inline_has_no_share() -> None:
    """It was a batch of its own."""
    assert JobTiming(0.0, 1.0, "inline").share is None
    assert JobTiming(0.0, 1.0, "drained", BatchShare(0.5, 3.0, 1.0)).share == (0.5, 3.0, 1.0)
