"""roi_align."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.errors import Unprocessable
from poolhouse.kernels.box_positions import samples_per_box
from poolhouse.kernels.boxes import RoiAlignKernel
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.box_regions import BoxRegions
from poolhouse.operators.box_sampling import reference_of_box_align, roi_align
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.number_types import Integer
from poolhouse.operators.operator import Number, Planes, Refusal, Sample, operator
from poolhouse.tensors import TensorMetadata

_ADAPTIVE_SAMPLES: Final = 4
"""Samples that a plan counts for each element of the feature map, for a box whose grid adapts to its size."""
MAX_SAMPLING_RATIO: Final = 128
"""The largest sampling_ratio: the positions of all samples take memory."""
_SMALL_MAP: Final = 1024
"""Elements that a smaller feature map counts as: boxes may reach far beyond it."""


@operator("roi_align", ranks=())
class RoiAlign(BoxRegions):
    """The average of samples between the elements of each box, without rounding its corners: RoIAlign of Mask R-CNN.

    Every box becomes an output of one size, whose bins are sampled on a grid with bilinear interpolation.
    """

    shape_rule: ClassVar[str] = "input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``."
    padding_value: ClassVar[str] = "Samples more than one position outside of the input are 0."
    source: ClassVar[str] = "torchvision.ops.roi_align; ONNX RoiAlign"

    sampling_ratio: int = field(
        Integer(-1, MAX_SAMPLING_RATIO),
        "Samples of a bin along each axis; 0 or less adapts them to the size of the box.",
        default=-1,
        example=2,
    )
    aligned: bool = field(
        Flag(),
        "Whether coordinates are shifted by half a position, as those of pixels' centres are. Without it boxes are at "
        "least 1 wide and high.",
        default=False,
        example=True,
    )
    mode: str = field(
        Choice(("avg", "max")),
        "Whether the samples of a bin are averaged, or the largest weighted element is taken, as ONNX does.",
        default="avg",
        example="max",
    )

    samples = (
        Sample((1, 6, 8), {"output_size": 2, "sampling_ratio": 2}),
        Sample((2, 9, 7), {"output_size": [2, 3], "aligned": True, "spatial_scale": 0.5}),
        Sample((2, 9, 7), {"output_size": 3, "sampling_ratio": 1, "mode": "max"}, dtype="float64"),
        Sample((1, 8, 8), {"output_size": 2, "aligned": True}, dtype="float16"),
    )
    refusals = (
        Refusal((1, 6, 8), {}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 0}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 2, "sampling_ratio": -2}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 2}, "unsupported_dtype", dtype="int32"),
    )

    def _samples_of_box(self, shape: Sizes) -> float:
        height, width = self.output_size
        if self.sampling_ratio > 0:
            return float(height * width * self.sampling_ratio**2)
        return float(height * width + _ADAPTIVE_SAMPLES * max(shape[-2] * shape[-1], _SMALL_MAP))

    def check_work(self, boxes: npt.NDArray[np.float64], shape: Sizes) -> None:
        if self.sampling_ratio > 0 or not len(boxes):
            return
        height, width = self.output_size
        samples = samples_per_box(boxes, (height, width), self.spatial_scale, self.sampling_ratio, aligned=self.aligned)
        most = self._samples_of_box(shape)
        if float(samples.max()) > most:
            at = int(samples.argmax())
            raise Unprocessable(
                "work_too_large",
                f"box {at} is {boxes[at].tolist()}, so large that it would take {samples[at]:.3g} samples; for this "
                f"input the limit is {most:.0f}. Give a sampling_ratio, or clip the boxes to the image.",
            )

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        return self._cost(arrangement, 60.0, 64.0)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        return KernelFactory(
            self._cost(arrangement, 4.0, 0.0),
            lambda: self._kernel(arrangement.inputs["input"].dtype.name),
        )

    def _cost(self, arrangement: Arrangement, each: float, held: float) -> Cost:
        shape = arrangement.inputs["input"].shape
        samples, channels = self._samples_of_box(shape), shape[1]
        steps = samples * (channels * each + 20) + 500
        wide = arrangement.plane_output_bytes * 8 / arrangement.inputs["input"].dtype.itemsize
        return Cost(steps, 10 * STEPS_PER_CALL, 2 * wide + samples * (100 + held), 8.0 * shape[-2] * shape[-1])

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        return self._kernel(inputs["input"].dtype.name)

    def _kernel(self, element: str) -> RoiAlignKernel:
        height, width = self.output_size
        return RoiAlignKernel(
            element,
            (height, width),
            self.spatial_scale,
            self.sampling_ratio,
            aligned=self.aligned,
            takes_max=self.mode == "max",
        )

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        height, width = self.output_size
        found = roi_align(
            planes,
            (height, width),
            self.spatial_scale,
            self.sampling_ratio,
            aligned=self.aligned,
            takes_max=self.mode == "max",
        )
        return (found,)

    def reference_of_channel(self, plane: list[list[float]], box: list[float]) -> list[Number]:
        height, width = self.output_size
        bins = reference_of_box_align(
            plane,
            box,
            (height, width),
            self.spatial_scale,
            self.sampling_ratio,
            aligned=self.aligned,
            takes_max=self.mode == "max",
        )
        return [value for row in bins for value in row]
