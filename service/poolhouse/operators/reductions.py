"""Sums and maxima over the windows of one axis with few tensor operations.

Pooling over several axes reduces one axis after another, last axis first. Along one axis there are two algorithms. The
cheaper one is used; the choice depends on the windows only, never on the number of planes.

* *Fold*: unfold each window along a new axis and halve that axis until one element is left. About 2·O·k steps.
  Good if windows overlap little.
* *Table*: compute, for every position, the result over the next 1, 2, 4, … elements, and combine a window from few of
  these. About L·log2(k) steps, whatever the window's size. Good if windows overlap much.

Both add in trees, so rounding errors grow with log2(k), where those of a running sum grow with k. A NaN or an infinity
affects only its own windows, where an integral image spreads it over the plane.
Sums take float64 or int64; maxima take any ordered type and are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import torch

from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.windows import Positions, Windows

Tensors = tuple[torch.Tensor, ...]
"""``(values,)`` or ``(values, indices)``."""


@dataclass(frozen=True)
class Monoid:
    """How the results of two neighbouring runs of a window are combined.

    Attributes:
        join: the result over both runs; the first argument is the earlier run.
        may_overlap: whether the runs may share elements (for a maximum yes, for a sum no).
    """

    join: Callable[[Tensors, Tensors], Tensors]
    may_overlap: bool


def _add(earlier: Tensors, later: Tensors) -> Tensors:
    return (earlier[0] + later[0],)


def _join_maximum(earlier: Tensors, later: Tensors) -> Tensors:
    # Torch's rule: the first of equal values; NaN is larger than every number, and the last NaN is chosen.
    take_later = later[0] > earlier[0]
    if later[0].is_floating_point():
        take_later |= later[0].isnan()
    return tuple(_select_later(take_later, a, b) for a, b in zip(earlier, later, strict=True))


_BITS: Final = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def _select_later(take_later: torch.Tensor, earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
    """The later elements where the mask is set, else the earlier ones, bit for bit."""
    if not is_on_cpu(earlier):
        return torch.where(take_later, later, earlier)
    # On the CPU where() branches for each element and takes six times as long for a mask without a pattern.
    bits = _BITS[earlier.element_size()]
    mask = take_later.view(torch.int8).neg().to(bits)
    kept = earlier.view(bits)
    return torch.bitwise_xor(kept, later.view(bits)).bitwise_and_(mask).bitwise_xor_(kept).view(earlier.dtype)


def _maximum(earlier: Tensors, later: Tensors) -> Tensors:
    return (torch.maximum(earlier[0], later[0]),)


SUM = Monoid(_add, may_overlap=False)
MAXIMUM = Monoid(_join_maximum, may_overlap=True)
"""The largest value, and its index if there are indices; always the same bits as torch's pooling."""
FAST_MAXIMUM = Monoid(_maximum, may_overlap=True)
"""The largest value without index, three times as fast; ``slices`` names the two cases in which its bits differ."""


def fold_cost(windows: int, count: int) -> int:
    """Steps of the fold for each element of the other axes."""
    return 2 * windows * count


def table_cost(length: int, windows: int, count: int) -> int:
    """Steps of the table for each element of the other axes."""
    return (length + 2 * windows) * max(count - 1, 1).bit_length()


def reduce_axis(tensors: Tensors, dim: int, windows: Windows, monoid: Monoid) -> Tensors:
    """Reduce every window of one axis to one element.

    Args:
        tensors: the values, or the values and their indices, of one shape.
        dim: the axis, counted from the end (-1 is the last).
        windows: the windows of that axis.
        monoid: SUM or MAXIMUM.

    Shape:
        input ``(…, L, …)``, output ``(…, O, …)`` with ``O = windows.outputs``.
    """
    length = tensors[0].shape[dim]
    longest = int(windows.count.max())
    if longest == 1:
        return _take(tensors, dim, windows.first)
    if fold_cost(windows.outputs, longest) <= table_cost(length, windows.outputs, longest):
        return _fold(tensors, dim, windows, longest, monoid)
    return _table(tensors, dim, windows, longest, monoid)


def _spacing(positions: Positions) -> int:
    """The distance between neighbours if it is constant and positive, else 0."""
    if len(positions) == 1:
        return 1
    step = int(positions[1] - positions[0])
    return step if step > 0 and bool((np.diff(positions) == step).all()) else 0


def _take(tensors: Tensors, dim: int, positions: Positions) -> Tensors:
    """The elements at these positions; a view if they are evenly spaced, as they usually are."""
    step = _spacing(positions)
    if step:
        span = slice(int(positions[0]), int(positions[-1]) + 1, step)
        return tuple(tensor.transpose(dim, -1)[..., span].transpose(dim, -1) for tensor in tensors)
    return _gather(tensors, dim, positions)


def _gather(tensors: Tensors, dim: int, positions: Positions) -> Tensors:
    """Copies of the elements at these positions."""
    chosen = torch.from_numpy(positions).to(tensors[0].device)
    if dim == -1 and is_on_cpu(tensors[0]):
        # Along the last axis gather() takes a quarter of the time of index_select().
        chosen = chosen.expand(*tensors[0].shape[:-1], -1)
        return tuple(tensor.gather(-1, chosen) for tensor in tensors)
    return tuple(tensor.index_select(dim, chosen) for tensor in tensors)


