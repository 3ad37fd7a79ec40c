"""How jobs go through the engine when all is well: who starts when, who goes together, who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from itertools import pairwise
from random import Random

import pytest

from tests.batching.fake import FakeWorker, House, on_loop, outcomes, turns, until


@on_loop
async def test_an_idle_device_starts_at_once() -> None:
    """No window: a lone job is on its way before the loop has turned twice."""
    house = House()
    house.worker.gate.clear()

    task = house.ask("lone")
    await turns(2)
    assert house.counting.reasons == ["idle"]
    house.worker.gate.set()

    assert await outcomes(task) == ["ok"]
    await house.at_rest()


@on_loop
async def test_all_that_waits_of_one_key_goes_in_one_batch() -> None:
    """A busy device takes everything when it is free: that is where batching pays."""
    house = House()
    tasks = await house.hold()
    names = [f"job{number}" for number in range(50)]
    tasks += await house.asks(*names)

    house.worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    assert house.worker.begun[2:] == [names]
    assert house.counting.reasons[2:] == ["drained"]
    await house.at_rest()


@on_loop
async def test_the_next_batch_is_ready_before_the_device_is() -> None:
    """One executes, one is handed over, and no more: what waits may still be joined or dropped."""
    house = House()
    house.worker.gate.clear()

    tasks = [house.ask(f"job{number}", key=f"key{number}") for number in range(5)]
    await until(lambda: len(house.worker.begun) == 1)
    assert house.counting.seen["began"] == 2
    house.worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    await house.at_rest()


@on_loop
async def test_a_flood_of_one_key_does_not_starve_another() -> None:
    """The bound: with K lines waiting, a newcomer's batch is at most the K-th."""
    house = House(FakeWorker(piece=10))
    tasks = await house.hold()
    tasks += await house.asks(*[f"flood{number}" for number in range(300)], key="flood")
    tasks += await house.asks("other", key="other")
    tasks += await house.asks("third", key="third")

    house.worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    order = [loads[0] for loads in house.worker.begun[2:]]
    assert order.index("other") == 1
    assert order.index("third") == 2
    await house.at_rest()


@on_loop
async def test_a_large_job_is_cut_and_others_go_between_its_pieces() -> None:
    """One request of 95 launches does not hold up everyone for as long."""
    house = House(FakeWorker(piece=10))
    tasks = await house.hold()
    large = house.ask("large", planes=95, key="large")
    await turns(2)
    tasks += [large, *await house.asks("small", key="small")]

    house.worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    assert house.worker.begun[2:5] == [["large"], ["small"], ["large"]]
    assert house.count("large", 95) == [1] * 95
    await house.at_rest()


@pytest.mark.parametrize("seed", range(8))
def test_every_plane_of_every_job_is_pooled_once(seed: int) -> None:
    """Whatever the company, the cuts and the number of devices: together is the same planes as alone."""
    random = Random(seed)

    @on_loop
    async def storm() -> None:
        workers = [
            FakeWorker(
                piece=random.randint(1, 40),
                join=random.randint(0, 40),
                width=random.randint(1, 2),
                planes=random.choice((None, 7)),
            )
            for _ in range(random.randint(1, 3))
        ]
        house = House(*workers)
        jobs = [(f"job{number}", random.randint(1, 60), random.choice("abc")) for number in range(60)]
        tasks = []
        for name, planes, key in jobs:
            tasks.append(house.ask(name, planes, key))
            if random.random() < 0.3:
                await turns(random.randint(1, 9))

        assert set(await outcomes(*tasks)) == {"ok"}
        for name, planes, _ in jobs:
            assert house.count(name, planes) == [1] * planes
        await house.at_rest()

    storm()


@on_loop
async def test_tiny_work_before_an_idle_device_runs_where_it_is() -> None:
    """A hop to a thread costs more than the work; but nobody is overtaken."""
    house = House(inline_steps=5)
    tiny = await house.ask("tiny", planes=5)
    house.worker.gate.clear()
    large = house.ask("large", planes=6)
    await until(lambda: len(house.worker.begun) == 2)
    behind = house.ask("behind", planes=1)
    await turns()

    assert tiny.reason == "inline"
    assert not behind.done()
    house.worker.gate.set()
    assert await outcomes(large, behind) == ["ok", "ok"]
    assert house.counting.reasons == ["inline", "idle", "idle"]
    await house.at_rest()


