"""Operators that reduce windows: what families of windows and kinds of reduction share, and the oracle.

A family (sliding, adaptive, global, fractional) says where windows lie. A reduction (maximum, average, norm)
says what happens to one window. An operator is one of each.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ElementType
from poolhouse.kernels.axes import Axis
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.operator import Number, Operator
from poolhouse.operators.reduction_costs import SUM_JOIN_COST, reduction_cost
from poolhouse.operators.windows import AxisSummary, Windows


@dataclass(frozen=True, slots=True)
class Window:
    """One window as the oracle hands it to ``of_window``.

    Attributes:
        values: its elements inside the input, row-major, as Python numbers.
        positions: where each lies, flat within the plane.
        extent: its positions inside input and padding.
        volume: its positions altogether.
    """

    values: Sequence[Number]
    positions: Sequence[int]
    extent: int
    volume: int


_MAX_CUDA_TERMS: Final = 4096
"""One thread adds or compares this many in less time than many small launches take."""
_MAX_CUDA_READS: Final = 256
"""Looks an element of the input, up to which they cost less than passes over it; by ``scripts/bench device``."""


class WindowOperator(Operator):
    """An operator whose every output is a function of one window of one plane."""

    # ---- what a family writes

    def axis_summaries(self, spatial: Sizes) -> tuple[AxisSummary, ...]:
        """For each axis, in plain integers; the spec fits the input."""
        raise NotImplementedError

    def windows(self, spatial: Sizes) -> tuple[Windows, ...]:
        """The clipped windows of each axis. Asked only after the plan is within the limits."""
        raise NotImplementedError

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        """All positions of one window along one axis, those in the padding too: for the oracle, said plainly."""
        raise NotImplementedError

    def padding_at(self, axis: int) -> int:
        """Positions of padding on each side of this axis."""
        return 0

    # ---- what a reduction writes

    def of_window(self, window: Window) -> tuple[Number, ...]:
        """What happens to one window, in plain Python: one number an output. The oracle of all that is faster."""
        raise NotImplementedError

    # ---- what follows

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return tuple(size.outputs for size in self.axis_summaries(spatial))

    def kernel_axes(self, spatial: Sizes) -> list[Axis]:
        """The windows as compiled loops take them; checked to lie within the axes."""
        return [
            Axis(length, axis.first, axis.count, axis.dilation)
            for length, axis in zip(spatial, self.windows(spatial), strict=True)
        ]

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """Of a sum over each window; an operator that does something else says what that costs."""
        return reduction_cost(spatial, self.axis_summaries(spatial), SUM_JOIN_COST)

    def naive_cuda_is_faster(self, spatial: Sizes) -> bool:
        """Whether a CUDA kernel that looks at each element of each window is faster there than ``reductions``.

        A launch costs more than a look, and many passes over the memory more than looks that a cache answers.
        """
        sizes = self.axis_summaries(spatial)
        terms = math.prod(size.longest for size in sizes)
        looks = terms * math.prod(size.outputs for size in sizes)
        return terms <= _MAX_CUDA_TERMS and looks <= _MAX_CUDA_READS * math.prod(spatial)

    def reference(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        spatial = plane.shape
        samples = np.zeros(self.rank) if companion is None else companion.astype(np.float64)
        flat = plane.reshape(-1).tolist()
        results: list[tuple[Number, ...]] = []
        out = self.spatial_out(spatial)
        # product() writes its ranges out, and an axis beside an empty one may be of any size.
        for output in itertools.product(*(range(size) for size in out)) if 0 not in out else ():
            spans = [self.positions(spatial, axis, index, samples) for axis, index in enumerate(output)]
            inside = [_clip_span(span, 0, length) for span, length in zip(spans, spatial, strict=True)]
            reached = [
                len(_clip_span(span, -self.padding_at(axis), spatial[axis] + self.padding_at(axis)))
                for axis, span in enumerate(spans)
            ]
            places = [int(np.ravel_multi_index(index, spatial)) for index in itertools.product(*inside)]
            window = Window(
                values=[flat[place] for place in places],
                positions=places,
                extent=math.prod(reached),
                volume=math.prod(len(span) for span in spans),
            )
            results.append(self.of_window(window))
        return tuple([result[i] for result in results] for i in range(len(self.outputs())))


def _clip_span(span: range, low: int, high: int) -> range:
    """The positions p of an ascending span with ``low <= p < high``; a window may have 2³¹ of them."""
    return span[bisect_left(span, low) : bisect_left(span, high)]
