"""Kernels of quantiles and of the most frequent element, from arrays of planes to new arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.kernels.axes import HIGH as AXIS_HIGH
from poolhouse.kernels.axes import LOW as AXIS_LOW
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.histograms import pool_histograms
from poolhouse.kernels.interpolation import interpolate
from poolhouse.kernels.keys import KeyType
from poolhouse.kernels.networks import MAX_NETWORK_TAPS, STEP_SIZE, make_program, shares_columns
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission, element_of
from poolhouse.kernels.quantiles import BETWEEN, LOWER, METHODS, Quantile
from poolhouse.kernels.ranks import (
    ALSO_IGNORED,
    BINS,
    EMPTY,
    HEADER_SIZE,
    IGNORED,
    LEAST,
    MODE,
    MOST,
    RANKS,
    SPECIAL_KEYS,
    pool_ranks,
)
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import pad_to_three_axes

MIN_NETWORK_WINDOWS: Final = 8
"""Fewer windows in a row are handled one by one."""
_REGISTER_BYTES: Final = 32 * 2**10
"""Approximate size of all registers, which fit into a core's L1 cache unless they would be too short."""
_MIN_BLOCK_BYTES: Final = 512
"""Size of a register from which the time of a step is that of its elements."""
MAX_BLOCK: Final = 1024
_MIN_TAPS_OF_HISTOGRAMS: Final = 25
"""Smaller windows are sorted by insertion, or by a network."""
_MIN_TAPS_OF_MODES: Final = 49
_MIN_TAPS_OF_RANKS: Final = 196
"""Smaller windows are sorted by a network, if there is one, in less time than a histogram takes."""
_TALLY_LINES: Final = 5


def uses_histograms(itemsize: int, taps: int, *, has_network: bool, is_mode: bool) -> bool:
    """Whether windows of this many elements are counted, not sorted.

    Args:
        itemsize: bytes of a key.
        taps: elements of the largest window.
        has_network: whether a network could sort them.
        is_mode: whether the most frequent element is wanted.
    """
    least = _MIN_TAPS_OF_HISTOGRAMS
    if has_network:
        least = _MIN_TAPS_OF_MODES if is_mode else _MIN_TAPS_OF_RANKS
    return itemsize == 1 and taps >= least


