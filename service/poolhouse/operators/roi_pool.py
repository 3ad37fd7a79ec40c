"""roi_pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import torch

from poolhouse.kernels.boxes import RoiPoolKernel
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.box_regions import BoxRegions
from poolhouse.operators.box_sampling import reference_of_box_pool, roi_pool
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.operator import Number, Planes, Refusal, Sample, operator
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
        _, channels, height, width = arrangement.inputs["input"].shape
        rows, columns = self.output_size
        turns = (height / rows + width / columns + 4) * 8
        widened = channels * rows * (width + 2 * columns)
        together = min(max(_CHUNK_ELEMENTS, widened), arrangement.planes * widened)
        return self._cost(arrangement, 15.0, 80 + turns, 40.0 * together)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        element = arrangement.inputs["input"].dtype.name
        return KernelFactory(self._cost(arrangement, 0.5, 60, 0.0), lambda: self._kernel(element))

    def _cost(self, arrangement: Arrangement, each: float, calls: float, held: float) -> Cost:
        _, channels, height, width = arrangement.inputs["input"].shape
        rows, columns = self.output_size
        # Bins share their borders, so an element is read once along each axis, and a few of each bin again.
        read = (height + 2 * rows) * (width + 2 * columns) * each + rows * (2 * width + 6 * columns)
        bounds = rows + columns
        return Cost(
            channels * read + 60 * bounds + 500, calls * STEPS_PER_CALL, 120.0 * bounds, held + 128.0 * width
        )

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
