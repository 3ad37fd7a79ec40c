"""Generalized means: powers of a chunk of planes in float64, means of their windows, and roots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.norms import NormKernel, raise_to
from poolhouse.kernels.widening import Array


class PowerMeanKernel(NormKernel):
    """The root of the mean of powers of each window, in float64, rounded once.

    Args:
        axes: the windows of one to three axes.
        element: the element type; means of integers are float32.
        power: finite.
        least: smaller elements count as it.
        counts: factors for each axis; their outer product is the number of elements of each window.
    """

    def __init__(
        self, axes: Sequence[Axis], element: str, power: float, least: float, counts: Sequence[npt.NDArray[np.int64]]
    ) -> None:
        super().__init__(axes, element, power, absolute=False)
        self._least = least
        even = all(bool((each == each[0]).all()) for each in counts)
        factors = [(each[:1] if even else each).astype(np.float64) for each in counts]
        self._divisor: npt.NDArray[np.float64] = reduce(np.multiply.outer, factors)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        reals, means = x.view(np.float64), out.view(np.float64)
        with np.errstate(all="ignore"):
            np.maximum(reals, self._least, out=reals)
            raise_to(reals, self._power)
            self._window_loop(reals, means, None, planes, 1)
            sums = means.reshape(planes, *self._spatial_out)
            np.divide(sums, self._divisor, out=sums)
            raise_to(means, 1 / self._power)
