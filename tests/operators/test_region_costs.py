"""Steps and bytes of plans for regions against measurements: limits, scheduling and inline execution rely on them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import torch

from poolhouse.operators.plan import Limits
from tests.operators.memory_of_plans import OVERHEAD, measured_rows, rows_over_plan
from tests.operators.region_extremes import RegionExtreme, region_extremes
from tests.operators.test_costs import BY_TORCH, CALL_S, FACTOR, LIMITS, OUTLIER, planned_seconds, seconds
from tests.run_level import Level, level

_ELEMENTS: Final = (2**8, 2**13, 2**17, 2**20)

_Measured = list[tuple[RegionExtreme, float]]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _measured(every: int, limits: Limits) -> _Measured:
    """Rows with their seconds, without rows that are too short to measure."""
    rows: _Measured = []
    for elements in _ELEMENTS:
        for row in region_extremes(elements, every, limits):
            taken = seconds(row.plan, row.tensors, 3)
            if max(taken, planned_seconds(row.plan, 1e-9)) > 4 * CALL_S:
                rows.append((row, taken))
    return rows


def _step_s(rows: _Measured) -> float:
    """Seconds per step on this machine, the median of the rows whose shapes determine their work."""
    return statistics.median(max(taken - CALL_S, 0.0) / row.plan.steps for row, taken in rows if row.is_shaped)


def _factor(row: RegionExtreme, taken: float, step_s: float) -> float:
    """By how much the time differs from the plan's: 1 if it does not."""
    expected = planned_seconds(row.plan, step_s)
    longer, shorter = taken / expected, expected / (taken + CALL_S)
    # Where the regions determine the work, a plan has about the most.
    return max(longer, shorter) if row.is_shaped else longer


def _wrong_rows(rows: _Measured) -> list[str]:
    """The rows whose time differs from their plan's by more than a factor, but a few as in ``test_costs``."""
    step_s, wrong = _step_s(rows), []
    for row, taken in rows:
        if _factor(row, taken, step_s) > FACTOR:
            # Other processes may have disturbed this row.
            again = seconds(row.plan, row.tensors, 20)
            if (off := _factor(row, again, step_s)) > FACTOR:
                expected = planned_seconds(row.plan, step_s)
                wrong.append((off, f"{row.name}: {again * 1e3:.2f} ms, planned {expected * 1e3:.2f} ms"))
    return [message for off, message in wrong if len(wrong) > max(3, len(rows) // 100) or off > OUTLIER]


@pytest.mark.parametrize("every", [{Level.QUICK: 83, Level.SLOW: 29, Level.EXHAUSTIVE: 7}[level()]])
@pytest.mark.parametrize("limits", [LIMITS, BY_TORCH], ids=["loops", "torch"])
def test_every_step_takes_about_as_long(limits: Limits, every: int) -> None:
    """A request whose plan has a hundredth of its steps runs on the event loop, and blocks the service."""
    rows = _measured(every, limits)

    assert len({row.plan.spec.name for row, _ in rows}) == 5
    assert len(rows) > 1_500 / every
    assert 0.1e-9 < _step_s(rows) < 5e-9, "a step should take about a nanosecond"
    assert not (wrong := _wrong_rows(rows)), "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("every", [23 if level() is Level.EXHAUSTIVE else 67])
@pytest.mark.parametrize("by", ["loops", "torch"])
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc/self/clear_refs")
def test_no_request_takes_more_memory_than_its_plan_says(by: str, every: int) -> None:
    """Each thread has a table of its own, and torch computes every element in float64."""
    rows = measured_rows("tests.operators.region_peak_memory", by, every)

    assert not (over := rows_over_plan(rows)), "\n".join(over)
    assert len(rows) > 1_500 / every
    # A plan with too many bytes would make the service refuse other requests. Plans are for more than two threads.
    assert statistics.median(taken / planned for _, taken, planned in rows if taken > OVERHEAD) > 0.1
