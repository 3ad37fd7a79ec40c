"""fractional_max_pool2d, fractional_max_pool3d."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.fractional import FractionalMaximumKernel, RandomAxis
from poolhouse.kernels.window_kernels import INT32_MAX
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.loop_costs import KernelFactory, fractional_loops_cost
from poolhouse.operators.maxima import Maximum, window_maxima, window_maxima_cost
from poolhouse.operators.number_types import Integer
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.reductions import Tensors
from poolhouse.operators.size_types import IntegerPerAxis, RatioPerAxis
from poolhouse.operators.sliding import kernel_size_field
from poolhouse.operators.windows import AxisSummary, SlidingWindow, Windows, fractional_starts

SEED_MAX: Final = 2**53 - 1
"""The largest integer that JSON parsers of all languages read exactly."""


@operator("fractional_max_pool", ranks=(2, 3))
class FractionalMaxPool(Maximum):
    """The largest element of each window at pseudo-random, evenly spread positions, and optionally its index.

    Each (n, c) plane has its own windows, drawn from ``seed``. Equal requests therefore get equal results, whatever
    else is in their batch. Without a seed the service draws one and returns it in the response header ``Pool-Seed``.
    Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)`` with ``alpha = (L - k)/(O - 1)``, the
    last at ``L - k``, computed in float64. Plane p's samples are row p of
    ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
    ``_random_samples``: W, H in 2-D; D, H, W in 3-D.
    """

    # Each channel has its own windows.
    loops_take_channels: ClassVar[bool] = False
    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` "
        "or ``int(L · output_ratio)``; ``output_size + kernel_size - 1 <= L``."
    )
    source: ClassVar[str] = "torch.nn.functional.fractional_max_pool2d, fractional_max_pool3d; Graham, arXiv:1412.6071"

    kernel_size: Sizes = kernel_size_field()
    output_size: Sizes | None = field(
        IntegerPerAxis(1), "Number of windows along each axis; this or output_ratio.", default=None, example=3
    )
    output_ratio: tuple[float, ...] | None = field(
        RatioPerAxis(),
        "Number of windows along each axis as a fraction of its length; this or output_size.",
        default=None,
        example=0.5,
    )
    return_indices: bool = field(Flag(), "Whether to return the index of each value too.", default=False, example=True)
    seed: int | None = field(
        Integer(0, SEED_MAX),
        "Seed of the window positions; the service draws one when it is not given.",
        default=None,
        example=7,
        in_batch_key=False,
    )

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return "kernel_size", "output_size", "output_ratio", "return_indices"

    exactly_one_of: ClassVar[tuple[str, ...]] = ("output_size", "output_ratio")
    samples = (
        Sample((9, 10, 12), {"kernel_size": 2, "output_size": 5, "seed": 1}),
        Sample((9, 10, 12), {"kernel_size": 3, "output_ratio": 0.5, "seed": 2, "return_indices": True}),
        Sample((9, 10, 12), {"kernel_size": 2, "output_size": 1, "seed": 3}),
        Sample((9, 10, 12), {"kernel_size": 2, "output_size": 4, "seed": 4}, dtype="uint8"),
    )
    refusals = (
        Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_size": 3, "output_ratio": 0.5}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_ratio": 1.5}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": -65536, "output_size": 3}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_size": 3, "seed": -1}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_size": 8}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"kernel_size": 2**31 - 1, "output_size": 1}, "window_does_not_fit"),
    )

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        if (self.output_size is None) == (self.output_ratio is None):
            message = "give output_size or output_ratio, and not both"
            return [FieldProblem("/output_size", "conflict", message)]
        return ()

    def axis_summary(self, axis: int, length: int) -> AxisSummary:
        kernel = self.kernel_size[axis]
        if self.output_size is not None:
            outputs = self.output_size[axis]
        else:
            assert self.output_ratio is not None
            outputs = int(length * self.output_ratio[axis])
        if outputs < 1 or outputs + kernel - 1 > length:
            raise Unprocessable(
                "window_does_not_fit",
                f"{outputs} windows of kernel_size {kernel} do not fit on axis {axis_names(self.rank)[axis]} of "
                f"{length} positions; output size must be from 1 to {max(length - kernel + 1, 0)}.",
            )
        return AxisSummary(length, outputs, kernel, outputs * kernel, irregular=outputs)

    def size_formula(self, axis: int, length: int) -> str:
        kernel, outputs = self.kernel_size[axis], self.axis_summary(axis, length).outputs
        counted = "" if self.output_ratio is None else f"int({length}·{self.output_ratio[axis]:g}) = {outputs}; "
        if outputs == 1:
            return f"{counted}one window starts at {length} - {kernel} = {length - kernel}"
        return (
            f"{counted}window i starts at int((i + u)·α) - int(u·α), the last at {length} - {kernel} = "
            f"{length - kernel}, with α = ({length} - {kernel}) / ({outputs} - 1) and a random u from 0 to 1"
        )

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.kernel_size[axis] > 1

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        # pool() computes the maximum of a window at every position, then keeps the drawn windows.
        everywhere = [
            SlidingWindow(kernel, 1).summarize(length) for kernel, length in zip(self.kernel_size, spatial, strict=True)
        ]
        return window_maxima_cost(
            spatial, everywhere, dtype, with_indices=self.return_indices, kept_windows=self.spatial_out(spatial)
        )

    def axis_windows(self, axis: int, length: int) -> Windows:
        """Windows at every position; :meth:`pool` selects the drawn ones for each plane."""
        return SlidingWindow(self.kernel_size[axis], 1).windows(length)

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        outputs, kernel = self.axis_summaries(spatial)[axis].outputs, self.kernel_size[axis]
        u = float(samples[self._sample_column(axis)])
        if output == outputs - 1:
            start = spatial[axis] - kernel
        else:
            alpha = (spatial[axis] - kernel) / (outputs - 1)
            start = int((output + u) * alpha) - int(u * alpha)
        return range(start, start + kernel)

    def _sample_column(self, axis: int) -> int:
        # Torch reads the two samples of a 2-D plane as W, H and the three of a 3-D plane as D, H, W.
        return 1 - axis if self.rank == 2 else axis

    def with_seed(self) -> FractionalMaxPool:
        if self.seed is not None:
            return self
        fields = {field.name: getattr(self, field.name) for field in self.fields()}
        return type(self)(**{**fields, "seed": secrets.randbelow(SEED_MAX + 1)})

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        if math.prod(spatial) > INT32_MAX:
            return None
        sizes, indices = self.axis_summaries(spatial), self.return_indices

        def make() -> FractionalMaximumKernel:
            axes = [
                RandomAxis(size.length, size.outputs, size.longest, partial(self._starts, axis, size))
                for axis, size in enumerate(sizes)
            ]
            return FractionalMaximumKernel(axes, dtype.name, with_indices=indices)

        return KernelFactory(fractional_loops_cost(sizes, dtype, with_indices=indices), make)

    def _starts(self, axis: int, size: AxisSummary, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        u = samples[:, self._sample_column(axis)].astype(np.float64)
        return fractional_starts(size.length, size.longest, size.outputs, u)

    def random_inputs(self, planes: int, begin: int = 0) -> Mapping[str, npt.NDArray[np.float64]]:
        assert self.seed is not None, "with_seed() comes before random_inputs()"
        # Each number takes one step of the generator, so a piece of a request starts at its own samples.
        generator = np.random.PCG64(self.seed).advance(begin * self.rank)
        return {"samples": np.random.Generator(generator).random((planes, self.rank))}

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        spatial = tuple(x.shape[1:])
        sizes = self.axis_summaries(spatial)
        samples = planes["samples"].cpu().numpy()

        def pick(found: Tensors, axis: int) -> Tensors:
            """Select the drawn windows of an axis from the windows at every position."""
            u = samples[:, self._sample_column(axis)]
            starts = fractional_starts(spatial[axis], self.kernel_size[axis], sizes[axis].outputs, u)
            shape = [1] * x.ndim
            shape[0], shape[axis + 1] = starts.shape
            chosen = torch.from_numpy(starts).to(x.device).reshape(shape)
            return tuple(_gather_windows(tensor, axis + 1, chosen) for tensor in found)

        return window_maxima(x, self.windows(spatial), with_indices=self.return_indices, pick=pick)


def _gather_windows(tensor: torch.Tensor, dim: int, chosen: torch.Tensor) -> torch.Tensor:
    shape = list(tensor.shape)
    shape[dim] = chosen.shape[dim]
    return tensor.gather(dim, chosen.expand(shape))
