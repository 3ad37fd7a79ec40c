"""roi_pool."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

import torch

from poolhouse.kernels.boxes import RoiPoolKernel
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.box_regions import BoxRegions
from poolhouse.operators.box_sampling import pooled_ranges, reference_of_box_pool, roi_pool
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.loop_costs import MAX_THREADS, KernelFactory
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.tracing import PooledArrays, TracedElement
from poolhouse.tensors import TensorMetadata

_CHUNK_ELEMENTS: Final = 2**22


@operator("roi_pool", ranks=())
class RoiPool(BoxRegions):
    """The largest element of each bin of each box, whose corners are rounded to elements: RoIPool of Fast R-CNN.

    Bins without an element are 0, and a NaN in a bin is its result.
    """

    shape_rule: ClassVar[str] = "input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``."
    padding_value: ClassVar[str] = "What lies outside of the input does not count."
    source: ClassVar[str] = "torchvision.ops.roi_pool; ONNX MaxRoiPool; Caffe's ROIPooling"

    samples = (
        Sample((1, 6, 8), {"output_size": 2}),
        Sample((2, 9, 7), {"output_size": [2, 3], "spatial_scale": 0.5}),
        Sample((2, 9, 7), {"output_size": 5}, dtype="bfloat16"),
    )
    refusals = (
        Refusal((1, 6, 8), {}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 2, "spatial_scale": "a"}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 2}, "unsupported_dtype", dtype="uint8"),
    )

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        channels, rows, columns = arrangement.plane_shape[0], *self.output_size
        # All boxes of a chunk are padded to its largest.
        spatial = arrangement.largest_regions(arrangement.plane_shape[1:])
        # Bins are padded to the largest one. Those of a box that reaches beyond the input differ.
        padded = [
            min(2 * (length + 2 * (bins - 1)), bins * length)
            for bins, length in zip(self.output_size, spatial, strict=True)
        ]
        turns = 12 * (padded[0] / rows + padded[1] / columns)
        widened = channels * rows * columns * spatial[1]
        together = min(max(_CHUNK_ELEMENTS, widened), arrangement.planes * widened)
        return self._cost(arrangement, channels * 10.0 * padded[0] * padded[1], 100 + turns, 40.0 * together)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        element = arrangement.inputs["input"].dtype.name
        channels, rows, columns = arrangement.plane_shape[0], *self.output_size
        height, width = arrangement.typical_regions(arrangement.plane_shape[1:])
        # Bins share their borders, so an element is read once along each axis, and a few of each bin again.
        steps = channels * ((height + 2 * (rows - 1)) * width * 0.3 + rows * (width + 4 * columns) + 5)
        return KernelFactory(self._cost(arrangement, steps, 60, 0.0), lambda: self._kernel(element))

    def _cost(self, arrangement: Arrangement, steps: float, calls: float, held: float) -> Cost:
        bounds = sum(self.output_size)
        line = 8.0 * MAX_THREADS * arrangement.plane_shape[-1]
        return Cost(steps + 60 * bounds + 500, calls * STEPS_PER_CALL, 120.0 * bounds, held + line)

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        return self._kernel(inputs["input"].dtype.name)

    def _kernel(self, element: str) -> RoiPoolKernel:
        height, width = self.output_size
        return RoiPoolKernel(element, (height, width), self.spatial_scale)

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        height, width = self.output_size
        return (roi_pool(planes, (height, width), self.spatial_scale),)

    def reference_of_channel(self, plane: list[list[float]], box: list[float]) -> list[Number]:
        height, width = self.output_size
        bins = reference_of_box_pool(plane, box, (height, width), self.spatial_scale)
        return [value for row in bins for value in row]

    def trace_of_bins(self, pooled: PooledArrays, box: list[float], image: int) -> Iterator[TracedElement]:
        _, channels, height, width = pooled.inputs["input"].shape
        rows, columns = self.output_size
        ranges = pooled_ranges((height, width), box, (rows, columns), self.spatial_scale)
        flat = pooled.inputs["input"].reshape(-1)
        windows = list(itertools.product(*ranges))
        for place, (channel, (ys, xs)) in enumerate(itertools.product(range(channels), windows)):
            begin = (image * channels + channel) * height * width
            positions = [begin + y * width + x for y in ys for x in xs]
            values, result = flat[positions].tolist(), pooled.result_text("output", place)
            shown = pooled.terms(values).joined()
            yield TracedElement(
                output="output",
                place=place,
                results=self.outputs(),
                positions=positions,
                arithmetic=f"max({shown}) = {result}" if values else f"the bin has no element: {result}",
                window=(ys, xs),
                winner=_first_largest(values),
            )


def _first_largest(values: list[float]) -> int | None:
    """The place of the first NaN, or else of the largest number; None without elements."""
    odd = next((place for place, value in enumerate(values) if math.isnan(value)), None)
    return odd if odd is not None else values.index(max(values)) if values else None
