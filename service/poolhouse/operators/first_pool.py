"""The first element of each window, which is nearest-neighbour sampling: a part of pyramids, not an operator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.widening import Array
from poolhouse.operators.costs import STRIDED_EXTRA_STEPS, Cost, elementwise_cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.tracing import PooledArrays, SizeFormula, TracedElement
from poolhouse.operators.window_operator import flat_indices

_STEPS_PER_ROW: Final = 1.0
"""Steps for each row of the output, whatever its length."""


@dataclass(frozen=True)
class FirstPool(PlaneOperator):
    """The first element of each window of ``kernel_size`` elements, which follow each other."""

    family: ClassVar[str] = "first_pool"
    element_types: ClassVar[Mapping[ElementKind, str]] = dict.fromkeys(
        ("float", "integer", "boolean"), "Moved, never changed."
    )

    kernel_size: Sizes = ()
    ceil_mode: bool = True

    def spatial_out(self, spatial: Sizes) -> Sizes:
        rounded = [size - 1 if self.ceil_mode else 0 for size in self.kernel_size]
        return tuple(
            (length + more) // size for length, more, size in zip(spatial, rounded, self.kernel_size, strict=True)
        )

    def _slices(self, spatial: Sizes) -> tuple[slice, ...]:
        ends = zip(self.spatial_out(spatial), self.kernel_size, strict=True)
        return (slice(None), *(slice(0, (outputs - 1) * size + 1, size) for outputs, size in ends))

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        spatial = self.spatial_of(plane_shape)
        planes = math.prod(plane_shape) // math.prod(spatial)
        out = self.spatial_out(spatial)
        copied = elementwise_cost(planes * math.prod(out), dtype.itemsize, STRIDED_EXTRA_STEPS)
        runs = _STEPS_PER_ROW * planes * math.prod(out[:-1])
        return Cost(copied.plane_steps + runs, 3 * copied.call_steps, 0.0)

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        slices = self._slices(self.spatial_of(plane_shape))
        return KernelFactory(self.cost_of(plane_shape, dtype), lambda: _SlicingKernel(slices))

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        found = x[self._slices(self.spatial_of(tuple(x.shape[1:])))]
        # A view of the input would keep all of it.
        return (found.clone(memory_format=torch.contiguous_format),)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        outputs = itertools.product(*map(range, self.spatial_out(plane.shape)))
        places = (
            tuple(index * size for index, size in zip(output, self.kernel_size, strict=True)) for output in outputs
        )
        return ([_item(plane, place) for place in places],)

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        given = plane.inputs["input"]
        flat = given.reshape(-1).tolist()
        for place, output in enumerate(itertools.product(*map(range, self.spatial_out(given.shape)))):
            sizes = zip(output, self.kernel_size, strict=True)
            spans = [range(index * size, (index + 1) * size) for index, size in sizes]
            inside = [span[: length - span.start] for span, length in zip(spans, given.shape, strict=True)]
            positions = flat_indices(inside, given.shape)
            shown = plane.terms([flat[position] for position in positions]).joined()
            yield TracedElement(
                output="output",
                place=place,
                results=self.outputs(),
                positions=positions,
                arithmetic=f"first({shown}) = {plane.result_text('output', place)}",
                window=spans,
                winner=0,
            )

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return math.prod(spatial)

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        rounding = "ceil" if self.ceil_mode else "floor"
        sizes = zip(spatial, self.kernel_size, self.spatial_out(spatial), strict=True)
        return [
            SizeFormula(axis, length, outputs, f"{rounding}({length} / {size}) = {outputs}")
            for axis, (length, size, outputs) in enumerate(sizes)
        ]


def _item(plane: npt.NDArray[np.generic], place: Sizes) -> Number:
    flat = int(np.ravel_multi_index(place, plane.shape))
    found: Number = plane.reshape(-1)[flat : flat + 1].tolist()[0]
    return found


class _SlicingKernel:
    """Copies of the sliced planes."""

    def __init__(self, slices: tuple[slice, ...]) -> None:
        self._slices = slices

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        return (planes["input"][self._slices].copy(),)