@on_loop
async def test_the_short_way_is_for_tiny_jobs_alone() -> None:
    """What is done on the loop holds up everyone on it."""
    house = House(inline_steps=5)

    large = house.engine.run_inline("large", 6, 2, "operator")
    tiny = house.engine.run_inline("tiny", 5, 5, "operator")

    assert large is None
    assert tiny is not None
    assert house.worker.begun == [["tiny"]]
    await house.at_rest()


@on_loop
async def test_the_short_way_is_for_an_idle_device_alone() -> None:
    """A tiny job must not overtake who waits, nor stop the loop behind a busy device or try a lost one."""
    house = House(inline_steps=5)
    house.worker.gate.clear()
    running = house.ask("running", planes=6)
    await until(lambda: len(house.worker.begun) == 1)

    behind = house.engine.run_inline("behind", 1, 1, "operator")
    house.worker.gate.set()
    house.worker.breaks_at, house.worker.rebuilds_fail = {2}, 10**6
    told = await outcomes(running, house.ask("breaks", planes=6))
    on_lost = house.engine.run_inline("on lost", 1, 1, "operator")

    assert (behind, on_lost) == (None, None)
    assert told == ["ok", "device_lost"]
    assert house.worker.begun == [["running"], ["breaks"]]
    await house.engine.stop()


@on_loop
async def test_a_tiny_job_does_not_wait_for_the_short_batches_of_many_lines() -> None:
    """One caller's requests may each be of another key; the lines take turns, and the last one's comes late."""
    house = House(inline_steps=5)
    house.worker.sticks_at = {1}
    many = [house.ask(f"short{number}", key=f"key{number}", planes=1, steps=10**6) for number in range(40)]
    await until(lambda: len(house.worker.begun) == 1)

    tiny = await house.ask("tiny", planes=5)

    assert tiny.reason == "inline"
    house.worker.unstick.set()
    assert set(await outcomes(*many)) == {"ok"}
    await house.at_rest()


@on_loop
async def test_a_tiny_job_does_not_wait_for_a_long_batch() -> None:
    """One plane of a hundred million outputs takes a device for seconds, and cannot be cut."""
    house = House(inline_steps=5)
    house.worker.sticks_at = {1}
    long = house.ask("long", planes=1, steps=10**10)
    await until(lambda: len(house.worker.begun) == 1)
    also_long = house.ask("also long", planes=1, steps=10**10)

    at_once = house.engine.run_inline("at once", 1, 1, "operator")
    tiny = await house.ask("tiny", planes=5)
    large = house.ask("large", planes=6)
    await turns()

    assert at_once is not None
    assert tiny.reason == "inline"
    assert not large.done()
    house.worker.unstick.set()
    assert await outcomes(long, also_long, large) == ["ok", "ok", "ok"]
    await house.at_rest()


@on_loop
async def test_each_job_goes_to_the_device_that_is_free_first() -> None:
    """Several devices share the load by work, not by number of jobs."""
    house = House(FakeWorker(), FakeWorker())
    for worker in house.workers:
        worker.gate.clear()
    tasks = [house.ask("large", planes=900, key="large", steps=10**6)]
    tasks += [house.ask(f"small{number}", planes=90, key=f"small{number}", steps=10**6) for number in range(9)]
    await turns()

    for worker in house.workers:
        worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    assert house.workers[0].begun == [["large"]]
    assert len(house.workers[1].begun) == 9
    await house.at_rest()


@on_loop
async def test_jobs_of_a_key_go_where_others_of_it_wait() -> None:
    """Under load each device has fewer keys so, and larger batches: a fleet answers several times as many."""
    house = House(FakeWorker(), FakeWorker())
    for worker in house.workers:
        worker.gate.clear()
    tasks = [house.ask(f"first{number}", key=f"first{number}") for number in range(4)]
    await turns()
    for name in ("a1", "b1", "b2", "a2", "a3", "b3"):
        tasks += await house.asks(name, key=name[0])

    for worker in house.workers:
        worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    later = [batch for worker in house.workers for batch in worker.begun if not batch[0].startswith("first")]
    assert sorted(later) == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    await house.at_rest()


@on_loop
async def test_a_device_of_width_two_works_on_two_batches_at_once() -> None:
    """One is brought there while the other computes."""
    house = House(FakeWorker(width=2))
    house.worker.gate.clear()

    tasks = [house.ask("one", key="one"), house.ask("two", key="two")]
    await until(lambda: len(house.worker.begun) == 2)
    house.worker.gate.set()

    assert await outcomes(*tasks) == ["ok", "ok"]
    await house.at_rest()


