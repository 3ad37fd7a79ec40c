"""A ratio says who is faster, the same in the table, in the results file and in the documents."""

from __future__ import annotations

import pytest

from _comparison import Comparison, Ratio, comparison_columns, format_figure, measure_alternating


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "ratio"),
    [(Ratio.RATE, 300.0, 100.0, 3.0), (Ratio.SPEED, 2.0, 6.0, 3.0), (Ratio.TIME, 2.0, 8.0, 0.25)],
)
def test_each_kind_has_its_ratio(kind: Ratio, ours: float, theirs: float, ratio: float) -> None:
    """Of requests a second more is better, of milliseconds less."""
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
def test_a_goal_is_reached_from_its_own_side(kind: Ratio, goal: float | None, met: bool | None, text: str) -> None:
    """Being on the bound is enough; a row without a goal neither reaches nor misses one."""
    row = Comparison("x", kind, (2.0,), (1.0,), goal)

    assert row.is_goal_met is met
    assert row.table_row()[-2:] == [text, {True: "yes", False: "no", None: "–"}[met]]


def test_the_median_turn_counts_and_the_others_are_told() -> None:
    """One slow turn of a shared machine must not make the ratio, and must not be hidden."""
    row = Comparison("tiny", Ratio.RATE, (100.0, 10.0, 110.0), (200.0, 200.0, 100.0), 2.5)

    assert row.ratio == 0.5
    assert row.table_row() == ["tiny", "requests/s", "100", "200", "**0.50**", "0.05 to 1.10", "≥ 2.5", "no"]
    assert len(row.table_row()) == len(comparison_columns("Triton"))


def test_every_side_comes_first_as_often_as_last() -> None:
    """What always follows the same neighbour always meets the same warm or cold memory."""
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
def test_a_plot_has_requests_a_second(kind: Ratio, rates: tuple[float, float]) -> None:
    """Rows of times and rows of rates stand side by side, and upward is faster in both."""
    assert Comparison("x", kind, (4.0,), (8.0,)).requests_per_second == rates


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (6.5, "6.500"), (0.0421, "0.042")])
def test_a_figure_is_shown_with_three_digits(value: float, text: str) -> None:
    """A rate of six requests a second needs its decimals, one of twelve thousand does not."""
    assert format_figure(value) == text
