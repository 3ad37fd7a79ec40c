"""Maximum reduction: the largest element of a window, and optionally its index."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

import torch

from poolhouse.dtypes import BOOL, ElementKind, ElementType
from poolhouse.kernels.line_extremes import LineExtremeKernel
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.skipping import KeptExtremeKernel
from poolhouse.kernels.window_kernels import INT32_MAX, MaximumKernel
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.line_costs import line_extremes_cost
from poolhouse.operators.loop_costs import KernelFactory, maxima_loops_cost
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.reduction_costs import maximum_join_cost, reduction_cost
from poolhouse.operators.reductions import FAST_MAXIMUM, MAXIMUM, Monoid, Tensors, reduce_axis
from poolhouse.operators.skipping_costs import kept_extremes_cost, too_many_lines
from poolhouse.operators.slices import has_negative_zero
from poolhouse.operators.tracing import Terms
from poolhouse.operators.unsigned import as_ordered, from_ordered, ordered_cost
from poolhouse.operators.window_operator import Window, WindowOperator
from poolhouse.operators.windows import AxisSummary, Windows

INDEX_MEANING: Final = (
    "int64, flat within one plane of the unpadded input ((d·H + h)·W + w), counted from 0 for each n and c; "
    "the first of equal values; in a window with NaN, its last NaN."
)

MAXIMUM_TYPES: Final[Mapping[ElementKind, str]] = {
    "float": "Compared without conversion. The maximum of a window with NaN is NaN; infinities are numbers.",
    "integer": "Compared exactly.",
    "boolean": "False is less than true: the maximum says whether any element of the window is true.",
}


class Maximum(WindowOperator):
    """Base of operators whose output is the largest element of each window."""

    element_types: ClassVar[Mapping[ElementKind, str]] = MAXIMUM_TYPES
    index_meaning: ClassVar[str] = INDEX_MEANING
    loops_take_channels: ClassVar[bool] = True
    finds_least: ClassVar[bool] = False

    return_indices: bool

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        return window_maxima_cost(spatial, self.axis_summaries(spatial), dtype, with_indices=self.return_indices)

    def outputs(self) -> tuple[str, ...]:
        return ("output", "indices") if self.return_indices else ("output",)

    def winner_of(self, window: Window) -> int | None:
        best = 0
        for i, value in enumerate(window.values):
            if value != value or (value > window.values[best] and window.values[best] == window.values[best]):
                best = i
        return best

    def expression(self, window: Window, terms: Terms) -> str:
        return f"{'min' if self.finds_least else 'max'}({terms.joined()})"

    def padding_number(self) -> Number | str | None:
        return math.inf if self.finds_least else -math.inf

    def of_window(self, window: Window) -> tuple[Number, ...]:
        best = self.winner_of(window)
        assert best is not None, "a window has an element"
        return (window.values[best], window.positions[best]) if self.return_indices else (window.values[best],)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        # The loops number the elements of a plane in 32 bits.
        if math.prod(spatial) > INT32_MAX:
            return None
        indices = self.return_indices
        from_runs = KernelFactory(
            maxima_loops_cost(self.axis_summaries(spatial), dtype, with_indices=indices),
            lambda: MaximumKernel(self.kernel_axes(spatial), dtype.name, with_indices=indices),
        )
        return min(from_runs, self.line_kernel_factory(spatial, dtype), key=lambda each: each.cost.plane_steps)

    def line_kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory:
        """The loops that combine the lines of each window first, which is faster where windows overlap little."""
        indices = self.return_indices
        return KernelFactory(
            line_extremes_cost(self.axis_summaries(spatial), dtype, with_indices=indices),
            lambda: LineExtremeKernel(
                self.kernel_axes(spatial), dtype.name, least=self.finds_least, with_indices=indices
            ),
        )

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        return window_maxima(x, self.windows(tuple(x.shape[1:])), with_indices=self.return_indices)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See :meth:`poolhouse.operators.skipping.Skipping.pool_kept`."""
        return kept_maxima(x, kept, self.windows(tuple(x.shape[1:])), with_indices=self.return_indices)

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_cost`."""
        return kept_maxima_cost(spatial, self.axis_summaries(spatial), dtype, with_indices=self.return_indices)

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_kernel_factory`."""
        axes, indices = self.axis_summaries(spatial), self.return_indices
        if too_many_lines(axes):
            return None
        return KernelFactory(
            kept_extremes_cost(axes, dtype, with_indices=indices),
            lambda: KeptExtremeKernel(
                self.kernel_axes(spatial),
                dtype.name,
                omission,
                least=self.finds_least,
                with_indices=indices,
                gives_shares="valid" in self.outputs(),
            ),
        )


def window_maxima_cost(
    spatial: Sizes,
    axes: Sequence[AxisSummary],
    dtype: ElementType,
    *,
    with_indices: bool,
    kept_windows: Sizes | None = None,
) -> Cost:
    """Cost of :func:`window_maxima`.

    Args:
        spatial: the sizes of a plane.
        axes: the windows of each axis.
        dtype: the element type.
        with_indices: whether indices are computed too.
        kept_windows: number of windows that ``pick`` keeps along each axis; None for all.
    """
    plane = math.prod(spatial)
    index_bytes = _index_dtype(plane).itemsize if with_indices else 0
    joining = maximum_join_cost(dtype.itemsize, index_bytes, floating=dtype.kind == "float")
    found = reduction_cost(spatial, axes, joining, kept_windows=kept_windows)
    outputs = math.prod(axis.outputs for axis in axes) if kept_windows is None else math.prod(kept_windows)
    if with_indices:
        # The index of every element, and the results as int64.
        both = found.with_held_bytes(plane * index_bytes).then(elementwise_cost(outputs, 8))
        return ordered_cost(both.with_held_bytes(outputs * 8), plane, outputs, dtype)
    if dtype.kind == "float":
        # The search for -0.0.
        found = found.then(Cost(plane * 0.2, 2 * STEPS_PER_CALL, 0.0))
    return ordered_cost(found.then(elementwise_cost(outputs, dtype.itemsize)), plane, outputs, dtype)


Pick = Callable[[Tensors, int], Tensors]
"""Selects some of the windows of one spatial axis."""


def window_maxima(
    x: torch.Tensor, windows: Sequence[Windows], *, with_indices: bool, pick: Pick | None = None
) -> tuple[torch.Tensor, ...]:
    """The largest element of each window and optionally its index, exact for every element type.

    Args:
        x: the planes.
        windows: of each axis.
        with_indices: whether to compute the indices too.
        pick: selects windows of an axis before the next axis is reduced.

    Shape:
        input ``(P, *spatial)``; outputs ``(P, *spatial_out)``, indices int64.
    """
    state: Tensors = (as_ordered(x),)
    if with_indices:
        state = (*state, _flat_indices(x))
    fast = not with_indices and _fast_maximum_is_exact(state[0], windows)
    found = _reduce_axes(state, windows, FAST_MAXIMUM if fast else MAXIMUM, pick)
    if fast and x.is_floating_point() and bool(found[0].isnan().any()):
        found = _reduce_axes(state, windows, MAXIMUM, pick)
    values = from_ordered(found[0].contiguous(), x.dtype)
    if values.untyped_storage().data_ptr() == x.untyped_storage().data_ptr():
        # Windows of one element are a view of the input, but an output must own its memory.
        values = values.clone()
    return (values, found[1].to(torch.int64).contiguous()) if with_indices else (values,)


def kept_maxima(
    x: torch.Tensor, kept: torch.Tensor, windows: Sequence[Windows], *, with_indices: bool
) -> tuple[torch.Tensor, ...]:
    """As :func:`window_maxima`, of the elements that are kept; meaningless for windows without one."""
    ordered = as_ordered(x)
    least = -math.inf if ordered.is_floating_point() else torch.iinfo(ordered.dtype).min
    filled = ordered.masked_fill(kept.logical_not(), least)
    values, *rest = window_maxima(filled, windows, with_indices=with_indices)
    if with_indices:
        # Where the maximum is the filler, a passed-over element may be the first; all kept ones are equal there.
        _, first_kept = window_maxima(kept, windows, with_indices=True)
        rest = [torch.where(values == least, first_kept, rest[0])]
    return (from_ordered(values, x.dtype), *rest)


def kept_maxima_cost(spatial: Sizes, axes: Sequence[AxisSummary], dtype: ElementType, *, with_indices: bool) -> Cost:
    """Cost of :func:`kept_maxima`."""
    elements, outputs = math.prod(spatial), math.prod(axis.outputs for axis in axes)
    filled = elementwise_cost(elements, 2 * dtype.itemsize, 0.5)
    held = filled.plane_bytes + elements
    found = filled.then(window_maxima_cost(spatial, axes, dtype, with_indices=with_indices).with_held_bytes(held))
    if with_indices:
        # Values and indices of the first are held while the others are found.
        held += (dtype.itemsize + 8) * outputs
        found = found.then(window_maxima_cost(spatial, axes, BOOL, with_indices=True).with_held_bytes(held))
        found = found.then(elementwise_cost(outputs, 9).with_held_bytes(held + 8 * outputs))
    return found.then(elementwise_cost(outputs, dtype.itemsize).with_held_bytes(held))


def _reduce_axes(state: Tensors, windows: Sequence[Windows], monoid: Monoid, pick: Pick | None) -> Tensors:
    rank = len(windows)
    for axis in reversed(range(rank)):
        state = reduce_axis(state, axis - rank, windows[axis], monoid)
        if pick is not None:
            state = pick(state, axis)
    return state


def _fast_maximum_is_exact(x: torch.Tensor, windows: Sequence[Windows]) -> bool:
    """Whether the fast maximum gives the same bits, except for NaN, which is searched for afterwards."""
    if not x.is_floating_point():
        return True
    # The search for -0.0 reads every element, which does not pay if the windows skip most elements.
    reads = x.shape[0] * math.prod(int(axis.count.sum()) for axis in windows)
    return reads >= x.numel() // 4 and not has_negative_zero(x)


def _flat_indices(x: torch.Tensor) -> torch.Tensor:
    """Each element's index in its plane; int32 if that suffices, because indices are half of the memory traffic."""
    plane = math.prod(x.shape[1:])
    return torch.arange(plane, dtype=_index_dtype(plane), device=x.device).reshape(x.shape[1:]).expand(x.shape)


def _index_dtype(plane: int) -> torch.dtype:
    return torch.int32 if plane < 2**31 else torch.int64