def _unfold_windows(tensors: Tensors, dim: int, windows: Windows, longest: int, monoid: Monoid) -> Tensors:
    """Each window along a new last axis of ``longest`` elements."""
    stride = _spacing(windows.first)
    if stride and bool((windows.count == longest).all()):
        span = windows.dilation * (longest - 1) + 1
        first, outputs = int(windows.first[0]), windows.outputs
        extent = (outputs - 1) * stride + span
        return tuple(
            tensor.narrow(dim, first, extent).unfold(dim, span, stride)[..., :: windows.dilation] for tensor in tensors
        )
    offsets = np.arange(longest, dtype=np.int64)
    # A window shorter than the longest repeats its last element. Repeats do not change a maximum; for a sum they are
    # set to 0.
    places = np.minimum(offsets, windows.count[:, None] - 1)
    places *= windows.dilation
    places += windows.first[:, None]
    positions = places.reshape(-1)
    shape = list(tensors[0].shape)
    split = len(shape) + dim
    shape[split : split + 1] = [windows.outputs, longest]
    unfolded = tuple(tensor.reshape(shape).movedim(split + 1, -1) for tensor in _gather(tensors, dim, positions))
    if monoid.may_overlap:
        return unfolded
    trailing = (1,) * (-dim - 1)
    repeats = (
        torch.from_numpy(offsets >= windows.count[:, None])
        .to(unfolded[0].device)
        .reshape(windows.outputs, *trailing, longest)
    )
    return tuple(tensor.masked_fill_(repeats, 0) for tensor in unfolded)


def _fold(tensors: Tensors, dim: int, windows: Windows, longest: int, monoid: Monoid) -> Tensors:
    unfolded = _unfold_windows(tensors, dim, windows, longest, monoid)
    size = longest
    while size > 1:
        half = size // 2
        # For a maximum neighbours are combined, so that each element is the result of one run and the runs stay in
        # order: the first of equal values is always in the earlier run. A sum combines halves, adjacent in memory.
        earlier, later = (
            (slice(0, 2 * half, 2), slice(1, 2 * half, 2))
            if monoid.may_overlap
            else (slice(0, half), slice(half, 2 * half))
        )
        joined = monoid.join(
            tuple(tensor[..., earlier] for tensor in unfolded), tuple(tensor[..., later] for tensor in unfolded)
        )
        if size % 2:
            last = monoid.join(
                tuple(tensor.narrow(-1, half - 1, 1) for tensor in joined),
                tuple(tensor.narrow(-1, size - 1, 1) for tensor in unfolded),
            )
            for tensor, value in zip(joined, last, strict=True):
                tensor.narrow(-1, half - 1, 1).copy_(value)
        unfolded, size = joined, half
    return tuple(tensor.squeeze(-1) for tensor in unfolded)


def _table(tensors: Tensors, dim: int, windows: Windows, longest: int, monoid: Monoid) -> Tensors:
    result: Tensors | None = None
    table, span = tensors, 1
    while True:
        # Element x of ``table`` is the result over ``span`` elements from position x on, ``dilation`` apart.
        chosen, parts = (_overlapping_parts if monoid.may_overlap else _disjoint_parts)(windows, span)
        if len(chosen):
            found = reduce(monoid.join, [_take(table, dim, positions) for positions in parts])
            if span == 1 and len(parts) == 1:
                # These are views of the input, and later results are written to them in place.
                found = tuple(tensor.clone() for tensor in found)
            result = _store_results(result, found, dim, chosen, windows.outputs, monoid)
        if 2 * span > longest:
            assert result is not None
            return result
        shift = span * windows.dilation
        extent = table[0].shape[dim] - shift
        table = monoid.join(
            tuple(tensor.narrow(dim, 0, extent) for tensor in table),
            tuple(tensor.narrow(dim, shift, extent) for tensor in table),
        )
        span *= 2


def _overlapping_parts(windows: Windows, span: int) -> tuple[Positions, list[Positions]]:
    """The windows that two overlapping runs of this span cover, and the start positions of both runs."""
    count = windows.count
    chosen = np.flatnonzero((count > span) & (count <= 2 * span) | (count == 1) & (span == 1))
    first = windows.first[chosen]
    if span == 1 and bool((count[chosen] == 1).all()):
        return chosen, [first]
    return chosen, [first, first + (count[chosen] - span).clip(min=0) * windows.dilation]


def _disjoint_parts(windows: Windows, span: int) -> tuple[Positions, list[Positions]]:
    """The windows whose count has this power of two as a binary digit, and the start positions of that run."""
    chosen = np.flatnonzero(windows.count & span)
    return chosen, [windows.first[chosen] + (windows.count[chosen] & (span - 1)) * windows.dilation]


def _store_results(
    result: Tensors | None, found: Tensors, dim: int, chosen: Positions, outputs: int, monoid: Monoid
) -> Tensors:
    """Write the results of the chosen windows to the output: a maximum is stored once, parts of a sum are added."""
    if len(chosen) == outputs:
        return found if result is None else monoid.join(result, found)
    where = torch.from_numpy(chosen).to(found[0].device)
    if result is None:
        shape = list(found[0].shape)
        shape[dim] = outputs
        result = tuple(tensor.new_zeros(shape) for tensor in found)
    elif not monoid.may_overlap:
        found = monoid.join(tuple(tensor.index_select(dim, where) for tensor in result), found)
    return tuple(whole.index_copy_(dim, where, part) for whole, part in zip(result, found, strict=True))