@on_loop
async def test_a_slow_copy_holds_up_its_own_batch_alone() -> None:
    """While one batch is long on its way to the device, the other place there serves everyone else."""
    house = House(FakeWorker(width=2))
    house.worker.sticks_at = {1}
    slow = house.ask("slow", key="slow")
    await until(lambda: len(house.worker.begun) == 1)

    others = [house.ask(f"job{number}", key=f"key{number}") for number in range(9)]
    told = await outcomes(*others)

    assert told == ["ok"] * 9
    assert not slow.done()
    assert house.engine.states() == {"fake:0": "ready"}
    house.worker.unstick.set()
    assert await outcomes(slow) == ["ok"]
    await house.at_rest()


@on_loop
async def test_the_times_of_a_job_are_its_own() -> None:
    """What Server-Timing says: waiting before its first plane, computing while its planes ran."""
    house = House()
    tasks = await house.hold()
    waiting = house.ask("waiting")
    await turns()
    house.worker.gate.set()

    first, waited = await tasks[0], await waiting

    assert first.compute_s > 0
    assert waited.queue_s > 0
    assert waited.reason == "drained" or waited.reason == "idle"
    await outcomes(*tasks)
    await house.at_rest()


# ---- callers who leave


@on_loop
async def test_who_leaves_while_waiting_gets_everything_back_at_once() -> None:
    """The lease ends before the device is free, and the job never runs."""
    house = House()
    tasks = await house.hold()
    leaver = house.ask("leaver", planes=500)
    await turns()
    held = house.ledger.held_bytes

    leaver.cancel()
    await turns(3)
    assert house.ledger.held_bytes == held - 500
    house.worker.gate.set()

    assert await outcomes(leaver, *tasks) == ["CancelledError", "ok", "ok"]
    await house.at_rest()
    assert ["leaver"] not in house.worker.begun
    assert house.counting.seen["cancelled"] == 1


@on_loop
async def test_who_leaves_while_the_device_looks_keeps_the_bytes_until_it_is_done() -> None:
    """Memory that a kernel still reads is not lent to others."""
    house = House()
    house.worker.gate.clear()
    leaver = house.ask("leaver", planes=500)
    await until(lambda: len(house.worker.begun) == 1)

    leaver.cancel()
    assert await outcomes(leaver) == ["CancelledError"]
    assert house.ledger.held_bytes == 500
    house.worker.gate.set()

    await house.at_rest()


@on_loop
async def test_the_rest_of_a_cut_job_is_not_run_for_nobody() -> None:
    """Who leaves a large job costs the piece that runs and the one handed over, not the others."""
    house = House(FakeWorker(piece=10))
    house.worker.gate.clear()
    leaver = house.ask("leaver", planes=1000)
    await until(lambda: len(house.worker.begun) == 1)

    leaver.cancel()
    await turns(3)
    house.worker.gate.set()

    await house.at_rest()
    assert len(house.worker.begun) <= 2


# ---- deadlines


@on_loop
async def test_a_deadline_that_is_over_or_cannot_be_kept_is_refused_at_the_door() -> None:
    """It costs nothing: no place in line, no thread."""
    house = House()
    await house.ask("warm")

    over = house.ask("over", within_s=-1.0)
    hopeless = house.ask("hopeless", steps=10**12, within_s=5.0)

    assert await outcomes(over, hopeless) == ["deadline_passed", "deadline_passed"]
    assert house.worker.begun == [["warm"]]
    assert house.counting.seen["expired"] == 2
    await house.at_rest()


@on_loop
async def test_who_is_behind_too_much_work_is_refused_at_the_door() -> None:
    """What waits counts: by the measured speed this one's turn comes too late."""
    house = House()
    await house.hold()
    queue = house.ask("queue", steps=10**10)
    await turns()

    late = house.ask("late", key="late", within_s=5.0)

    assert await outcomes(late) == ["deadline_passed"]
    house.worker.gate.set()
    assert await outcomes(queue) == ["ok"]
    await house.at_rest()


@on_loop
async def test_a_deadline_that_passes_in_line_is_answered_then_and_the_job_never_runs() -> None:
    """The timer answers, not the device, which is still closed when the answer comes."""
    house = House()
    tasks = await house.hold()
    late = house.ask("late", planes=50, within_s=0.02)
    await turns(3)

    assert await outcomes(late) == ["deadline_passed"]
    assert len(house.worker.begun) == 1
    assert house.ledger.held_bytes == 2
    house.worker.gate.set()

    assert await outcomes(*tasks) == ["ok", "ok"]
    await house.at_rest()
    assert ["late"] not in house.worker.begun


