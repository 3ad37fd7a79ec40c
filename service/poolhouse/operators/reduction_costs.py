"""Cost model of ``reductions``, which reduces windows axis by axis: steps and memory, in plain integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from poolhouse.operators.costs import (
    GATHER_EXTRA_STEPS,
    SCATTER_EXTRA_STEPS,
    STEPS_PER_BYTE,
    STEPS_PER_CALL,
    STEPS_PER_COMPARISON,
    STEPS_PER_RUN,
    STRIDED_EXTRA_STEPS,
    Cost,
    byte_steps,
    window_position_steps,
)
from poolhouse.operators.fields import Sizes
from poolhouse.operators.reductions import fold_cost, table_cost
from poolhouse.operators.windows import AxisSummary


@dataclass(frozen=True, slots=True)
class JoinCost:
    """Cost of combining two runs of window elements.

    Attributes:
        itemsize: bytes of one element, its index included.
        steps: steps for each element of the result, in addition to those for its bytes.
        calls: torch calls for all elements.
        nbytes: memory for each element during the operation, the result included.
        may_overlap: whether the runs may share elements.
    """

    itemsize: int
    steps: float
    calls: int
    nbytes: int
    may_overlap: bool


SUM_JOIN_COST: Final = JoinCost(8, 0.0, 1, 8, may_overlap=False)
"""Cost of adding float64 or int64."""


def maximum_join_cost(itemsize: int, index_bytes: int, *, floating: bool) -> JoinCost:
    """Cost of the larger of two elements, with its index if ``index_bytes`` is not 0."""
    if not index_bytes:
        if not floating:
            return JoinCost(itemsize, 0.0, 1, itemsize, may_overlap=True)
        # Planes with a NaN or a -0.0 take the slower comparison; whether there are any is unknown here.
        return JoinCost(itemsize, 0.5 * STEPS_PER_COMPARISON, 4, 3 * itemsize + 2, may_overlap=True)
    both = itemsize + index_bytes
    # The comparison gives a mask, by which value and index are selected.
    return JoinCost(
        both, STEPS_PER_COMPARISON * (1 + floating), 14, both + max(itemsize, index_bytes) * 2 + 3, may_overlap=True
    )


def reduction_cost(
    spatial: Sizes, axes: Sequence[AxisSummary], join_cost: JoinCost, *, kept_windows: Sizes | None = None
) -> Cost:
    """Cost of :func:`reductions.reduce_axis` for all axes, last axis first.

    Args:
        spatial: the sizes of a plane.
        axes: the windows of each axis.
        join_cost: the cost of combining two runs.
        kept_windows: number of windows kept along each axis; None for all.
    """
    sizes = list(spatial)
    whole = Cost(0.0, 0.0, 0.0)
    for place in reversed(range(len(sizes))):
        rows, inner = math.prod(sizes[:place]), math.prod(sizes[place + 1 :])
        axis = _axis_cost(rows, sizes[place], inner, axes[place], join_cost)
        # The result of the previous axis is held while this one is reduced.
        given = rows * sizes[place] * inner * join_cost.itemsize if place < len(sizes) - 1 else 0
        whole = whole.then(axis.with_held_bytes(given))
        sizes[place] = axes[place].outputs
        if kept_windows is not None:
            whole = whole.then(_picking_cost(rows, inner, axes[place].outputs, kept_windows[place], join_cost))
            sizes[place] = kept_windows[place]
    # The window positions of all axes exist while those of the last one are computed.
    known = sum(axis.outputs for axis in axes)
    return replace(whole, call_bytes=whole.call_bytes + _PLACE_BYTES * known)


_PLACE_BYTES: Final = 64
"""Memory for the position of one window along one axis, temporaries included."""


def _axis_cost(rows: int, length: int, inner: int, axis: AxisSummary, joining: JoinCost) -> Cost:
    """One axis of ``length`` positions, with ``rows`` before it and ``inner`` elements after each."""
    given, found = rows * length * inner, rows * axis.outputs * inner
    apart = STRIDED_EXTRA_STEPS if inner == 1 else STEPS_PER_RUN / inner
    # Evenly spaced positions are a view; others are gathered.
    size = joining.itemsize
    scattered = GATHER_EXTRA_STEPS if inner == 1 else STEPS_PER_RUN / 2 / inner

    def picked(elements: int) -> float:
        return 0.0 if axis.is_uniform else size * byte_steps(elements * size) + scattered

    places = window_position_steps(axis.outputs) + 10 * STEPS_PER_CALL
    if axis.longest == 1:
        return Cost(found * picked(found), places, 0.0 if axis.is_uniform else found * size)
    if fold_cost(axis.outputs, axis.longest) <= table_cost(length, axis.outputs, axis.longest):
        unfolded = found * axis.longest
        halvings = axis.longest.bit_length()
        steps = unfolded * (_join_steps(joining, unfolded // 2) + apart + picked(unfolded))
        steps += rows * axis.outputs * STEPS_PER_RUN
        calls = (joining.calls + 2) * 2 * halvings * STEPS_PER_CALL + axis.outputs * axis.longest * (
            0 if axis.is_uniform else 5
        )
        # A half and the quarter that it is reduced to; windows that differ are copied.
        nbytes = unfolded // 2 * joining.nbytes + unfolded // 4 * size
        if axis.is_uniform:
            return Cost(steps, places + calls, nbytes)
        return Cost(steps, places + calls, nbytes + unfolded * size, axis.outputs * axis.longest * 17)
    levels = axis.longest.bit_length()
    steps = (given * _join_steps(joining, given) + rows * STEPS_PER_RUN * joining.calls) * levels
    calls = levels * ((joining.calls + (4 if axis.is_uniform else 12)) * STEPS_PER_CALL + axis.outputs * 3)
    parts = 1 if joining.may_overlap else axis.longest.bit_count() if axis.is_uniform else levels / 2
    gathered = 0.0 if axis.is_uniform else 2 * picked(found) + SCATTER_EXTRA_STEPS
    steps += found * parts * (_join_steps(joining, found) + apart + gathered)
    nbytes = given * (size + joining.nbytes) + found * (2 * size + joining.nbytes)
    return Cost(steps, places + calls, nbytes)


def _join_steps(joining: JoinCost, elements: int) -> float:
    """Steps for each element of a result with this many elements."""
    size = joining.itemsize
    # Temporaries of a result in fresh pages are in fresh pages, too.
    return joining.steps + size * STEPS_PER_BYTE + joining.nbytes * (byte_steps(elements * size) - STEPS_PER_BYTE)


def _picking_cost(rows: int, inner: int, outputs: int, kept: int, joining: JoinCost) -> Cost:
    """Cost of selecting windows of an axis, different ones for each plane."""
    found = rows * kept * inner
    steps = found * (
        joining.itemsize * byte_steps(found * joining.itemsize) + 2 * GATHER_EXTRA_STEPS
    ) + window_position_steps(kept)
    return Cost(steps, 10 * STEPS_PER_CALL, (rows * outputs * inner + found) * joining.itemsize + 32 * kept)
