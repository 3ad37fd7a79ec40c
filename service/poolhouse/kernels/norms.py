"""Norm kernels: powers of a chunk of planes in float64, sums of their windows, and roots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.registry import Loop
from poolhouse.kernels.widening import COMPARED_AS, SUMMED_AS, Array, WideType, cast, cast_rounded, pool_in_chunks
from poolhouse.kernels.window_kernels import WindowLoop
from poolhouse.kernels.windows import plane_maxima, plane_sums

Reals = npt.NDArray[np.float64]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_HALVES: Final = ("float16", "bfloat16")
_FLOATS: Final = (*_HALVES, "float32", "float64")


class _ChunkedNormKernel:
    """Base of the norm kernels: widens chunks of planes, pools them and rounds the results.

    Args:
        axes: the windows of one to three axes.
        element: the element type; norms of integers are float32.
        wide: the type that chunks are pooled in.
        loops: the loops that reduce windows, by element type.
    """

    def __init__(self, axes: Sequence[Axis], element: str, wide: WideType, loops: Mapping[str, Loop]) -> None:
        self._wide = wide
        self._output_dtype = None if element in _FLOATS else _FLOAT32
        self._window_loop = WindowLoop(axes, loops[wide.dtype.name], wide.dtype, indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), self._output_dtype or given.dtype)
        pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), len(given), threads, self._pool)
        return (out,)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        raise NotImplementedError


class NormKernel(_ChunkedNormKernel):
    """The root of the sum of powers of each window, in float64, rounded once.

    Args:
        axes: the windows of one to three axes.
        element: the element type; norms of integers are float32.
        power: finite.
        absolute: whether to take powers of magnitudes.
        scale: factor of each output's sum before the root; None for no factor.
    """

    def __init__(
        self, axes: Sequence[Axis], element: str, power: float, *, absolute: bool, scale: Reals | None = None
    ) -> None:
        self._power, self._absolute, self._scale = power, absolute, scale
        is_widened_float = element in SUMMED_AS and element in _FLOATS
        wide = SUMMED_AS[element] if is_widened_float else WideType(_FLOAT64, cast, cast_rounded)
        super().__init__(axes, element, wide, plane_sums)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        reals, norms = x.view(_FLOAT64), out.view(_FLOAT64)
        with np.errstate(all="ignore"):
            if self._absolute:
                np.abs(reals, out=reals)
            raise_to(reals, self._power)
            self._window_loop(reals, norms, None, planes, 1)
            # A sum starts at +0 as in torch; -0 to a negative power would be -inf.
            np.add(norms, 0.0, out=norms)
            if self._scale is not None:
                sums = norms.reshape(planes, *self._spatial_out)
                np.multiply(sums, self._scale, out=sums)
            raise_to(norms, 1 / self._power)


class InfinityNormKernel(_ChunkedNormKernel):
    """The largest or the least magnitude of each window.

    Args:
        axes: the windows of one to three axes.
        element: the element type; magnitudes of integers are float32.
        least: whether to find the least magnitude.
    """

    def __init__(self, axes: Sequence[Axis], element: str, *, least: bool) -> None:
        self._least = least
        in_float32 = element == "float32" or (element in COMPARED_AS and COMPARED_AS[element].dtype == _FLOAT32)
        by_value = WideType(_FLOAT32 if in_float32 else _FLOAT64, cast, cast_rounded)
        super().__init__(axes, element, COMPARED_AS[element] if element in _HALVES else by_value, plane_maxima)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        reals, extremes = x.view(self._wide.dtype), out.view(self._wide.dtype)
        np.abs(reals, out=reals)
        if self._least:
            np.negative(reals, out=reals)
        self._window_loop(reals, extremes, None, planes, 1)
        if self._least:
            np.negative(extremes, out=extremes)


def _inverse(x: Reals) -> None:
    np.divide(1.0, x, out=x)


def _square(x: Reals) -> None:
    np.multiply(x, x, out=x)


def _cube(x: Reals) -> None:
    np.multiply(x * x, x, out=x)


def _root(x: Reals) -> None:
    np.sqrt(x, out=x)


_BY_ARITHMETIC: Final[dict[float, tuple[Callable[[Reals], None], ...]]] = {
    1.0: (),
    2.0: (_square,),
    3.0: (_cube,),
    0.5: (_root,),
    -0.5: (_root, _inverse),
    -1.0: (_inverse,),
    -2.0: (_square, _inverse),
}
"""Powers that are computed with products, quotients and square roots, whose rounding IEEE 754 defines."""


def raise_to(x: Reals, power: float) -> None:
    """Raise each element to a power in place, with bits that do not depend on its position in the array."""
    steps = _BY_ARITHMETIC.get(power)
    if steps is not None:
        for step in steps:
            step(x)
        return
    # numpy takes forty times as long for negative numbers, so it gets magnitudes.
    powers = np.power(np.abs(x), power)
    if not power.is_integer():
        # As C's pow(): a negative number to a fractional power is NaN, minus infinity gives the power of infinity.
        np.copyto(powers, math.nan, where=(x < 0) & (x > -math.inf))
    elif power % 2:
        np.copysign(powers, x, out=powers)
    np.copyto(x, powers)
