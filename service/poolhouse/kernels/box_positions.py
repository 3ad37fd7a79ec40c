"""Computes the positions that boxes are pooled at: bilinear samples for ``roi_align``, bins for ``roi_pool``.

Both the compiled loops and torch's operations get them from here, so that they agree in every bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOST_SAMPLES: Final = 2.0**53
"""Samples of a bin along an axis are counted up to here, where float64 has every integer."""
_SAMPLES_AT_ONCE: Final = 2**15
"""Samples along both axes whose positions are computed at once; at least those of one box."""
_FARTHEST: Final = 2.0**31
"""Rounded coordinates of ``roi_pool`` end here, as in 32-bit integers."""


class Taps(NamedTuple):
    """The elements along one axis that the bins of boxes are computed from.

    Attributes:
        begins: (B·bins + 1,) where the elements of each bin begin, and the end.
        positions: (T,) positions along the axis, ascending in each bin.
        weights: (1, T) the sums of their weights for an average; (2, T) the largest and the least for a maximum.
        is_complete: (B·bins,) whether a bin has samples and all of them are inside the input.
    """

    begins: Positions
    positions: Positions
    weights: Reals
    is_complete: Flags


class _Samples(NamedTuple):
    """Samples inside the input, bin by bin.

    Attributes:
        counts: (B·bins,) samples of each bin.
        is_first: (S,) whether a sample is the first of its bin.
        low: (S,) the position at or before the sample, ascending in each bin.
        has_next: (S,) whether the position after it counts too: none is after the last position.
        fraction: (S,) the weight of the position after it.
    """

    counts: Positions
    is_first: Flags
    low: Positions
    has_next: Flags
    fraction: Reals


@dataclass(frozen=True, slots=True)
class SampleGrid:
    """The bilinear samples of boxes ``[x1, y1, x2, y2]``.

    Attributes:
        output_size: number of bins along H and W.
        spatial_scale: factor from coordinates of boxes to positions.
        sampling_ratio: samples of a bin along each axis; if not positive, its number of elements, rounded up.
        aligned: whether boxes are shifted by half an element; if not, they have at least one element.
        takes_max: whether samples are compared instead of averaged.

    Source: torchvision's ``roi_align_common.h`` and ``roi_align_kernel.cpp``, in float64.
    """

    output_size: tuple[int, int]
    spatial_scale: float
    sampling_ratio: int
    aligned: bool
    takes_max: bool

    def counts(self, boxes: Reals) -> Reals:
        """The number of samples of a bin of each box: (B, 2), along H and along W."""
        with np.errstate(all="ignore"):
            both = [self._counts(self._spans(boxes, axis)[1], bins) for axis, bins in enumerate(self.output_size)]
        return np.stack(both, 1)

    def taps(self, boxes: Reals, spatial: tuple[int, int]) -> tuple[Taps, Taps]:
        """The elements along H and along W of planes ``(H, W)``.

        Samples inside the input are enumerated: some hundred bytes for each. An adaptive grid has few of them, but
        ``sampling_ratio`` must have a limit.
        """
        with np.errstate(all="ignore"):
            rows, columns = (self._taps_along(boxes, axis, length) for axis, length in enumerate(spatial))
        return rows, columns

    def boxes_at_once(self, spatial: tuple[int, int]) -> int:
        """How many boxes :meth:`taps` should be called with, so that it takes a few MB of memory."""
        if self.sampling_ratio > 0:
            samples = sum(self.output_size) * self.sampling_ratio
        else:
            # There is one in a bin, or they are more than half an element apart, and only those inside are enumerated.
            samples = sum(bins + 2 * length + 4 for bins, length in zip(self.output_size, spatial, strict=True))
        return max(1, _SAMPLES_AT_ONCE // samples)

    def _spans(self, boxes: Reals, axis: int) -> tuple[Reals, Reals]:
        """The start and the size of each box along an axis."""
        first, last = (boxes[:, at - axis] * self.spatial_scale - (0.5 if self.aligned else 0.0) for at in (1, 3))
        return first, last - first if self.aligned else np.maximum(last - first, 1.0)

    def _counts(self, sizes: Reals, bins: int) -> Reals:
        if self.sampling_ratio > 0:
            return np.full(len(sizes), float(self.sampling_ratio))
        # The size is NaN if scaling makes both ends of a box infinite.
        return np.fmin(np.fmax(np.ceil(sizes / bins), 0.0), _MOST_SAMPLES)

    def _taps_along(self, boxes: Reals, axis: int, length: int) -> Taps:
        bins = self.output_size[axis]
        starts, sizes = self._spans(boxes, axis)
        step = sizes / bins
        base = (starts[:, None] + np.arange(bins) * step[:, None]).reshape(-1)
        count = np.repeat(self._counts(sizes, bins), bins)
        samples = _samples_inside(base, np.repeat(step, bins), count, length)
        is_complete = (samples.counts == count) & (count > 0)
        return _merge(samples, is_complete, takes_max=self.takes_max)


def _samples_inside(base: Reals, step: Reals, count: Reals, length: int) -> _Samples:
    """The samples of bins that begin at ``base``, have the size ``step``, and ``count`` samples each."""
    ascends = step >= 0

    def places(sample: Positions, of: Positions | slice = slice(None)) -> Reals:
        found: Reals = base[of] + (sample + 0.5) * step[of] / count[of]
        return found

    def has_entered(sample: Positions) -> Flags:
        at = places(sample)
        return ~np.where(ascends, at < -1, at > length)

    def has_left(sample: Positions) -> Flags:
        at = places(sample)
        # NaN is nowhere inside.
        return ~np.where(ascends, at <= length, at >= -1)

    begin, end = _first_that(has_entered, count), _first_that(has_left, count)
    counts = np.maximum(end - begin, 0)
    bin_of = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(bin_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Where a box ends before it starts, the last sample comes first, so that positions ascend.
    sample = np.where(ascends[bin_of], begin[bin_of] + number, end[bin_of] - 1 - number)
    at = np.fmax(places(sample, bin_of), 0.0)
    low = np.minimum(at.astype(np.int64), length - 1)
    has_next = low < length - 1
    return _Samples(counts, number == 0, low, has_next, np.where(has_next, at - low, 0.0))


def _first_that(holds: Callable[[Positions], Flags], ends: Reals) -> Positions:
    """For each end the least number from 0 on that a condition holds for; it also holds for all after it."""
    high = ends.astype(np.int64)
    low = np.zeros_like(high)
    for _ in range(int(high.max(initial=0)).bit_length()):
        middle = (low + high) // 2
        found = holds(middle)
        low, high = np.where(found, low, np.minimum(middle + 1, high)), np.where(found, middle, high)
    return low


def _merge(samples: _Samples, is_complete: Flags, *, takes_max: bool) -> Taps:
    """Count each element of a bin once; weights are added from the first sample to the last."""
    high = samples.low + samples.has_next
    earlier = np.where(samples.is_first, -1, np.roll(high, 1))
    fresh = (samples.low > earlier).astype(np.int64) + (high > np.maximum(earlier, samples.low))
    ends = np.cumsum(fresh)
    total = int(fresh.sum())
    later = ends - 1
    former = later - samples.has_next
    positions = np.empty(total, np.int64)
    positions[former], positions[later] = samples.low, high
    # Before the first sample of a bin are the elements of the bins before it.
    begins = np.concatenate([[0], ends])[np.concatenate([[0], np.cumsum(samples.counts)])]
    taps = np.stack([former, later], 1).reshape(-1)
    given = np.stack([1.0 - samples.fraction, samples.fraction], 1).reshape(-1)
    if not takes_max:
        sums: Reals = np.bincount(taps, given, total).reshape(1, -1).astype(np.float64, copy=False)
        return Taps(begins, positions, sums, is_complete)
    weights = np.stack([np.full(total, -np.inf), np.full(total, np.inf)])
    np.maximum.at(weights[0], taps, given)
    np.minimum.at(weights[1], taps, given)
    return Taps(begins, positions, weights, is_complete)


def samples_per_box(
    boxes: Reals, output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int, *, aligned: bool
) -> Reals:
    """The number of samples that ``roi_align`` takes in each box, inside and outside the input.

    Args:
        boxes: (K, 4) ``[x1, y1, x2, y2]``, finite.
        output_size: number of bins along H and W.
        spatial_scale: factor from coordinates to positions.
        sampling_ratio: samples of a bin along each axis; adaptive if not positive.
        aligned: whether boxes are shifted by half an element.

    Returns:
        (K,) integers in float64, since a box of a few numbers may have 10³⁰ samples. The loops do not visit them one
        by one: see :mod:`poolhouse.kernels.boxes` for the bound of their work.
    """
    counts = SampleGrid(output_size, spatial_scale, sampling_ratio, aligned, takes_max=False).counts(boxes)
    found: Reals = counts.prod(1) * (output_size[0] * output_size[1])
    return found


def bin_bounds(boxes: Reals, bins: int, spatial_scale: float, axis: int, length: int) -> tuple[Positions, Positions]:
    """The begin and the end of each bin of ``roi_pool`` along axis 0 or 1, which are H and W.

    All arithmetic is that of float32, for every element type; torchvision takes float64 for float64. A bin whose begin
    is not before its end is empty.

    Args:
        boxes: (K, 4) ``[x1, y1, x2, y2]``, finite.
        bins: number of bins of a box.
        spatial_scale: factor from coordinates to positions.
        axis: 0 or 1.
        length: elements of the input along the axis.

    Returns:
        (K, bins) each, within 0 and the length.

    Source: torchvision's ``roi_pool_kernel.cpp``, which is Caffe's ``roi_pooling_layer.cpp``.
    """
    with np.errstate(all="ignore"):
        scale = np.float32(spatial_scale)
        first, last = (_rounded(boxes[:, at - axis].astype(np.float32) * scale) for at in (1, 3))
        size = np.maximum(last - first + 1, 1).astype(np.float32) / np.float32(bins)
        edges = np.arange(bins + 1).astype(np.float32) * size[:, None]
    begin, end = np.floor(edges[:, :-1]).astype(np.int64), np.ceil(edges[:, 1:]).astype(np.int64)
    return np.clip(begin + first[:, None], 0, length), np.clip(end + first[:, None], 0, length)


def _rounded(values: npt.NDArray[np.float32]) -> Positions:
    """The nearest integers, a half away from zero."""
    whole = np.trunc(values)
    nearest = whole + np.where(np.abs(values - whole) >= 0.5, np.sign(values), 0)
    return np.fmin(np.fmax(nearest.astype(np.float64), -_FARTHEST), _FARTHEST).astype(np.int64)
