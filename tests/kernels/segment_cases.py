"""Rows in segments for tests: of every element type, with ties, NaN, infinities and empty segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import strategies as st

from poolhouse.dtypes import bfloat16_to_float32, float64_to_bfloat16
from poolhouse.kernels.segments import group_rows
from poolhouse.kernels.widening import Array

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

REDUCTIONS = ("sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp")
ELEMENTS = ("float32", "float64", "float16", "bfloat16")
TORCH_TYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
EPSILONS = {"float32": 2.0**-23, "float64": 1e-12, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Twice the relative error of one rounding; for float64 that of a few additions."""
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1.0)


def stored(values: Reals, element: str) -> Array:
    """The nearest elements, as kernels take them."""
    with np.errstate(over="ignore"):
        return float64_to_bfloat16(values) if element == "bfloat16" else values.astype(element)


def reals(x: Array, element: str) -> Reals:
    """The values of stored elements."""
    # A signalling NaN is quieted, of which numpy warns.
    with np.errstate(invalid="ignore"):
        return (bfloat16_to_float32(x.view(np.uint16)) if element == "bfloat16" else x).astype(np.float64)


@dataclass(frozen=True)
class Case:
    """Rows ``(T, D)``, the segment of each, and the number of segments."""

    values: Reals
    segments: Integers
    count: int

    def planes(self, element: str) -> dict[str, Array]:
        order, offsets = group_rows(self.segments, self.count)
        return {"input": stored(self.values, element), "order": order, "offsets": offsets}

    def tensors(self, element: str) -> dict[str, torch.Tensor]:
        planes = {name: torch.from_numpy(each) for name, each in self.planes(element).items()}
        if element == "bfloat16":
            planes["input"] = planes["input"].view(torch.bfloat16)
        return planes

    def columns(self, element: str) -> list[list[list[float]]]:
        """The elements of each segment in each column."""
        x = reals(stored(self.values, element), element)
        return [
            [x[self.segments == segment, column].tolist() for column in range(x.shape[1])]
            for segment in range(self.count)
        ]


@st.composite
def cases(draw: st.DrawFn, *, special: bool = False, most_columns: int = 9) -> Case:
    """Few rows in any order; with special values if wanted."""
    rows, columns = draw(st.integers(0, 24)), draw(st.integers(1, most_columns))
    count = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(-6, 7, (rows, columns)) / 4 if draw(st.booleans()) else rng.standard_normal((rows, columns))
    if special:
        values = np.where(rng.random(values.shape) < 0.3, rng.choice(SPECIAL, values.shape), values)
    return Case(values, rng.integers(0, count, rows), count)


def large_case(lengths: Sequence[int], columns: int, seed: int = 1) -> Case:
    """Rows of several magnitudes in segments of these lengths, shuffled."""
    rng = np.random.default_rng(seed)
    segments = rng.permutation(np.repeat(np.arange(len(lengths)), lengths))
    values = rng.standard_normal((len(segments), columns)) * 10.0 ** rng.integers(-2, 2, (len(segments), 1))
    return Case(values, segments, len(lengths))
