"""Pools boxes of planes with torch's operations alone, in the bits of the compiled loops, and by plain Python.

Positions and weights come from :mod:`poolhouse.kernels.box_positions`, in host memory. The elements of all bins are
read one place after another, so that each sum has the order of the loops. All arithmetic is elementwise, in float64,
and the same on CPU and CUDA.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from poolhouse.kernels.box_positions import Positions, Reals, SampleGrid, Taps, bin_bounds

_CHUNK_ELEMENTS: Final = 2**22
"""Elements of an intermediate result, of the boxes that are pooled at once; at least those of one box."""

Plane = Sequence[Sequence[float]]


@dataclass(frozen=True)
class _Places:
    """The elements of the bins of some boxes along one axis; each bin is padded to as many as the largest has.

    Attributes:
        positions: (B, bins, T), at least one a bin.
        counts: (B, bins) elements of each bin.
        fewest: elements of the smallest bin.
    """

    positions: torch.Tensor
    counts: torch.Tensor
    fewest: int

    @property
    def number(self) -> int:
        """T."""
        return self.positions.shape[2]

    def are_missing(self, place: int) -> torch.Tensor | None:
        """The bins that have no element at a place; None if all have one."""
        return None if place < self.fewest else self.counts <= place


@dataclass(frozen=True)
class _WeightedPlaces(_Places):
    """The same with weights, (1, B, bins, T) or (2, B, bins, T), and flags, (B, bins): see ``Taps``."""

    weights: torch.Tensor
    is_complete: torch.Tensor


def _consecutive(begins: Positions, counts: Positions) -> Positions:
    """(B, bins, T): as many numbers from the begin of each bin on as it has elements, then the last again."""
    numbers = np.minimum(np.arange(max(1, counts.max())), np.maximum(counts - 1, 0)[..., None])
    found: Positions = begins[..., None] + numbers
    return found


def _weighted_places(taps: Taps, bins: int, chosen: Positions, device: torch.device) -> _WeightedPlaces:
    counts = np.diff(taps.begins).reshape(-1, bins)[chosen]
    at = _consecutive(taps.begins[:-1].reshape(-1, bins)[chosen], counts)
    # Without an element one with any weight is read, and left out.
    positions, weights = np.append(taps.positions, 0)[at], np.pad(taps.weights, ((0, 0), (0, 1)))[:, at]
    complete = taps.is_complete.reshape(-1, bins)[chosen]
    given = [torch.from_numpy(each).to(device) for each in (positions, counts, weights, complete)]
    return _WeightedPlaces(given[0], given[1], int(counts.min()), given[2], given[3])


def roi_align(
    planes: Mapping[str, torch.Tensor],
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    *,
    aligned: bool,
    takes_max: bool,
) -> torch.Tensor:
    """The average or the maximum of bilinear samples; see :class:`poolhouse.kernels.boxes.RoiAlignKernel`.

    Args:
        planes: ``input`` (N, C, H, W) floats; ``boxes`` (K, 4) float64, finite; ``batch_indices`` (K,) int64, in range.
        output_size: number of bins along H and W; this and the other arguments are those of the kernel.
        spatial_scale: factor from coordinates of boxes to positions.
        sampling_ratio: samples of a bin along each axis; adaptive if not positive.
        aligned: whether boxes are shifted by half an element.
        takes_max: whether samples are compared instead of averaged.

    Shape:
        output (K, C, H_out, W_out).
    """
    x, images = planes["input"], planes["batch_indices"]
    boxes: Reals = planes["boxes"].cpu().numpy()
    spatial = (x.shape[2], x.shape[3])
    grid = SampleGrid(output_size, spatial_scale, sampling_ratio, aligned, takes_max)
    out = x.new_empty((len(boxes), x.shape[1], *output_size))
    at_once = grid.boxes_at_once(spatial)
    for begin in range(0, len(boxes), at_once):
        part = boxes[begin : begin + at_once]
        both = grid.taps(part, spatial)
        divisors = np.fmax(grid.counts(part).prod(1), 1.0)
        most = np.diff(both[1].begins).reshape(-1, output_size[1]).max(1)
        for chosen in _chunks(most, x.shape[1] * output_size[0] * output_size[1]):
            rows, columns = (
                _weighted_places(taps, bins, chosen, x.device) for taps, bins in zip(both, output_size, strict=True)
            )
            at = torch.from_numpy(begin + chosen).to(x.device)
            if takes_max:
                found = _largest_samples(x, images[at], rows, columns)
            else:
                found = _sums_of_samples(x, images[at], rows, columns)
                found /= torch.from_numpy(divisors[chosen]).to(x.device)[:, None, None, None]
            out[at] = _rounded_once(found, x.dtype)
    return out


def _places(begins: Positions, ends: Positions, chosen: Positions, device: torch.device) -> _Places:
    counts = np.maximum(ends - begins, 0)[chosen]
    # An empty bin may begin at the end of the axis.
    at = _consecutive(np.where(counts > 0, begins[chosen], 0), counts)
    return _Places(torch.from_numpy(at).to(device), torch.from_numpy(counts).to(device), int(counts.min()))


def roi_pool(planes: Mapping[str, torch.Tensor], output_size: tuple[int, int], spatial_scale: float) -> torch.Tensor:
    """The largest element of each bin; see :class:`poolhouse.kernels.boxes.RoiPoolKernel`.

    Args, shape: as for :func:`roi_align`.
    """
    x, images = planes["input"], planes["batch_indices"]
    boxes: Reals = planes["boxes"].cpu().numpy()
    out = x.new_empty((len(boxes), x.shape[1], *output_size))
    bounds = [bin_bounds(boxes, bins, spatial_scale, axis, x.shape[2 + axis]) for axis, bins in enumerate(output_size)]
    most = np.maximum(bounds[1][1] - bounds[1][0], 0).max(1)
    for chosen in _chunks(most, x.shape[1] * output_size[0] * output_size[1]):
        rows, columns = (_places(*each, chosen, x.device) for each in bounds)
        at = torch.from_numpy(chosen).to(x.device)
        line = _read(x, images[at], rows, 0, columns)
        for place in range(1, rows.number):
            line = _later(line, _read(x, images[at], rows, place, columns), rows.are_missing(place), 2)
        line = _by_bins(line, columns)
        found = line[..., 0]
        for place in range(1, columns.number):
            found = _later(found, line[..., place], columns.are_missing(place), 3)
        is_empty = _along(rows.counts == 0, 2) | _along(columns.counts == 0, 3)
        out[at] = found.masked_fill(is_empty, 0.0)
    return out


def _chunks(most: Positions, outputs: int) -> Iterator[Positions]:
    """Numbers of boxes of similar size, each time as many as :data:`_CHUNK_ELEMENTS` allow.

    A box has ``outputs`` bins with at most ``most`` elements along W each.
    """
    order = np.argsort(most, kind="stable")
    elements = np.maximum(most[order], 1) * outputs
    begin = 0
    while begin < len(order):
        ahead = elements[begin : begin + max(1, _CHUNK_ELEMENTS // int(elements[begin]))]
        many = max(1, int(np.count_nonzero(np.arange(1, len(ahead) + 1) * ahead <= _CHUNK_ELEMENTS)))
        yield order[begin : begin + many]
        begin += many


def _read(x: torch.Tensor, images: torch.Tensor, rows: _Places, place: int, columns: _Places) -> torch.Tensor:
    """The elements at a place of the bins along H, and at all places of those along W: (B, C, H_out, W_out·T)."""
    channels = torch.arange(x.shape[1], device=x.device)
    return x[
        images[:, None, None, None],
        channels[:, None, None],
        rows.positions[:, None, :, place, None],
        columns.positions.flatten(1)[:, None, None, :],
    ]


def _by_bins(lines: torch.Tensor, columns: _Places) -> torch.Tensor:
    """(B, C, H_out, W_out·T) as (B, C, H_out, W_out, T)."""
    return lines.view(*lines.shape[:-1], *columns.positions.shape[1:])


def _along(of_bins: torch.Tensor, axis: int) -> torch.Tensor:
    """Values (B, bins) of bins along axis 2 or 3, to be combined with (B, C, H_out, W_out)."""
    return of_bins[:, None, :, None] if axis == 2 else of_bins[:, None, None, :]


def _later(best: torch.Tensor, other: torch.Tensor, missing: torch.Tensor | None, axis: int) -> torch.Tensor:
    """The other element where it is larger or NaN."""
    wins = (other > best) | other.isnan()
    if missing is not None:
        wins &= _along(missing.logical_not(), axis)
    return torch.where(wins, other, best)


def _sums_of_samples(
    x: torch.Tensor, images: torch.Tensor, rows: _WeightedPlaces, columns: _WeightedPlaces
) -> torch.Tensor:
    lines = None
    for place in range(rows.number):
        number = _read(x, images, rows, place, columns).to(torch.float64)
        lines = _added(lines, number * _along(rows.weights[0, :, :, place], 2), rows.are_missing(place), 2)
    assert lines is not None
    lines = _by_bins(lines, columns)
    total = lines.new_zeros(lines.shape[:-1])
    for place in range(columns.number):
        weighted = lines[..., place] * _along(columns.weights[0, :, :, place], 3)
        total = _added(total, weighted, columns.are_missing(place), 3)
    return total


def _added(total: torch.Tensor | None, other: torch.Tensor, missing: torch.Tensor | None, axis: int) -> torch.Tensor:
    if total is None:
        return other if missing is None else other.masked_fill_(_along(missing, axis), 0.0)
    return total.add_(other) if missing is None else torch.where(_along(missing, axis), total, total + other)


def _largest_samples(
    x: torch.Tensor, images: torch.Tensor, rows: _WeightedPlaces, columns: _WeightedPlaces
) -> torch.Tensor:
    lines = None
    for place in range(rows.number):
        number = _read(x, images, rows, place, columns).to(torch.float64)
        found = _weighted(number, rows, place, 2)
        lines = found if lines is None else torch.maximum(lines, found)
    assert lines is not None
    lines = _by_bins(lines, columns)
    is_complete = _along(rows.is_complete, 2) & _along(columns.is_complete, 3)
    # A sample outside the input counts as 0.
    best = torch.where(is_complete, -math.inf, 0.0).to(torch.float64).expand(lines.shape[:-1])
    for place in range(columns.number):
        best = torch.maximum(best, _weighted(lines[..., place], columns, place, 3))
    # A line without elements is minus infinity, whose product with 0 is NaN. The sum has no negative zero.
    return best.masked_fill(_along(rows.counts == 0, 2), 0.0) + 0.0


def _weighted(number: torch.Tensor, taps: _WeightedPlaces, place: int, axis: int) -> torch.Tensor:
    most, least = (_along(each[:, :, place], axis) for each in taps.weights)
    found = torch.where(number > 0, most, least) * number
    missing = taps.are_missing(place)
    return found if missing is None else found.masked_fill_(_along(missing, axis), -math.inf)


def _rounded_once(found: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """float64 results in another type; torch rounds those of 16 bits to float32 before, which must not be a tie."""
    if dtype.itemsize > 2:
        return found.to(dtype)
    narrow = found.to(torch.float32)
    back, bits = narrow.to(torch.float64), narrow.view(torch.int32)
    is_inexact = (back != found) & found.isnan().logical_not() & ((bits & 1) == 0)
    # The neighbour on the other side of the result has an odd last bit, so it is no tie.
    step = torch.where(back.abs() < found.abs(), 1, -1).to(torch.int32)
    return torch.where(is_inexact, bits + step, bits).view(torch.float32).to(dtype)


def reference_of_box_align(
    plane: Plane,
    box: Sequence[float],
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    *,
    aligned: bool,
    takes_max: bool,
) -> list[list[float]]:
    """One channel of ``roi_align`` for one box, sample by sample.

    Args:
        plane: ``(H, W)``, finite.
        box: ``[x1, y1, x2, y2]``; the other arguments are those of :func:`roi_align`.
    """
    positions = sample_positions(box, output_size, spatial_scale, sampling_ratio, aligned=aligned)
    lengths = (len(plane), len(plane[0]))
    ys_of_bins, xs_of_bins = (
        [[corners_at(at, length) for at in each] for each in of_axis]
        for of_axis, length in zip(positions, lengths, strict=True)
    )
    return [[_of_bin(plane, ys, xs, takes_max=takes_max) for xs in xs_of_bins] for ys in ys_of_bins]


def sample_positions(
    box: Sequence[float], output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int, *, aligned: bool
) -> list[list[list[float]]]:
    """The positions of the samples along H and along W, for each bin; the arguments are those of :func:`roi_align`."""
    found = []
    for axis, count in enumerate(output_size):
        start, end = (box[at - axis] * spatial_scale - (0.5 if aligned else 0.0) for at in (1, 3))
        size = end - start if aligned else max(end - start, 1.0)
        step = size / count
        samples = sampling_ratio if sampling_ratio > 0 else max(math.ceil(step), 0)
        found.append(
            [
                [start + number * step + (sample + 0.5) * step / samples for sample in range(samples)]
                for number in range(count)
            ]
        )
    return found


Corners = tuple[tuple[int, float], tuple[int, float]] | None
"""The elements beside a position along an axis, with their weights; None outside of the input."""


def corners_at(at: float, length: int) -> Corners:
    """Both elements beside a position along an axis with their weights; None outside the input."""
    if not -1 <= at <= length:
        return None
    at = max(at, 0.0)
    low = int(at)
    if low >= length - 1:
        return (length - 1, 1.0), (length - 1, 0.0)
    return (low, 1.0 - (at - low)), (low + 1, at - low)


def _of_bin(plane: Plane, ys: Sequence[Corners], xs: Sequence[Corners], *, takes_max: bool) -> float:
    values = []
    for y in ys:
        for x in xs:
            if y is None or x is None:
                values.append([0.0])
            else:
                values.append([u * v * plane[row][column] for row, u in y for column, v in x])
    if takes_max:
        return max((max(each) for each in values), default=0.0)
    return sum(number for each in values for number in each) / max(len(values), 1)


def reference_of_box_pool(
    plane: Plane, box: Sequence[float], output_size: tuple[int, int], spatial_scale: float
) -> list[list[float]]:
    """One channel of ``roi_pool`` for one box.

    Args:
        plane: ``(H, W)``.
        box: ``[x1, y1, x2, y2]``; the other arguments are those of :func:`roi_pool`.
    """
    rows, columns = pooled_ranges((len(plane), len(plane[0])), box, output_size, spatial_scale)
    return [[_largest([plane[y][x] for y in ys for x in xs]) for xs in columns] for ys in rows]


def pooled_ranges(
    shape: tuple[int, int], box: Sequence[float], output_size: tuple[int, int], spatial_scale: float
) -> list[list[range]]:
    """The elements of each bin along H and along W; the arguments are those of :func:`roi_pool`."""
    bins = []
    for axis, (count, length) in enumerate(zip(output_size, shape, strict=True)):
        scaled = [_single(_single(box[at - axis]) * _single(spatial_scale)) for at in (1, 3)]
        first, last = (math.floor(min(abs(at) + 0.5, 2.0**31)) * (-1 if at < 0 else 1) for at in scaled)
        size = _single(max(last - first + 1, 1) / count)
        edges = [_single(number * size) for number in range(count + 1)]
        bins.append(
            [
                range(max(math.floor(begin) + first, 0), min(math.ceil(end) + first, length))
                for begin, end in itertools.pairwise(edges)
            ]
        )
    return bins


def _single(number: float) -> float:
    """The nearest float32."""
    return ctypes.c_float(number).value


def _largest(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else max(values, default=0.0)
