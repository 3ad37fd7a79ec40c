"""blur_pool1d, blur_pool2d, blur_pool3d: a binomial filter before the stride, as timm's BlurPool2d."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import FLOAT64, ElementKind, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.costs import STEPS_PER_CALL, STEPS_PER_RUN, STRIDED_EXTRA_STEPS, Cost, elementwise_cost
from poolhouse.operators.field_types import IntegerChoice
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.operators.tracing import PooledArrays, SizeFormula, TracedElement, enclosed, number_text, shortened

_STEPS_PER_TERM: Final = 0.2
"""Steps for multiplying or adding an element, in addition to the memory traffic."""


@operator("blur_pool")
class BlurPool(PlaneOperator):
    """The weighted average of each window, with the weights of a binomial filter.

    The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
    product of those of its axes. One axis is filtered after another. Shifting the input changes the output less than
    with a maximum or an average.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``, which must be "
        "less than L."
    )
    source: ClassVar[str] = "timm.layers.BlurPool2d; Zhang, Making Convolutional Networks Shift-Invariant Again, 2019"
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Added in float32, or in float64 for float64, and rounded once. A NaN affects its own windows only.",
    }
    padding_value: ClassVar[str] = (
        "The input is reflected at both ends of an axis, without repeating the element at the end; it is padded by "
        "``p`` as in timm."
    )

    filter_size: int = field(IntegerChoice((3, 5, 7)), "Elements of a window along each axis.", default=3, example=5)
    stride: Sizes = field(
        IntegerPerAxis(1), "Positions from one window to the next along each axis.", default=2, example=2
    )

    samples = (
        Sample((5, 8, 8), {}),
        Sample((6, 9, 11), {"filter_size": 5}),
        Sample((7, 9, 12), {"filter_size": 7, "stride": 1}),
        Sample((7, 9, 12), {"filter_size": 3, "stride": 4}),
        Sample((6, 9, 8), {"filter_size": 3}, dtype="bfloat16"),
    )
    refusals = (
        Refusal((8, 8, 8), {"filter_size": 4}, "invalid_fields"),
        Refusal((8, 8, 8), {"filter_size": 9}, "invalid_fields"),
        Refusal((8, 8, 8), {"stride": 0}, "invalid_fields"),
        Refusal((1, 1, 1), {}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"stride": 2**31 - 1}, "window_does_not_fit"),
        Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="uint8"),
    )

    def _padding(self, axis: int) -> int:
        return (self.stride[axis] + self.filter_size - 2) // 2

    def _weights(self) -> list[float]:
        order = self.filter_size - 1
        return [math.comb(order, tap) / 2**order for tap in range(self.filter_size)]

    def spatial_out(self, spatial: Sizes) -> Sizes:
        for axis, length in enumerate(spatial):
            if length <= self._padding(axis):
                raise Unprocessable(
                    "window_does_not_fit",
                    f"axis {axis_names(self.rank)[axis]} has {length} positions, and filter_size {self.filter_size} "
                    f"with stride {self.stride[axis]} reflects {self._padding(axis)} of them at each end, for which "
                    "it needs one more; use a smaller filter_size or stride, or send a larger input.",
                )
        return tuple(
            (length + 2 * self._padding(axis) - self.filter_size) // self.stride[axis] + 1
            for axis, length in enumerate(spatial)
        )

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        itemsize = 8 if dtype is FLOAT64 else 4
        sizes, out = list(spatial), self.spatial_out(spatial)
        widened = elementwise_cost(math.prod(sizes), itemsize) if dtype.itemsize < itemsize else Cost(0.0, 0.0, 0.0)
        steps, held, most = widened.plane_steps, widened.plane_bytes, 0.0
        for axis in range(self.rank):
            outer, inner = math.prod(sizes[:axis]), math.prod(sizes[axis + 1 :])
            padded = elementwise_cost(outer * inner * (sizes[axis] + 2 * self._padding(axis)), itemsize, 0.1)
            sizes[axis] = out[axis]
            apart = 0.0 if self.stride[axis] == 1 else STRIDED_EXTRA_STEPS if inner == 1 else STEPS_PER_RUN / inner
            each = elementwise_cost(math.prod(sizes), itemsize, _STEPS_PER_TERM + apart / 2)
            steps += padded.plane_steps + 3 * STEPS_PER_RUN * outer
            steps += (2 * self.filter_size - 1) * (each.plane_steps + STEPS_PER_RUN * outer / 4)
            most = max(most, held + padded.plane_bytes + 2 * each.plane_bytes)
            held = each.plane_bytes
        narrowed = elementwise_cost(math.prod(out), dtype.itemsize)
        calls = self.rank * (2 * self.filter_size + 6) + 4
        return Cost(steps + narrowed.plane_steps + 10, calls * STEPS_PER_CALL, max(most, held + narrowed.plane_bytes))

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        given = planes["input"]
        x = given if given.dtype is torch.float64 else given.to(torch.float32)
        out = self.spatial_out(tuple(given.shape[1:]))
        # Outer axes first: their slices are whole rows, and they make the tensor smaller for the last axis.
        for axis, outputs in enumerate(out):
            x = _filter_axis(
                _reflect(x, 1 + axis, self._padding(axis)), 1 + axis, self._weights(), self.stride[axis], outputs
            )
        return (x.to(given.dtype).contiguous(),)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        flat = plane.reshape(-1).tolist()
        return (
            [
                _sum([weight * flat[position] for position, weight in self._weighted(spans, plane.shape)])
                for spans in self._windows(plane.shape)
            ],
        )

    def _windows(self, spatial: Sizes) -> Iterator[list[range]]:
        """All positions of each window along each axis, those of the padding included."""
        for output in itertools.product(*map(range, self.spatial_out(spatial))):
            starts = [index * self.stride[axis] - self._padding(axis) for axis, index in enumerate(output)]
            yield [range(start, start + self.filter_size) for start in starts]

    def _weighted(self, spans: Sequence[range], spatial: Sizes) -> list[tuple[int, float]]:
        """The flat index of each element of a window, and its weight; a reflected one occurs more than once."""
        found = [(0, 1.0)]
        for span, length in zip(spans, spatial, strict=True):
            taps = [
                (_reflected(position, length), weight) for position, weight in zip(span, self._weights(), strict=True)
            ]
            found = [(index * length + place, each * weight) for index, each in found for place, weight in taps]
        return found

    # ---- traces

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        return self._padding(axis), self._padding(axis)

    def padding_number(self) -> Number | str | None:
        return "reflected"

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return int(math.prod(self.spatial_out(spatial)) * self.filter_size**self.rank)

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        given, dtype = plane.inputs["input"], plane.types["input"]
        flat = given.reshape(-1).tolist()
        for place, spans in enumerate(self._windows(given.shape)):
            positions, weights = zip(*self._weighted(spans, given.shape), strict=True)
            terms = shortened(
                [*zip(positions, weights, strict=True)],
                lambda each: f"{each[1]:g}·{enclosed(number_text(flat[each[0]], dtype))}",
            )
            yield TracedElement(
                output="output",
                place=place,
                results=self.outputs(),
                positions=positions,
                arithmetic=f"{' + '.join(terms)} = {plane.result_text('output', place)}",
                weights=weights,
                window=spans,
            )

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        formulas = []
        for axis, (length, outputs) in enumerate(zip(spatial, self.spatial_out(spatial), strict=True)):
            padded = f"{length} + 2·{self._padding(axis)} - {self.filter_size}"
            text = f"floor(({padded}) / {self.stride[axis]}) + 1 = {outputs}"
            formulas.append(SizeFormula(axis, length, outputs, text))
        return formulas


