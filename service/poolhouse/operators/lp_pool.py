"""lp_pool1d, lp_pool2d, lp_pool3d."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.norms import Norm, norm_type_field
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample, operator
from poolhouse.operators.padding import Padding
from poolhouse.operators.sliding import (
    SlidingWindowOperator,
    ceil_mode_field,
    dilation_field,
    kernel_size_field,
    padding_field,
    stride_field,
    window_at,
)
from poolhouse.operators.windows import SlidingWindow


@operator("lp_pool")
class LPPool(SlidingWindowOperator, Norm):
    """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

    Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative sum
    is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool.
    With p = ∞ the result is the largest |x|, with p = -∞ the least.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode, where "
        "``before`` and ``after`` are the padding."
    )
    source: ClassVar[str] = "torch.nn.functional.lp_pool1d, lp_pool2d, lp_pool3d; ONNX LpPool for absolute"
    padding_value: ClassVar[str] = (
        "Padding adds nothing to a sum: it is 0, and infinite for a negative power. For p = ±∞ it is never chosen."
    )

    norm_type: float = norm_type_field()
    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    ceil_mode: bool = ceil_mode_field()
    absolute: bool = field(
        Flag(),
        "Whether to take |x| before the power and to sum only what is there: the norm. "
        "False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full one.",
        default=False,
        example=True,
    )
    padding: Padding = padding_field()
    dilation: Sizes = dilation_field()

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return "norm_type", "kernel_size", "stride", "ceil_mode"

    samples = (
        Sample((5, 8, 8), {"norm_type": 2, "kernel_size": 2}),
        Sample((7, 9, 9), {"norm_type": 3, "kernel_size": 3, "stride": 2, "absolute": True}),
        Sample((7, 9, 9), {"norm_type": 1, "kernel_size": 2, "ceil_mode": True}),
        Sample((5, 8, 8), {"norm_type": "Infinity", "kernel_size": 3}),
        Sample((5, 8, 8), {"norm_type": "-Infinity", "kernel_size": 3, "stride": 1}),
        Sample((9, 9, 9), {"norm_type": 2, "kernel_size": 3, "stride": 2, "padding": "same", "absolute": True}),
        Sample((5, 8, 8), {"norm_type": 2, "kernel_size": 2, "stride": 1, "dilation": 3}),
        Sample((5, 8, 8), {"norm_type": 2, "kernel_size": 2}, dtype="int16"),
    )
    refusals = (
        Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 0, "kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": "NaN", "kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 2, "kernel_size": 2, "padding": -1}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 2, "kernel_size": 2, "padding": 2}, "padding_too_large"),
        Refusal((8, 8, 8), {"norm_type": 2, "kernel_size": 9}, "window_does_not_fit"),
    )

    def geometry(self, axis: int, length: int) -> SlidingWindow:
        return window_at(
            axis, length, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )

    def allows_empty_windows(self) -> bool:
        # A sum without elements is 0. Its negative power, and the largest and least of no elements, do not exist.
        return 0 < self.norm_type < math.inf

    def padding_number(self) -> Number | str | None:
        if math.isinf(self.norm_type):
            return None
        return 0 if self.norm_type > 0 else math.inf

    def scale(self, spatial: Sizes) -> npt.NDArray[np.float64] | None:
        """Torch's factor of each window's sum: the size of the full window over its part within input and padding."""
        windows = self.windows(spatial)
        whole = zip(self.kernel_size, windows, strict=True)
        if self.absolute or all(bool((axis.extent == kernel).all()) for kernel, axis in whole):
            return None
        scale: npt.NDArray[np.float64] = np.array(float(math.prod(self.kernel_size)))
        for axis in windows:
            scale = np.divide.outer(scale, axis.extent.astype(np.float64))
        return scale
