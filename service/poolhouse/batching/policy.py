"""What the engine decides, without a clock or a loop: whether to admit, which device, when to come back.

Time, bytes and steps are arguments. Nothing here waits or acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Load:
    """What waits for or runs on one device, and how fast it has been.

    Attributes:
        held_bytes: inputs and outputs of admitted jobs.
        steps: work of admitted jobs.
        jobs: how many.
        steps_per_s: measured speed, a moving average over jobs.
    """

    held_bytes: int = 0
    steps: int = 0
    jobs: int = 0
    steps_per_s: float = 1e8

    def took(self, steps: int, seconds: float) -> None:
        """Learns from a job that ran. Tiny ones say more of the clock than of the device."""
        if steps >= 100_000 and seconds > 0:
            self.steps_per_s += 0.1 * (steps / seconds - self.steps_per_s)

    @property
    def wait_s(self) -> float:
        """Seconds until all that is admitted is done, by the measured speed."""
        return self.steps / self.steps_per_s


def least_loaded(loads: Sequence[Load]) -> int:
    """The device that will be free first."""
    return min(range(len(loads)), key=lambda index: (loads[index].wait_s, loads[index].jobs))


def fits(loads: Sequence[Load], held_bytes: int, room_bytes: int) -> bool:
    """Whether one more job may be held. One that is alone is always let in: its own limits have passed it."""
    held = sum(load.held_bytes for load in loads)
    return held == 0 or held + held_bytes <= room_bytes


def runs_here(load: Load, steps: int, inline_steps: int) -> bool:
    """Whether a job is so small that handing it to a thread costs more than doing it, and nobody is before it."""
    return load.jobs == 0 and steps <= inline_steps
