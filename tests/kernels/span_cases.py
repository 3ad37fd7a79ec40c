"""Random spans of tokens for the tests of the loops and of torch's operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import strategies as st

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.spans import MODES
from poolhouse.operators.span_reductions import reference_of_span

Array = npt.NDArray[Any]

FLOATS: Final = ("float16", "bfloat16", "float32", "float64")
ALL_MODES: Final = tuple(MODES)
UNIT: Final = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
LEAST: Final = {"float16": 2.0**-25, "bfloat16": 2.0**-134, "float32": 2.0**-150, "float64": 2.0**-1075}


@dataclass(frozen=True)
class Case:
    """Tokens and spans.

    Attributes:
        planes: what a kernel takes.
        element: the name of the element type.
    """

    planes: Mapping[str, Array]
    element: str

    @property
    def spans(self) -> list[list[int]]:
        """Begin, end and origin of each span."""
        rows: list[list[int]] = self.planes["spans"].tolist()
        return rows

    def changed(self, **planes: Array) -> Case:
        """The case with other planes."""
        return Case({**self.planes, **planes}, self.element)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The planes for torch."""
        found = {name: torch.from_numpy(array.copy()) for name, array in self.planes.items()}
        if self.element == "bfloat16":
            found["input"] = found["input"].view(torch.int16).view(torch.bfloat16)
        return found

    def expected(self, mode: str, dims: int) -> Array:
        """The vectors ``(S, dims)`` by plain Python, not rounded."""
        wide = widened(self.planes["input"], self.element)[:, :dims].tolist()
        counts = (self.planes["mask"] != 0).tolist() if "mask" in self.planes else [True] * len(wide)
        weights = self.planes["weights"].tolist()
        vectors = [
            reference_of_span(wide[begin:end], counts[begin:end], weights[begin:end], mode) or [0.0] * dims
            for begin, end, _ in self.spans
        ]
        return np.array(vectors).reshape(-1, dims)

    def sizes(self, mode: str, dims: int) -> Array:
        """As :meth:`expected` for the absolute values, to bound rounding errors."""
        wide = np.abs(widened(self.planes["input"], self.element))
        absolute = Case({**self.planes, "input": wide, "weights": np.abs(self.planes["weights"])}, "float64")
        return absolute.expected(mode, dims)

    def cancellation(self, mode: str) -> Array:
        """The absolute sum of the weights of each span over their sum, ``(S, 1)``: what cancellation costs."""
        if mode != "weighted":
            return np.ones((len(self.spans), 1))
        weights = np.where(self.planes.get("mask", np.ones(len(self.planes["input"]))) != 0, self.planes["weights"], 0)
        ratios = [
            [np.abs(weights[begin:end]).sum() / abs(weights[begin:end].sum() or 1.0)] for begin, end, _ in self.spans
        ]
        return np.array(ratios)


def widened(x: Array, element: str) -> Array:
    """The elements in float64."""
    return (bfloat16_to_float32(x) if element == "bfloat16" else x).astype(np.float64)


def stored(values: Array, element: str) -> Array:
    """float64 numbers in the storage type of an element type."""
    with np.errstate(over="ignore"):
        return float32_to_bfloat16(values.astype(np.float32)) if element == "bfloat16" else values.astype(element)


def same_numbers(one: Array, other: Array, element: str) -> bool:
    """Whether two arrays have the same bits, up to those of NaN."""
    first, second = widened(one, element), widened(other, element)
    equal = (first == second) & (np.signbit(first) == np.signbit(second))
    return one.dtype == other.dtype and bool((equal | (np.isnan(first) & np.isnan(second))).all())


def in_storage(tensors: Sequence[torch.Tensor]) -> list[Array]:
    """Tensors as arrays of the storage type."""
    return [
        each.view(torch.int16).numpy().view(np.uint16) if each.dtype is torch.bfloat16 else each.numpy()
        for each in tensors
    ]


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of several magnitudes, whose sums depend on the order."""
    found: Array = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)
    return found


def random_case(
    element: str,
    seed: int,
    rows: Sequence[int],
    spans: int,
    width: int,
    *,
    is_masked: bool,
) -> Case:
    """Rows of these lengths one after the other, with overlapping, repeated and empty spans in any order."""
    rng = np.random.default_rng(seed)
    borders = np.cumsum([0, *rows])
    found = []
    for row in rng.integers(0, len(rows), spans):
        begin, end = np.sort(rng.integers(borders[row], borders[row + 1] + 1, 2))
        found.append((begin, end, borders[row]))
    given = np.array(found, np.int64).reshape(-1, 3)
    planes = {
        "input": stored(numbers(rng, (int(borders[-1]), width)), element),
        "spans": given[rng.integers(0, spans, spans)] if rng.random() < 0.5 else given,
        "weights": numbers(rng, (int(borders[-1]),)) + 0.5,
    }
    if is_masked:
        planes["mask"] = (rng.random(int(borders[-1])) < rng.choice([0.1, 0.9])).astype(np.uint8) * np.uint8(3)
    return Case(planes, element)


def cases(element: str) -> st.SearchStrategy[Case]:
    """Up to five rows of up to 150 tokens."""
    return st.builds(
        random_case,
        st.just(element),
        st.integers(0, 2**32),
        st.lists(st.integers(0, 150), min_size=1, max_size=5),
        st.integers(1, 12),
        st.integers(1, 40),
        is_masked=st.booleans(),
    )
