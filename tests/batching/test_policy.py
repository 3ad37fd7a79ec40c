"""The decisions of the engine, each as a property of its arguments."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.batching import policy
from poolhouse.batching.fair_queue import Batch, Job, JobSlice
from poolhouse.batching.policy import LoadEstimate, ThroughputEstimate

estimates = st.builds(LoadEstimate, st.booleans(), st.floats(0, 1e3), st.integers(0, 100), st.floats(0, 1))


@st.composite
def batches(draw: st.DrawFn) -> Batch[int]:
    parts = []
    for number in range(draw(st.integers(1, 9))):
        planes = draw(st.integers(1, 20))
        start = draw(st.integers(0, planes - 1))
        job = Job("key", planes, 1, 1, number, is_abandoned=draw(st.booleans()))
        parts.append(JobSlice(job, start, draw(st.integers(start + 1, planes))))
    return Batch(tuple(parts), "full")


def planes_of(*found: Batch[int]) -> list[tuple[int, int]]:
    parts = [part for batch in found for part in batch.slices]
    return [(part.job.payload, plane) for part in parts for plane in range(part.start, part.stop)]


@given(batches())
def test_halves_contain_every_plane_once(batch: Batch[int]) -> None:
    """A batch that did not fit is retried completely, in two halves."""
    halves = policy.halve(batch)

    if halves is None:
        assert batch.planes == 1
        return
    assert planes_of(*halves) == planes_of(batch)
    assert all(half.planes for half in halves), "an empty half would be retried for ever"
    assert [half.planes for half in halves] == [batch.planes // 2, batch.planes - batch.planes // 2]


@given(batches())
def test_bisecting_isolates_every_slice(batch: Batch[int]) -> None:
    """If every batch fails, each slice is retried alone, after as many steps as a binary search takes."""
    alone: list[Batch[int]] = []
    depth, level = 0, [batch]
    while level:
        found = [(each, policy.bisect(each)) for each in level]
        alone += [each for each, halves in found if halves is None]
        level = [half for _, halves in found if halves is not None for half in halves]
        depth += 1

    assert sorted(planes_of(*alone)) == sorted(planes_of(batch))
    assert all(len(each.slices) == 1 for each in alone)
    assert depth - 1 <= (len(batch.slices) - 1).bit_length()


@given(batches())
def test_slices_of_abandoned_jobs_are_left_out(batch: Batch[int]) -> None:
    """The slices of all other jobs stay, in order."""
    remaining = policy.without_abandoned(batch)

    expected = [part for part in batch.slices if not part.job.is_abandoned]
    assert (list(remaining.slices) if remaining else []) == expected


@example([LoadEstimate(True, 0.0, 1, 1.0), LoadEstimate(True, 0.5, 1, 0.0)])
@given(st.lists(estimates, max_size=9))
def test_the_chosen_device_is_ready_and_none_is_free_sooner(several: list[LoadEstimate]) -> None:
    """Including the cost of the new batch; a lost device is never chosen."""
    index = policy.least_loaded(several)

    ready = [estimate.wait_s + estimate.new_batch_s for estimate in several if estimate.is_ready]
    if index is None:
        assert not ready
    else:
        assert several[index].is_ready
        assert several[index].wait_s + several[index].new_batch_s == min(ready)


@given(st.lists(estimates, max_size=9))
def test_retry_after_is_neither_zero_nor_later_than_the_last_job(several: list[LoadEstimate]) -> None:
    """Clients should retry when memory is free: early retries flood the service, late ones leave devices idle."""
    retry_s = policy.retry_after_s(several)

    assert retry_s >= 0.1
    assert retry_s <= max(0.5, *(estimate.wait_s for estimate in several), 0.0)


@given(st.lists(estimates, min_size=1, max_size=9))
def test_retry_after_is_half_of_the_longest_wait(several: list[LoadEstimate]) -> None:
    """A constant would bring all clients back while the queue is still full."""
    retry_s = policy.retry_after_s(several)

    assert retry_s == pytest.approx(max(0.1, *(estimate.wait_s / 2 for estimate in several)))


@given(st.floats(0, 10), st.floats(0, 10), st.floats(-1, 30))
def test_a_deadline_is_met_when_the_wait_and_the_work_fit(wait_s: float, own_s: float, remaining_s: float) -> None:
    """By the estimated wait; without a deadline always."""
    estimate = LoadEstimate(True, wait_s, 1)

    assert policy.meets_deadline(estimate, own_s, remaining_s) == (remaining_s > 0 and wait_s + own_s <= remaining_s)
    assert policy.meets_deadline(estimate, own_s, None)


@pytest.mark.parametrize(
    ("estimate", "steps", "inline"),
    [
        (LoadEstimate(True, 0.0, 0), 10, True),
        (LoadEstimate(True, 0.0, 0), 11, False),
        (LoadEstimate(True, 0.0, 1), 10, False),
        (LoadEstimate(False, 0.0, 0), 10, False),
        (LoadEstimate(True, 2.0, 1), 10, True),
        (LoadEstimate(True, 2.0, 1), 11, False),
        (LoadEstimate(True, 2.0, 999), 10, True),
        (LoadEstimate(True, 0.002, 999), 10, False),
        (LoadEstimate(False, 2.0, 1), 10, False),
    ],
)
def test_only_tiny_jobs_run_inline_on_an_idle_device_or_beside_long_work(
    estimate: LoadEstimate, steps: int, inline: bool
) -> None:
    """Inline jobs block the event loop; but a plane, or many short batches, may occupy a device for seconds."""
    assert policy.runs_inline(estimate, steps, 10) is inline


@given(st.floats(1e5, 1e12), st.floats(1e5, 1e12), st.floats(1e-6, 1.0))
def test_the_estimate_converges_to_the_measured_speed(first: float, later: float, each_s: float) -> None:
    """Within a few dozen batches of either kind."""
    estimate = ThroughputEstimate(first)

    for _ in range(400):
        estimate.update(1_000_000, 1_000_000 / later)
        estimate.update(10, each_s)

    assert estimate.seconds_for(1_000_000, 0) == pytest.approx(1_000_000 / later, rel=0.01)
    assert estimate.seconds_for(0, 7) == pytest.approx(7 * each_s, rel=0.01)


def test_tiny_batches_do_not_change_the_estimate_for_large_ones() -> None:
    """Otherwise a job of a million steps would seem to take minutes, and be refused."""
    estimate = ThroughputEstimate(1e8)

    for _ in range(100):
        estimate.update(10, 1e-3)

    assert estimate.seconds_for(1_000_000) < 0.02


@given(st.floats(1.0, 1e8), st.floats(1e-6, 100.0))
def test_an_estimate_that_is_too_low_is_relaxed_until_a_job_is_admitted(steps_per_s: float, batch_s: float) -> None:
    """Otherwise an idle service would refuse every deadline for ever, and never measure its speed again."""
    estimate, idle = ThroughputEstimate(steps_per_s, batch_s), LoadEstimate(True, 0.0, 0)

    refused = 0
    while not policy.meets_deadline(idle, estimate.seconds_for(1_000_000), 0.1):
        estimate.relax()
        refused += 1

    assert refused <= 200
