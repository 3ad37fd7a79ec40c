"""lp_pool1d, lp_pool2d, lp_pool3d."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse import dtypes
from poolhouse.dtypes import FLOAT64, ElementKind, ElementType
from poolhouse.kernels.norms import InfinityNormKernel, NormKernel
from poolhouse.operators.averages import window_sums
from poolhouse.operators.costs import Cost, elementwise_cost, widening_cost
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.fields import Flag, Power, Sizes, field
from poolhouse.operators.loop_costs import KernelFactory, infinity_norm_loops_cost, norm_loops_cost
from poolhouse.operators.maxima import window_maxima, window_maxima_cost
from poolhouse.operators.operator import Number, Planes, Refusal, Sample, operator
from poolhouse.operators.sliding import (
    SlidingWindowOperator,
    ceil_mode_field,
    kernel_size_field,
    stride_field,
)
from poolhouse.operators.window_operator import Window
from poolhouse.operators.windows import SlidingWindow


@operator("lp_pool")
class LPPool(SlidingWindowOperator):
    """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

    Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative sum
    is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool.
    With p = ∞ the result is the largest |x|, with p = -∞ the least.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode."
    )
    source: ClassVar[str] = "torch.nn.functional.lp_pool1d, lp_pool2d, lp_pool3d; ONNX LpPool for absolute"
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Computed in float64, rounded once.",
        "integer": "Computed in float64; the output is float32, as torch's is for int64.",
        "boolean": "1 and 0; the output is float32.",
    }

    norm_type: float = field(Power(), 'The power p; not 0; "Infinity" and "-Infinity" are powers too.', example=2)
    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    ceil_mode: bool = ceil_mode_field()
    absolute: bool = field(
        Flag(),
        "Whether to take |x| before the power and to sum only elements of the input: the norm. "
        "False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full one.",
        default=False,
        example=True,
    )

    samples = (
        Sample((5, 8, 8), {"norm_type": 2, "kernel_size": 2}),
        Sample((7, 9, 9), {"norm_type": 3, "kernel_size": 3, "stride": 2, "absolute": True}),
        Sample((7, 9, 9), {"norm_type": 1, "kernel_size": 2, "ceil_mode": True}),
        Sample((5, 8, 8), {"norm_type": "Infinity", "kernel_size": 3}),
        Sample((5, 8, 8), {"norm_type": "-Infinity", "kernel_size": 3, "stride": 1}),
        Sample((5, 8, 8), {"norm_type": 2, "kernel_size": 2}, dtype="int16"),
    )
    refusals = (
        Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 0, "kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": "NaN", "kernel_size": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 2, "kernel_size": 2, "padding": 1}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 2, "kernel_size": 9}, "window_does_not_fit"),
    )

    def geometry(self, axis: int) -> SlidingWindow:
        return SlidingWindow(self.kernel_size[axis], self.stride[axis], ceil_mode=self.ceil_mode)

    def output_type(self, dtype: ElementType) -> ElementType:
        return dtype if dtype.kind == "float" else dtypes.FLOAT32

    def of_window(self, window: Window) -> tuple[Number, ...]:
        p = self.norm_type
        values = np.array(window.values, dtype=np.float64)
        if math.isinf(p):
            magnitudes = np.abs(values)
            return (float(magnitudes.max() if p > 0 else magnitudes.min()),)
        with np.errstate(all="ignore"):
            total = np.sum(np.power(np.abs(values) if self.absolute else values, p))
            if not self.absolute:
                total = total / len(values) * window.volume
            return (float(np.power(total, 1 / p)),)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(self.spatial_out(spatial))
        wide = widening_cost(elements, dtype, "float64")
        if math.isinf(self.norm_type):
            signed = elementwise_cost(elements, 8).then(elementwise_cost(elements, 8))
            most = window_maxima_cost(spatial, self.axis_summaries(spatial), FLOAT64, with_indices=False)
            return (
                wide.then(signed)
                .then(most.with_held_bytes(8 * elements))
                .then(elementwise_cost(outputs, 8).with_held_bytes(8 * outputs))
            )
        powers = power_cost(elements, self.norm_type).with_held_bytes(
            max(wide.plane_bytes, 8 * elements * self.absolute)
        )
        roots = elementwise_cost(outputs, 8).then(power_cost(outputs, 1 / self.norm_type).with_held_bytes(24 * outputs))
        return wide.then(powers).then(super().cost(spatial, dtype).with_held_bytes(8 * elements)).then(roots)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        p, axes = self.norm_type, self.axis_summaries(spatial)
        if math.isinf(p):
            return KernelFactory(
                infinity_norm_loops_cost(axes, dtype),
                lambda: InfinityNormKernel(self.kernel_axes(spatial), dtype.name, least=p < 0),
            )
        each, root = power_cost(1, p).plane_steps, power_cost(1, 1 / p).plane_steps
        return KernelFactory(
            norm_loops_cost(axes, dtype, each, root),
            lambda: NormKernel(
                self.kernel_axes(spatial), dtype.name, p, absolute=self.absolute, scale=self._scale(spatial)
            ),
            is_bit_exact=False,
        )

    def _scale(self, spatial: Sizes) -> npt.NDArray[np.float64] | None:
        """Torch's factor of each window's sum: the size of the full window over its part inside the input."""
        windows = self.windows(spatial)
        whole = zip(self.kernel_size, windows, strict=True)
        if self.absolute or all(bool((axis.count == kernel).all()) for kernel, axis in whole):
            return None
        scale: npt.NDArray[np.float64] = np.array(float(math.prod(self.kernel_size)))
        for axis in windows:
            scale = np.divide.outer(scale, axis.count.astype(np.float64))
        return scale

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        output_dtype = x.dtype if x.is_floating_point() else torch.float32
        windows = self.windows(tuple(x.shape[1:]))
        p = self.norm_type
        if math.isinf(p):
            sign = math.copysign(1.0, p)
            (most,) = window_maxima(_magnitudes(x).mul_(sign), windows, with_indices=False)
            return (most.mul_(sign).to(output_dtype),)
        # A sum starts at +0 as in torch; -0 to a negative power would be -inf.
        total = window_sums(self._powers(x), windows).add_(0.0)
        scale = self._scale(tuple(x.shape[1:]))
        if scale is not None:
            total.mul_(torch.from_numpy(scale).to(x.device))
        return (_power(total, 1 / p).to(output_dtype),)

    def _powers(self, x: torch.Tensor) -> torch.Tensor:
        return _power(_magnitudes(x) if self.absolute else x.to(torch.float64), self.norm_type)


