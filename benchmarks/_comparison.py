"""Two sides measured in turns: the figures of each turn, the ratio of their medians, and the goal it has to reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Ratio(Enum):
    """How two figures are compared, and which side of the goal is the good one."""

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
        """The goal as a table gives it."""
        return "–" if goal is None else f"{'≤' if self is Ratio.TIME else '≥'} {goal:g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row: a case, and the figures that each side reached in each turn."""

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
        """The ratio of each turn: how far they lie apart says how steady the machine was."""
        return tuple(self.kind.compute(*pair) for pair in zip(self.ours, self.theirs, strict=True))

    @property
    def is_goal_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.kind.reaches_goal(self.ratio, self.goal)

    @property
    def requests_per_second(self) -> tuple[float, float]:
        """The median of each side as requests a second."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return (ours, theirs) if self.kind is Ratio.RATE else (1e3 / ours, 1e3 / theirs)

    def table_row(self) -> list[str]:
        """The row as people read it."""
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
        """The row at full length, for the results file."""
        return {
            "ours": self.ours,
            "theirs": self.theirs,
            "ratio": self.ratio,
            "goal": self.goal,
            "met": self.is_goal_met,
            "faster": self.ratio < 1 if self.kind is Ratio.TIME else self.ratio > 1,
        }


def comparison_columns(peer_name: str) -> list[str]:
    """The heads of a table of comparisons."""
    return ["max pooling 2×2", "unit", "ours", peer_name, "ratio", "of single turns", "goal", "reached"]


def measure_alternating(sides: Sequence[Callable[[], float]], turns: int) -> list[tuple[float, ...]]:
    """Measures every side once a turn, in reverse order every second turn, and gives the figures by side.

    A slow minute of the machine meets all sides, and none always follows the same other one.
    """
    found: list[list[float]] = [[] for _ in sides]
    for turn in range(turns):
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        for number in order:
            found[number].append(sides[number]())
    return [tuple(figures) for figures in found]


def format_figure(value: float) -> str:
    """A figure with three digits or more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"