@on_loop
async def test_a_deadline_that_passes_on_the_device_is_answered_then() -> None:
    """The kernel cannot be stopped; its answer is thrown away and its bytes come back when it is done."""
    house = House()
    house.worker.gate.clear()
    late = house.ask("late", planes=50, within_s=0.02)
    await until(lambda: len(house.worker.begun) == 1)

    assert await outcomes(late) == ["deadline_passed"]
    assert house.ledger.held_bytes == 50
    house.worker.gate.set()

    await house.at_rest()


@on_loop
async def test_an_estimate_that_is_too_low_does_not_turn_everyone_away_for_ever() -> None:
    """One slow hour must not make an idle service refuse every caller with a deadline until it is restarted."""
    house = House()
    house.engine._lanes[0].speed.steps_per_s = 1.0

    told: list[str] = []
    while not told or told[-1] != "ok":
        told += await outcomes(house.ask("hopeful", steps=1000, within_s=5.0))

    assert len(told) <= 100
    await house.at_rest()


@on_loop
async def test_who_was_answered_leaves_no_timer_behind() -> None:
    """It would hold the request's tensors until a deadline that may be an hour away."""
    house = House()
    loop = asyncio.get_running_loop()
    set_timer, timers = loop.call_at, list[asyncio.TimerHandle]()

    def noted(
        when: float, call: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timers.append(set_timer(when, call, *args, context=context))
        return timers[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_at", noted)
        assert await outcomes(house.ask("one", within_s=3600.0)) == ["ok"]

    assert timers
    assert all(timer.cancelled() for timer in timers)
    await house.at_rest()


# ---- the end


@on_loop
async def test_stopping_with_nothing_to_do_is_done_at_once() -> None:
    """An idle service does not use its grace period."""
    house = House()
    await house.ask("one")

    await house.engine.stop(grace_s=60)

    assert await outcomes(house.ask("late")) == ["draining"]


@on_loop
async def test_the_short_way_ends_when_the_service_stops() -> None:
    """Tiny requests too are told to go elsewhere, or the stop would never see its end."""
    house = House(inline_steps=5)
    house.engine.drain()

    done = house.engine.run_inline("tiny", 1, 1, "operator")

    assert done is None
    assert await outcomes(house.ask("tiny")) == ["draining"]
    assert house.worker.begun == []
    await house.at_rest()


@on_loop
async def test_what_was_admitted_is_finished_and_nothing_more_is_admitted() -> None:
    """Draining harms nobody who is in."""
    house = House()
    tasks = await house.hold()
    tasks += await house.asks("queued")
    stopping = asyncio.ensure_future(house.engine.stop(grace_s=60))
    await turns()

    assert await outcomes(house.ask("late")) == ["draining"]
    assert not stopping.done()
    house.worker.gate.set()

    assert await outcomes(*tasks) == ["ok"] * 3
    await stopping
    assert house.ledger.leases == 0


@on_loop
async def test_a_stuck_job_does_not_outlast_the_grace() -> None:
    """Whoever still waits is told, and stopping returns although a thread does not."""
    house = House()
    tasks = await house.hold()
    tasks += await house.asks("queued", planes=5)

    await house.engine.stop(grace_s=0.02)

    assert await outcomes(*tasks) == ["draining"] * 3
    assert house.ledger.held_bytes == 1, "what the stuck thread looks at"
    house.worker.gate.set()
    await until(lambda: house.ledger.leases == 0)
    assert house.worker.begun == [["first"]]


@on_loop
async def test_stopping_waits_for_threads_that_still_compute_for_nobody() -> None:
    """A process that ends under a computing thread may crash, and its exit code be wrong."""
    house = House()
    house.worker.gate.clear()
    leaver = house.ask("leaver")
    await until(lambda: len(house.worker.begun) == 1)
    leaver.cancel()
    await turns(3)

    stopping = asyncio.ensure_future(house.engine.stop(grace_s=60))
    await turns()
    assert not stopping.done()
    house.worker.gate.set()

    await stopping
    assert house.worker.ended == 1


@on_loop
async def test_alternating_keys_are_served_in_turns_of_whole_batches() -> None:
    """Mixed shapes at saturation batch as well as one shape does: a different shape closes nothing."""
    house = House()
    tasks = await house.hold()
    for number in range(64):
        tasks += await house.asks(f"job{number}", key="abcdefgh"[number % 8])

    house.worker.gate.set()

    assert set(await outcomes(*tasks)) == {"ok"}
    sizes = [len(loads) for loads in house.worker.begun[2:]]
    assert sizes == [8] * 8
    keys = [str(batch.parts[0].job.key) for batch in house.worker.batches[2:]]
    assert all(one < other for one, other in pairwise(keys))
    await house.at_rest()