def _magnitudes(x: torch.Tensor) -> torch.Tensor:
    return x.abs() if x.dtype is torch.float64 else x.to(torch.float64).abs_()


def power_cost(elements: int, p: float) -> Cost:
    """Cost of :func:`_power`."""
    if p in _BY_ARITHMETIC:
        return elementwise_cost(elements, 8, 3.0 if abs(p) == 0.5 else 0.5)
    # Results that underflow or overflow float64 take three times as long as others.
    return elementwise_cost(elements, 8, 20.0).with_held_bytes(8 * elements)


_BY_ARITHMETIC: Final = frozenset({1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0})
"""Powers that torch computes with products, quotients and square roots, whose rounding IEEE 754 defines."""


def _power(x: torch.Tensor, p: float) -> torch.Tensor:
    """Each float64 element to the power p, with bits that do not depend on its position in the tensor.

    Torch's CPU kernel uses another function for the last few elements than for the others, and the two differ in the
    last place: a result would depend on the rest of the batch. numpy uses one function for all. It takes forty times as
    long for negative numbers, so it gets magnitudes.
    """
    if not is_on_cpu(x) or p in _BY_ARITHMETIC:
        return x.pow(p)
    with np.errstate(all="ignore"):
        powers = torch.from_numpy(np.power(x.abs().numpy(), p))
    if not p.is_integer():
        # As C's pow(): a negative number to a fractional power is NaN, minus infinity gives the power of infinity.
        return powers.masked_fill_((x < 0).logical_and_(x > -math.inf), math.nan)
    return powers.copysign_(x) if p % 2 else powers
