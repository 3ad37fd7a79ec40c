"""Quantiles: the ranks that they choose, and how far they are from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

LOWER, HIGHER, NEAREST, BETWEEN = range(4)
"""Which of the ranks next to ``q · (n - 1)``; BETWEEN takes both."""
METHODS: Final = {"lower": LOWER, "higher": HIGHER, "nearest": NEAREST, "linear": BETWEEN, "midpoint": BETWEEN}
"""The ranks that each method of numpy's quantile chooses."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile as numpy defines it.

    Attributes:
        q: from 0 to 1.
        method: one of :data:`METHODS`.
    """

    q: float
    method: str

    def rank(self, count: int, *, upper: bool = False) -> int:
        """The rank among this many elements; of two that are interpolated the lower or the upper one."""
        place = (count - 1) * self.q
        low = int(place)
        if self.method == "lower":
            return low
        if self.method == "nearest":
            return round(place)
        return low + (place > low and (upper or self.method == "higher"))

    def weights(self, counts: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The weight of the upper of both ranks among these numbers of elements."""
        place: npt.NDArray[np.float64] = (counts.astype(np.float64) - 1) * self.q
        rest = place - np.floor(place)
        return np.where(rest > 0, 0.5, 0.0) if self.method == "midpoint" else rest
