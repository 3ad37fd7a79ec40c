"""Compare two servers or clients measured in alternating turns: the ratio of their medians, and its goal."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Ratio(Enum):
    """How two figures are compared, and whether a goal is a minimum or a maximum."""

    RATE = "requests/s, ours over theirs; at least the goal"
    SPEED = "ms, theirs over ours; at least the goal"
    TIME = "ms, ours over theirs; at most the goal"

    def compute(self, ours: float, theirs: float) -> float:
        """The ratio of two figures."""
        return theirs / ours if self is Ratio.SPEED else ours / theirs

    def reaches_goal(self, ratio: float, goal: float) -> bool:
        """Whether a ratio reaches a goal."""
        return ratio <= goal if self is Ratio.TIME else ratio >= goal

    def format_goal(self, goal: float | None) -> str:
        """The goal for a table."""
        return "–" if goal is None else f"{'≤' if self is Ratio.TIME else '≥'} {goal:g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row: a case, and the figures of each side by turn."""

    case: str
    kind: Ratio
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """The ratio of the two medians."""
        return self.kind.compute(statistics.median(self.ours), statistics.median(self.theirs))

    @property
    def turn_ratios(self) -> tuple[float, ...]:
        """The ratio of each turn; their spread shows how steady the machine was."""
        return tuple(self.kind.compute(*pair) for pair in zip(self.ours, self.theirs, strict=True))

    @property
    def is_goal_met(self) -> bool | None:
        """Whether the goal is reached; None if there is none."""
        return None if self.goal is None else self.kind.reaches_goal(self.ratio, self.goal)

    @property
    def requests_per_second(self) -> tuple[float, float]:
        """The median of each side as requests per second."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return (ours, theirs) if self.kind is Ratio.RATE else (1e3 / ours, 1e3 / theirs)

    def table_row(self) -> list[str]:
        """The row of the table."""
        return [
            self.case,
            "requests/s" if self.kind is Ratio.RATE else "ms",
            format_figure(statistics.median(self.ours)),
            format_figure(statistics.median(self.theirs)),
            f"**{self.ratio:.2f}**",
            f"{min(self.turn_ratios):.2f} to {max(self.turn_ratios):.2f}",
            self.kind.format_goal(self.goal),
            {True: "yes", False: "no", None: "–"}[self.is_goal_met],
        ]

    def figures(self) -> Mapping[str, object]:
        """The unrounded figures, for the results file."""
        return {
            "ours": self.ours,
            "theirs": self.theirs,
            "ratio": self.ratio,
            "goal": self.goal,
            "met": self.is_goal_met,
            "faster": self.ratio < 1 if self.kind is Ratio.TIME else self.ratio > 1,
        }


def comparison_columns(peer_name: str) -> list[str]:
    """The column names of a table of comparisons."""
    return ["max pooling 2×2", "unit", "ours", peer_name, "ratio", "of single turns", "goal", "reached"]


def measure_alternating(sides: Sequence[Callable[[], float]], turns: int) -> list[tuple[float, ...]]:
    """Measure every side once per turn, in reverse order every second turn; returns the figures by side.

    A slow minute of the machine affects all sides alike, and no side always follows the same other one.
    """
    measured: list[list[float]] = [[] for _ in sides]
    for turn in range(turns):
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        for number in order:
            measured[number].append(sides[number]())
    return [tuple(figures) for figures in measured]


def format_figure(value: float) -> str:
    """A figure with at least three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"