def _reflected(position: int, length: int) -> int:
    """The position inside the axis whose element a position of the padding has."""
    position = abs(position)
    return position if position < length else 2 * (length - 1) - position


def _sum(terms: Sequence[float]) -> float:
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        # fsum raises for inf - inf and for overflow, where plain addition gives NaN or infinity.
        return sum(terms)


def _reflect(x: torch.Tensor, dim: int, padding: int) -> torch.Tensor:
    """One axis with its elements repeated in reverse order at both ends, without the last one."""
    before = x.narrow(dim, 1, padding).flip(dim)
    after = x.narrow(dim, x.shape[dim] - 1 - padding, padding).flip(dim)
    return torch.cat((before, x, after), dim)


def _filter_axis(x: torch.Tensor, dim: int, weights: Sequence[float], stride: int, outputs: int) -> torch.Tensor:
    """The weighted sum of each window of one axis, added in one order on every device.

    Each product is rounded before it is added: with a fused operation an element's bits would depend on its place.
    """
    span = (outputs - 1) * stride + 1
    total: torch.Tensor | None = None
    for tap, weight in enumerate(weights):
        part = x.narrow(dim, tap, span)
        if stride > 1:
            part = part.unfold(dim, 1, stride).squeeze(-1)
        weighted = part * weight
        total = weighted if total is None else total.add_(weighted)
    assert total is not None, "a filter has weights"
    return total
