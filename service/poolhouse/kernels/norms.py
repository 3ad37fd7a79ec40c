"""Norms of windows as their callers have them: powers of a chunk of planes in float64, sums of windows, and roots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.widening import COMPARED_AS, SUMMED_AS, Array, WideType, cast, cast_rounded, pool_in_chunks
from poolhouse.kernels.window_kernels import WindowLoop
from poolhouse.kernels.windows import plane_maxima, plane_sums

Reals = npt.NDArray[np.float64]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_HALVES: Final = ("float16", "bfloat16")
_FLOATS: Final = (*_HALVES, "float32", "float64")


class NormKernel:
    """The root of the sum of powers of each window, in float64, rounded once.

    Args:
        axes: of the windows, one to three.
        element: the element type; of integers the norms are float32.
        power: finite.
        absolute: whether powers are those of magnitudes.
        scale: what the sum of each output is multiplied by before the root is taken; None for nothing.
    """

    def __init__(
        self, axes: Sequence[Axis], element: str, power: float, *, absolute: bool, scale: Reals | None = None
    ) -> None:
        self._power, self._absolute, self._scale = power, absolute, scale
        self._wide = (
            SUMMED_AS[element]
            if element in SUMMED_AS and element in _FLOATS
            else WideType(_FLOAT64, cast, cast_rounded)
        )
        self._output_dtype = None if element in _FLOATS else _FLOAT32
        self._sums = WindowLoop(axes, plane_sums["float64"], _FLOAT64, indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), self._output_dtype or given.dtype)
        pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), len(given), threads, self._pool)
        return (out,)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        reals, norms = x.view(_FLOAT64), out.view(_FLOAT64)
        with np.errstate(all="ignore"):
            if self._absolute:
                np.abs(reals, out=reals)
            raise_to(reals, self._power)
            self._sums(reals, norms, None, planes, 1)
            # A sum starts at +0, as torch's does: -0 would turn into -inf under a negative power.
            np.add(norms, 0.0, out=norms)
            if self._scale is not None:
                sums = norms.reshape(planes, *self._spatial_out)
                np.multiply(sums, self._scale, out=sums)
            raise_to(norms, 1 / self._power)


class InfinityNormKernel:
    """The largest magnitude of each window, or the least.

    Args:
        axes: of the windows, one to three.
        element: the element type; of integers the magnitudes are float32.
        least: whether the least is asked for.
    """

    def __init__(self, axes: Sequence[Axis], element: str, *, least: bool) -> None:
        self._least = least
        in_float32 = element == "float32" or (element in COMPARED_AS and COMPARED_AS[element].dtype == _FLOAT32)
        dtype = _FLOAT32 if in_float32 else _FLOAT64
        self._wide = COMPARED_AS[element] if element in _HALVES else WideType(dtype, cast, cast_rounded)
        self._output_dtype = None if element in _FLOATS else _FLOAT32
        self._maxima = WindowLoop(axes, plane_maxima[dtype.name], dtype, indexed=False)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pools ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), self._output_dtype or given.dtype)
        pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), len(given), threads, self._pool)
        return (out,)

    def _pool(self, x: Array, out: Array, begin: int, planes: int) -> None:
        reals, extremes = x.view(self._wide.dtype), out.view(self._wide.dtype)
        np.abs(reals, out=reals)
        if self._least:
            np.negative(reals, out=reals)
        self._maxima(reals, extremes, None, planes, 1)
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
"""Powers that are multiplied, divided and taken roots for, which IEEE 754 rounds in one way only."""


def raise_to(x: Reals, power: float) -> None:
    """Each element to a power, in place; the same bits wherever it lies in the array."""
    steps = _BY_ARITHMETIC.get(power)
    if steps is not None:
        for step in steps:
            step(x)
        return
    # numpy takes forty times as long for a negative number, so it is given magnitudes.
    powers = np.power(np.abs(x), power)
    if not power.is_integer():
        # As C has it: a negative number has no such power, and minus infinity has that of infinity.
        np.copyto(powers, math.nan, where=(x < 0) & (x > -math.inf))
    elif power % 2:
        np.copysign(powers, x, out=powers)
    np.copyto(x, powers)
