"""Kernels that pass over elements: extremes, sums, averages and variances of the others, and their share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.omission import Omission, element_of
from poolhouse.kernels.registry import Element
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.skipping_extremes import ALL_PLACES, NO_PLACES, ODD_PLACES, kept_maxima, kept_minima
from poolhouse.kernels.skipping_loops import (
    CONSTANTS,
    IGNORED,
    NAN_COUNT,
    NAN_TERM,
    NEUTRAL,
    ONE,
    kept_deviations,
    kept_sums,
)
from poolhouse.kernels.widening import ADDED_AS, CHUNK_BYTES, COMPARED_AS, SUMMED_AS, Array, WideType
from poolhouse.kernels.window_kernels import Kernel, pad_to_three_axes

Reals = npt.NDArray[np.float64]

_HALVES: Final = ("float16", "bfloat16")
_FLOATS: Final = (*_HALVES, "float32", "float64")
_BY_VALUE: Final = {**COMPARED_AS, **{name: ADDED_AS[name] for name in _HALVES}}
"""Conversions for sums; those for comparisons keep the order alone."""


class _SkippingKernel:
    """Base of the kernels: widens chunks of planes, runs a loop, and rounds the results.

    Args:
        axes: the windows of one to three axes.
        element: the element type.
        omission: the elements that are passed over.
        gives_shares: whether the share of the elements that counted is the last output, float32.
        wide: the conversion to the type of the loop, if any.
    """

    def __init__(
        self, axes: Sequence[Axis], element: str, omission: Omission, *, gives_shares: bool, wide: WideType | None
    ) -> None:
        self._element, self._is_float = element, element in _FLOATS
        self._wide = wide
        self._type: np.dtype[np.generic] = self._wide.dtype if self._wide else np.dtype(element)
        three = pad_to_three_axes(axes)
        self._layout = Layout(three, self._type.itemsize).encoded
        self._width, self._columns = axes[-1].length, axes[-1].outputs
        self._rows = three[0].outputs * three[1].outputs
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._gives_shares = gives_shares
        self._sizes: Reals = reduce(np.multiply.outer, [axis.count.astype(np.float64) for axis in axes])
        self._nothing_left = omission.nothing_left
        self._constants = np.zeros(CONSTANTS, self._type)
        self._constants[IGNORED] = self._as_wide(omission.value)
        self._constants[ONE] = 1
        if self._is_float and not omission.nan:
            self._constants[NAN_TERM], self._constants[NAN_COUNT] = math.nan, 1

    def _as_wide(self, value: float | None) -> Element:
        """A number that the element type has, in the type of the loop; NaN or 0 for None."""
        if value is None:
            return np.array([math.nan if self._is_float else 0]).astype(self._type)[0]
        given = element_of(value if self._is_float else int(value), self._element)
        if self._wide is None:
            return given[0]
        wide = np.empty(1, self._type)
        self._wide.widen(given, wide)
        return wide[0]

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        counts = np.empty((len(given), *self._spatial_out))
        found = self._allocate(given, counts.shape)
        rows = self._rows
        wide = self._wide
        if wide is None:

            def run(start: int, stop: int) -> None:
                self._run(given, counts, found, start, stop)

            shard(run, len(given) * rows, threads)
        else:
            flat, size = given.reshape(-1), math.prod(given.shape[1:])
            many = max(1, CHUNK_BYTES // (self._type.itemsize * size))

            def work(start: int, stop: int) -> None:
                chunk = np.empty(min(many, stop - start) * size, self._type)
                for begin in range(start, stop, many):
                    count = min(many, stop - begin)
                    taken = chunk[: count * size]
                    wide.widen(flat[begin * size : (begin + count) * size], taken)
                    self._run(taken, counts[begin:], tuple(each[begin:] for each in found), 0, count * rows)

            shard(work, len(given), threads)
        # Before the results are finished, since those divide by the counts in place.
        shares = ((counts / self._sizes).astype(np.float32),) if self._gives_shares else ()
        return (*self._finish(found, counts, given.dtype), *shares)

    def _allocate(self, given: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
        """What the loop writes."""
        raise NotImplementedError

    def _run(self, x: Array, counts: Array, found: tuple[Array, ...], start: int, stop: int) -> None:
        """Run the loop for rows of outputs of the planes of x."""
        raise NotImplementedError

    def _finish(self, found: tuple[Array, ...], counts: Reals, dtype: np.dtype[np.generic]) -> tuple[Array, ...]:
        """The outputs from what the loop wrote; may overwrite both."""
        raise NotImplementedError


class KeptExtremeKernel(_SkippingKernel):
    """The largest or the least element that is kept of each window, and optionally its flat index.

    Args:
        axes: the windows of one to three axes.
        element: the element type.
        omission: the elements that are passed over.
        least: whether to find the least element.
        with_indices: whether to compute indices too, -1 for windows with nothing left.
        gives_shares: whether the share of the elements that counted is the last output.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        element: str,
        omission: Omission,
        *,
        least: bool,
        with_indices: bool,
        gives_shares: bool,
    ) -> None:
        super().__init__(axes, element, omission, gives_shares=gives_shares, wide=COMPARED_AS.get(element))
        limits = np.iinfo(np.int64)
        if self._type == np.int64:
            self._constants[NEUTRAL] = limits.max if least else limits.min
        else:
            self._constants[NEUTRAL] = math.inf if least else -math.inf
        if omission.nan:
            self._constants[NAN_TERM] = self._constants[NEUTRAL]
        self._loop = (kept_minima if least else kept_maxima)[self._type.name]
        self._with_indices = with_indices
        self._places = ALL_PLACES if with_indices else ODD_PLACES if self._is_float else NO_PLACES
        self._filler = self._as_wide(omission.nothing_left)

    def _allocate(self, given: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
        values = empty(shape, self._type) if self._wide is None else np.empty(shape, self._type)
        return (values, empty(shape, np.int64)) if self._with_indices else (values,)

    def _run(self, x: Array, counts: Array, found: tuple[Array, ...], start: int, stop: int) -> None:
        indices = found[1] if self._with_indices else np.empty(1, np.int64)
        scratch = np.empty(2 * self._width, self._type)
        self._loop(
            x, self._constants, found[0], counts, indices, start, stop, self._layout, self._places, scratch
        )  # fmt: skip

    def _finish(self, found: tuple[Array, ...], counts: Reals, dtype: np.dtype[np.generic]) -> tuple[Array, ...]:
        values, *indices = found
        np.copyto(values, self._filler, where=counts == 0)
        if self._wide is None:
            return (values, *indices)
        out = empty(values.shape, dtype)
        self._wide.narrow(values.reshape(-1), out.reshape(-1))
        return (out, *indices)


class KeptSumKernel(_SkippingKernel):
    """The sum of the elements that are kept of each window, or their average.

    Args:
        axes: the windows of one to three axes.
        element: the element type. Sums of integers of up to 32 bits must be exact in float64; averages take no others.
        omission: the elements that are passed over.
        averages: whether to divide by the number of elements that are kept; if not, sums of integers are int64.
        gives_shares: whether the share of the elements that counted is the last output.
    """

    def __init__(
        self, axes: Sequence[Axis], element: str, omission: Omission, *, averages: bool, gives_shares: bool
    ) -> None:
        if element == "uint64":
            # Its bits are added as those of int64.
            value = 0 if omission.value is None else int(omission.value)
            element, omission = "int64", replace(omission, value=value - 2**64 if value >= 2**63 else value)
        super().__init__(axes, element, omission, gives_shares=gives_shares, wide=_BY_VALUE.get(element))
        self._averages = averages
        self._loop = kept_sums[self._type.name]

    def _allocate(self, given: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
        return (empty(shape, np.int64 if self._type == np.int64 else np.float64),)

    def _run(self, x: Array, counts: Array, found: tuple[Array, ...], start: int, stop: int) -> None:
        scratch = np.empty(2 * self._width, found[0].dtype)
        self._loop(x, self._constants, found[0], counts, start, stop, self._layout, scratch)

    def _finish(self, found: tuple[Array, ...], counts: Reals, dtype: np.dtype[np.generic]) -> tuple[Array, ...]:
        (totals,) = found
        nothing = counts == 0
        if self._type == np.int64:
            np.copyto(totals, int(self._nothing_left or 0), where=nothing)
            return (totals,)
        reals = totals.view(np.float64)
        if self._averages:
            with np.errstate(all="ignore"):
                np.divide(reals, np.maximum(counts, 1, out=counts), out=reals)
        np.copyto(reals, math.nan if self._nothing_left is None else self._nothing_left, where=nothing)
        if not self._is_float and not self._averages:
            return (reals.astype(np.int64),)
        return (_rounded(reals, self._element, dtype),)


class KeptVarianceKernel(_SkippingKernel):
    """The variance of the elements that are kept of each window, or its root; float32 for integers.

    Args:
        axes: the windows of one to three axes.
        element: the element type; no float64, no integer of 64 bits, so that sums of equal elements are exact.
        omission: the elements that are passed over.
        correction: 0 or 1.
        takes_root: whether the result is the standard deviation.
        gives_shares: whether the share of the elements that counted is the last output.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        element: str,
        omission: Omission,
        correction: int,
        *,
        takes_root: bool,
        gives_shares: bool,
    ) -> None:
        super().__init__(axes, element, omission, gives_shares=gives_shares, wide=_BY_VALUE.get(element))
        self._correction, self._takes_root = correction, takes_root
        self._loop = kept_deviations[self._type.name]
        last = axes[-1].first + (axes[-1].count - 1) * axes[-1].dilation
        self._are_apart = bool((axes[-1].first[1:] > last[:-1]).all())

    def _allocate(self, given: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
        return (np.empty(shape),)

    def _run(self, x: Array, counts: Array, found: tuple[Array, ...], start: int, stop: int) -> None:
        scratch = np.empty(3 * self._width + self._columns)
        self._loop(x, self._constants, found[0], counts, start, stop, self._layout, self._are_apart, scratch)

    def _finish(self, found: tuple[Array, ...], counts: Reals, dtype: np.dtype[np.generic]) -> tuple[Array, ...]:
        reals = found[0].view(np.float64)
        nothing = counts == 0
        np.subtract(counts, self._correction, out=counts)
        with np.errstate(all="ignore"):
            # With nothing to divide by, 0 / 0 is NaN.
            np.divide(reals, np.maximum(counts, 0, out=counts), out=reals)
            if self._takes_root:
                np.sqrt(reals, out=reals)
        np.copyto(reals, math.nan if self._nothing_left is None else self._nothing_left, where=nothing)
        if not self._is_float:
            return (reals.astype(np.float32),)
        return (_rounded(reals, self._element, dtype),)


class SharesKernel:
    """A kernel that passes over nothing, with the share of the elements that counted: 1 for each window.

    Args:
        kernel: its first output has an element for each window.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        found = self._kernel(planes, threads)
        return (*found, np.ones(found[0].shape, np.float32))


def _rounded(reals: Reals, element: str, dtype: np.dtype[np.generic]) -> Array:
    """float64 results in an element type; quotients of integers are truncated."""
    if element == "float64":
        return reals
    out = empty(reals.shape, dtype)
    SUMMED_AS[element].narrow(reals.reshape(-1), out.reshape(-1))
    return out
