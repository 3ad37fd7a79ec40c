"""One request as the engine sees it: how much it holds, how much it costs, until when anybody waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Job(Generic[Result]):
    """Work for one device.

    Attributes:
        run: does it; called once, on the device's worker thread or, if tiny, where it is. Takes the device's place
            in the engine's list.
        held_bytes: input and output, held until the answer is written.
        steps: the plan's work, about one window element each.
        deadline: when the caller stops waiting, on the loop's clock; None for never.
    """

    run: Callable[[int], Result]
    held_bytes: int
    steps: int
    deadline: float | None
