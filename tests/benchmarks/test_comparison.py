"""Ratios, goals and alternating turns of comparisons."""

from __future__ import annotations

import pytest

from _comparison import Comparison, Ratio, comparison_columns, format_figure, measure_alternating


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "ratio"),
    [(Ratio.RATE, 300.0, 100.0, 3.0), (Ratio.SPEED, 2.0, 6.0, 3.0), (Ratio.TIME, 2.0, 8.0, 0.25)],
)
def test_each_kind_has_its_ratio(kind: Ratio, ours: float, theirs: float, ratio: float) -> None:
    """More requests per second are better, more milliseconds worse."""
    row = Comparison("x", kind, (ours,), (theirs,))

    assert row.ratio == ratio
    assert row.figures()["faster"] is True


@pytest.mark.parametrize(
    ("kind", "goal", "met", "text"),
    [
        (Ratio.RATE, 2.0, True, "≥ 2"),
        (Ratio.RATE, 2.5, False, "≥ 2.5"),
        (Ratio.SPEED, 0.5, True, "≥ 0.5"),
        (Ratio.SPEED, 0.6, False, "≥ 0.6"),
        (Ratio.TIME, 2.0, True, "≤ 2"),
        (Ratio.TIME, 0.4, False, "≤ 0.4"),
        (Ratio.RATE, None, None, "–"),
    ],
)
def test_a_goal_is_a_minimum_or_a_maximum(kind: Ratio, goal: float | None, met: bool | None, text: str) -> None:
    """Equality reaches it; a row without a goal neither reaches nor misses one."""
    row = Comparison("x", kind, (2.0,), (1.0,), goal)

    assert row.is_goal_met is met
    assert row.table_row()[-2:] == [text, {True: "yes", False: "no", None: "–"}[met]]


def test_the_ratio_is_that_of_the_medians_and_all_turns_are_shown() -> None:
    """One slow turn of a shared machine must neither determine the ratio nor be hidden."""
    row = Comparison("tiny", Ratio.RATE, (100.0, 10.0, 110.0), (200.0, 200.0, 100.0), 2.5)

    assert row.ratio == 0.5
    assert row.table_row() == ["tiny", "requests/s", "100", "200", "**0.50**", "0.05 to 1.10", "≥ 2.5", "no"]
    assert len(row.table_row()) == len(comparison_columns("Triton"))


def test_the_order_of_the_sides_alternates() -> None:
    """A side that always follows the same other one would always find the same cache contents."""
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    figures = measure_alternating([lambda: side("a"), lambda: side("b")], 4)

    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert figures == [(1.0, 4.0, 5.0, 8.0), (2.0, 3.0, 6.0, 7.0)]


@pytest.mark.parametrize(
    ("kind", "rates"), [(Ratio.RATE, (4.0, 8.0)), (Ratio.SPEED, (250, 125)), (Ratio.TIME, (250, 125))]
)
def test_times_are_converted_to_requests_per_second(kind: Ratio, rates: tuple[float, float]) -> None:
    """A plot shows rows of times and rows of rates."""
    assert Comparison("x", kind, (4.0,), (8.0,)).requests_per_second == rates


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (6.5, "6.500"), (0.0421, "0.042")])
def test_a_figure_has_at_least_three_digits(value: float, text: str) -> None:
    """A rate of six requests per second needs decimals, one of twelve thousand does not."""
    assert format_figure(value) == text
