"""roi_align."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from poolhouse.operators.box_sampling import corners_at, reference_of_box_align, roi_align, sample_positions
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import MAX_THREADS, KernelFactory
from poolhouse.operators.number_types import Integer
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.tracing import PooledArrays, TracedElement, enclosed, number_text, short_number, shortened
from poolhouse.tensors import TensorMetadata

_ADAPTIVE_SAMPLES: Final = 4
"""Samples that a plan counts for each element of the feature map, for a box whose grid adapts to its size."""
MAX_SAMPLING_RATIO: Final = 128
"""The largest sampling_ratio: the positions of all samples take memory."""
_SMALL_MAP: Final = 1024
"""Elements that a smaller feature map counts as: boxes may reach far beyond it."""

_SAMPLE_BYTES: Final = 300.0
"""Memory for the positions of a sample along an axis."""
_SAMPLES_AT_ONCE: Final = 2**15
_CHUNK_ELEMENTS: Final = 2**22
_ROUNDED_BYTES: Final = 6 * 2**18


@dataclass(frozen=True, slots=True)
class _Work:
    """What a box takes.

    Attributes:
        channels: C.
        bins: H_out and W_out.
        rows: lines of the input that are read, counted for each bin along H.
        columns: elements of a line that are read, counted for each bin along W.
        samples: along both axes.
    """

    channels: int
    bins: Sizes
    rows: float
    columns: float
    samples: float


@operator("roi_align", ranks=())
class RoiAlign(BoxRegions):
    """The average of samples between the elements of each box, without rounding its corners: RoIAlign of Mask R-CNN.

    Every box becomes an output of one size, whose bins are sampled on a grid with bilinear interpolation.
    """

    shape_rule: ClassVar[str] = "input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``."
    padding_value: ClassVar[str] = "Samples more than one position outside of the input are 0."
    source: ClassVar[str] = "torchvision.ops.roi_align; ONNX RoiAlign"

    sampling_ratio: int = field(
        Integer(-INT32_MAX, MAX_SAMPLING_RATIO),
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
        Refusal((1, 6, 8), {"output_size": 2, "sampling_ratio": 129}, "invalid_fields"),
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
                f"input the limit is {most:.0f}. Give a sampling_ratio, check "
                "spatial_scale, or clip the boxes to the image.",
            )

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        # All boxes of a chunk are padded to its largest.
        sizes = arrangement.largest_regions(arrangement.plane_shape[1:])
        work = self._work(arrangement, sizes)
        channels, rows, columns = work.channels, *self.output_size
        longest = [min(size, 2 * self.sampling_ratio if self.sampling_ratio > 0 else size) for size in sizes]
        # Bins are padded to the largest one. Those of a box that reaches beyond the input differ.
        padded_rows, padded_columns = min(2 * work.rows, rows * longest[0]), min(2 * work.columns, columns * longest[1])
        steps = channels * padded_columns * (padded_rows * (20.0 if self.mode == "max" else 10.0) + 6 * rows)
        turns = 20 * (padded_rows / rows + padded_columns / columns)
        widened = channels * rows * columns * longest[1]
        together = min(max(_CHUNK_ELEMENTS, widened), arrangement.planes * widened)
        return self._cost(arrangement, steps, 400 + turns, 1, 64.0 * together)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        sizes = arrangement.typical_regions(arrangement.plane_shape[1:])
        work = self._work(arrangement, sizes)
        each = 2.0 if self.mode == "max" else 1.0
        # All columns between the outer ones are added, if they are few.
        line = min(2 * work.columns, sizes[1])
        steps = work.channels * (
            each * (work.rows * line * 0.6 + work.columns * work.bins[0]) + 2 * math.prod(work.bins) + 10
        )
        rounded = work.channels * math.prod(work.bins) * 6.0 * (arrangement.inputs["input"].dtype.itemsize == 2)
        together = min(MAX_THREADS * max(_ROUNDED_BYTES, rounded), arrangement.planes * rounded)
        return KernelFactory(
            self._cost(arrangement, steps, 120, MAX_THREADS, together),
            lambda: self._kernel(arrangement.inputs["input"].dtype.name),
        )

    def _work(self, arrangement: Arrangement, sizes: tuple[float, ...]) -> _Work:
        """The work for a box of this size."""
        ratio = self.sampling_ratio
        samples, taps = 0.0, []
        for bins, length in zip(self.output_size, sizes, strict=True):
            # Each element of the axis is read once, and those beside the borders of bins twice.
            most = length + 2 * (bins - 1)
            taps.append(float(min(2 * bins * ratio, most) if ratio > 0 else most))
            samples += bins * ratio if ratio > 0 else bins + 2 * length
        return _Work(arrangement.plane_shape[0], self.output_size, taps[0], taps[1], samples)

    def _cost(self, arrangement: Arrangement, steps: float, calls: float, threads: int, held: float) -> Cost:
        # Positions of the samples of some boxes are computed together.
        planes, most = arrangement.planes, arrangement.plane_shape[1:]
        typical, largest = arrangement.typical_regions(most), arrangement.largest_regions(most)
        samples, most_samples = (self._work(arrangement, sizes).samples for sizes in (typical, largest))
        chunks = planes * samples / _SAMPLES_AT_ONCE
        positions = _SAMPLE_BYTES * min(threads * max(_SAMPLES_AT_ONCE, most_samples), planes * most_samples)
        bins = sum(self.output_size)
        return Cost(
            steps + 60 * samples + 40 * bins + 1000,
            (calls + 100 * chunks) * STEPS_PER_CALL,
            100.0 * bins,
            held + positions,
        )

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

    def trace_of_bins(self, pooled: PooledArrays, box: list[float], image: int) -> Iterator[TracedElement]:
        _, channels, height, width = pooled.inputs["input"].shape
        rows, columns = self.output_size
        positions = sample_positions(
            box, (rows, columns), self.spatial_scale, self.sampling_ratio, aligned=self.aligned
        )
        flat = pooled.inputs["input"].reshape(-1)
        # All channels have the same samples.
        for number, (ys, xs) in enumerate(itertools.product(*positions)):
            bin_ = _sampled(ys, xs, (height, width), merges=self.mode == "avg")
            for channel in range(channels):
                place = channel * rows * columns + number
                begin = (image * channels + channel) * height * width
                places = [begin + position for position in bin_.positions]
                yield self._traced_bin(pooled, place, places, flat[places].tolist(), bin_)

    def _traced_bin(
        self, pooled: PooledArrays, place: int, positions: list[int], values: list[float], bin_: _SampledBin
    ) -> TracedElement:
        dtype, result, winner = pooled.types["input"], pooled.result_text("output", place), None
        terms = shortened(
            [*zip(bin_.weights, values, strict=True)],
            lambda each: f"{short_number(each[0])}·{enclosed(number_text(each[1], dtype))}",
        )
        if not bin_.points:
            text = f"the bin has no sample: {result}"
        elif self.mode == "avg":
            text = f"{' + '.join(terms) or '0'} = {result}, {_counted(len(bin_.points))}"
        else:
            products = [weight * value for weight, value in zip(bin_.weights, values, strict=True)]
            terms += ["0"] * bin_.has_outside
            text = f"max({', '.join(terms)}) = {result}, {_counted(len(bin_.points))}"
            most = max(products, default=-math.inf)
            winner = products.index(most) if products and not (bin_.has_outside and most <= 0) else None
        return TracedElement(
            output="output",
            place=place,
            results=self.outputs(),
            positions=positions,
            arithmetic=text,
            weights=bin_.weights,
            winner=winner,
            samples=bin_.points,
        )


@dataclass(frozen=True, slots=True)
class _SampledBin:
    """The samples of a bin.

    Attributes:
        points: of the samples, y and x.
        positions: flat indices of the elements beside them, in a plane.
        weights: of each, in the result or, for the maximum, in its sample.
        has_outside: whether a sample is outside of the input.
    """

    points: list[tuple[float, float]]
    positions: list[int]
    weights: list[float]
    has_outside: bool


def _sampled(ys: Sequence[float], xs: Sequence[float], shape: tuple[int, int], *, merges: bool) -> _SampledBin:
    """The samples of one bin; an element beside several of them occurs once if the samples are averaged."""
    height, width = shape
    rows, columns = [corners_at(y, height) for y in ys], [corners_at(x, width) for x in xs]
    points = [(y, x) for y in ys for x in xs]
    taps = (
        (row * width + column, u * v)
        for below in rows
        for beside in columns
        if below is not None and beside is not None
        for row, u in below
        for column, v in beside
    )
    has_outside = None in rows or None in columns
    if not merges:
        positions, weights = list[int](), list[float]()
        for position, weight in taps:
            positions.append(position)
            weights.append(weight)
        return _SampledBin(points, positions, weights, has_outside)
    merged: dict[int, float] = {}
    for position, weight in taps:
        merged[position] = merged.get(position, 0.0) + weight / len(points)
    kept = sorted(position for position, weight in merged.items() if weight)
    return _SampledBin(points, kept, [merged[position] for position in kept], has_outside)


def _counted(samples: int) -> str:
    return "one sample" if samples == 1 else f"{samples} samples"