class RankKernel:
    """A quantile of each window, or its most frequent element.

    Args:
        axes: the windows of one to three axes.
        element: the element type.
        quantile: None for the most frequent element.
        omission: the elements that are passed over.
        gives_shares: whether the share of the elements that counted is a second output, float32.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        element: str,
        quantile: Quantile | None,
        omission: Omission = NOTHING_OMITTED,
        *,
        gives_shares: bool = False,
    ) -> None:
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._element = element
        self._keys = KeyType.of(element)
        self._quantile = quantile
        self._gives_shares = gives_shares
        self._sizes = [axis.count for axis in axes]
        skips = omission.value is not None or (omission.nan and self._keys.infinity is not None)
        three = depth, height, width = pad_to_three_axes(axes)
        self._has_one_size = not skips and all((axis.count == axis.longest).all() for axis in three)
        self._whole = depth.longest * height.longest * width.longest
        self._finds_two = (
            quantile is not None
            and METHODS[quantile.method] == BETWEEN
            and not (self._has_one_size and quantile.rank(self._whole) == quantile.rank(self._whole, upper=True))
        )
        self._needs_counts = gives_shares or (self._finds_two and not self._has_one_size)
        self._special = _special_keys(self._keys, element, omission)
        method = METHODS[quantile.method] if quantile else LOWER
        self._numbers = np.array([quantile.q if quantile else 0.0, method], np.float64)
        self._rows = depth.outputs * height.outputs
        column, columns = depth.longest * height.longest, width.longest
        low, high = int(width.encoded[AXIS_LOW]), int(width.encoded[AXIS_HIGH])
        stride = max(width.stride, 1)
        block, pitch, registers, is_shared, steps = 1, 0, 0, False, 0
        self._program = np.zeros(1, np.int32)
        has_network = high - low >= MIN_NETWORK_WINDOWS and self._whole <= MAX_NETWORK_TAPS
        self._uses_histograms = uses_histograms(
            self._keys.dtype.itemsize, self._whole, has_network=has_network, is_mode=quantile is None
        )
        if self._uses_histograms or not has_network:
            low = high = 0
        else:
            ranks = None
            if quantile is not None and not skips:
                ranks = tuple(quantile.rank(self._whole, upper=upper) for upper in (False, True)[: 1 + self._finds_two])
            is_shared = shares_columns(column, columns, width.dilation, stride, min(high - low, MAX_BLOCK))
            apart = width.dilation if is_shared else 1
            program = make_program(column, columns, apart, ranks, is_shared=is_shared)
            registers, steps = program.registers, len(program.steps) // STEP_SIZE
            self._program = np.concatenate((program.steps, program.picks))
            fits = _REGISTER_BYTES // (registers * self._keys.dtype.itemsize * (stride if is_shared else 1))
            most = min(max(fits, _MIN_BLOCK_BYTES // self._keys.dtype.itemsize), MAX_BLOCK, high - low)
            block = -(-(high - low) // -(-(high - low) // most))
            length = (block - 1) * stride + 1 + (columns - 1) * width.dilation if is_shared else block
            pitch = length + -length % 16
        header = np.zeros(HEADER_SIZE, np.int64)
        encoded = [axis.encoded for axis in three]
        ends = HEADER_SIZE + np.cumsum([0, *map(len, encoded)])[:3]
        header[:] = (
            depth.length, height.length, width.length, depth.outputs, height.outputs, width.outputs,
            depth.longest, height.longest, width.longest, low, high, stride, block, pitch, steps, is_shared,
            MODE if quantile is None else RANKS,
            omission.nan and self._keys.infinity is not None, omission.value is not None,
            self._keys.infinity is not None and not omission.nan,
            self._finds_two, self._needs_counts, self._whole, 8 * self._keys.dtype.itemsize, *ends,
        )  # fmt: skip
        self._header = np.concatenate((header, *encoded))
        self._line_elements, self._tallies = registers * pitch, _TALLY_LINES * pitch
        self._loop = pool_ranks[self._keys.dtype.name]

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        many = len(given)
        keys = self._keys.keys_of(given, threads)
        shape = (many, *self._spatial_out)
        out = empty(shape, given.dtype)
        lower = out.view(self._keys.dtype)
        upper = np.empty(shape if self._finds_two else (1,), self._keys.dtype)
        counts = np.empty(shape if self._needs_counts else (1,), np.int32)

        def work(start: int, stop: int) -> None:
            bins = np.empty(BINS, np.int32)
            if self._uses_histograms:
                pool_histograms(
                    keys, start, stop, self._header, self._special, self._numbers, lower, upper, counts, bins
                )
                return
            self._loop(
                keys, start, stop, self._header, self._program, self._special, self._numbers, lower, upper, counts,
                np.empty(self._line_elements + 1, self._keys.dtype),
                np.empty(self._tallies + 1, np.int32),
                np.empty(2 * self._whole + 2, self._keys.dtype),
                bins,
            )  # fmt: skip

        shard(work, many * self._rows, threads)
        if self._finds_two:
            assert self._quantile is not None, "only quantiles are between two ranks"
            interpolate(
                lower.reshape(-1), upper.reshape(-1), counts.reshape(-1), self._whole if self._has_one_size else 0,
                self._quantile, self._element, threads,
            )  # fmt: skip
        else:
            self._keys.elements_of(lower, given.dtype, threads)
        return (out, self._shares(counts)) if self._gives_shares else (out,)

    def _shares(self, counts: Array) -> Array:
        sizes: npt.NDArray[np.float64] = np.ones(())
        for axis in self._sizes:
            sizes = np.multiply.outer(sizes, axis.astype(np.float64))
        shares: Array = (counts.astype(np.float64) / sizes).astype(np.float32)
        return shares


def _special_keys(keys: KeyType, element: str, omission: Omission) -> Array:
    """The keys that the loops know, in the order of ``ranks``."""
    special = np.zeros(SPECIAL_KEYS, keys.dtype)
    special[[MOST, EMPTY]] = keys.most
    special[LEAST] = -keys.most - 1
    if omission.value is not None:
        special[[IGNORED, ALSO_IGNORED]] = keys.keys_of(element_of(omission.value, element))[0]
        if keys.infinity is not None and omission.value == 0:
            # Zeros of both signs are equal, but their keys are not.
            special[[IGNORED, ALSO_IGNORED]] = 0, -1
    if omission.nothing_left is not None:
        special[EMPTY] = keys.keys_of(element_of(omission.nothing_left, element))[0]
    return special
