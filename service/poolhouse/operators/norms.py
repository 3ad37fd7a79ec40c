"""The p-norm of windows, in float64: what lp_pool and global_lp_pool have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse import dtypes
from poolhouse.dtypes import FLOAT64, ElementKind, ElementType
from poolhouse.kernels.norms import InfinityNormKernel, NormKernel
from poolhouse.operators.averages import window_sums
from poolhouse.operators.costs import Cost, elementwise_cost, widening_cost
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import KernelFactory, infinity_norm_loops_cost, norm_loops_cost
from poolhouse.operators.maxima import window_maxima, window_maxima_cost
from poolhouse.operators.number_types import Power
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.tracing import Terms, short_number
from poolhouse.operators.wide_floats import converted, square_root
from poolhouse.operators.window_operator import Window, WindowOperator


def norm_type_field() -> float:
    """Declare ``norm_type``."""
    declared: float = field(Power(), 'The power p; not 0; "Infinity" and "-Infinity" are powers too.', example=2)
    return declared


class Norm(WindowOperator):
    """Base of operators whose output is the p-norm of each window."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Computed in float64, rounded once.",
        "integer": "Computed in float64; the output is float32, as torch's is for int64.",
        "boolean": "1 and 0; the output is float32.",
    }

    norm_type: float
    absolute: bool

    def output_type(self, dtype: ElementType) -> ElementType:
        return dtype if dtype.kind == "float" else dtypes.FLOAT32

    def of_window(self, window: Window) -> tuple[Number, ...]:
        p = self.norm_type
        values = np.array(window.values, dtype=np.float64)
        if math.isinf(p):
            magnitudes = np.abs(values)
            return (float(magnitudes.max() if p > 0 else magnitudes.min()),)
        with np.errstate(all="ignore"):
            total = np.sum(_raised(np.abs(values) if self.absolute else values, p))
            if not self.absolute:
                total = total / window.extent * window.volume
            return (float(_raised(total, 1 / p)),)

    def winner_of(self, window: Window) -> int | None:
        if not math.isinf(self.norm_type):
            return None
        magnitudes = [abs(float(value)) for value in window.values]
        return int(np.argmax(magnitudes) if self.norm_type > 0 else np.argmin(magnitudes))

    def expression(self, window: Window, terms: Terms) -> str:
        p = self.norm_type
        if math.isinf(p):
            return f"{'max' if p > 0 else 'min'}({terms.joined(form='|{}|')})"
        power = short_number(p)
        form = "|{}|" if self.absolute else "{}"
        total = terms.summed(form if p == 1 else f"{form}^{power}")
        if not self.absolute and window.extent != window.volume:
            total = f"({total})·{window.volume}/{window.extent}"
        return total if p == 1 else f"({total})^(1/{power if p > 0 else f'({power})'})"

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(self.pooled_sizes(spatial))
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
                self.kernel_axes(spatial), dtype.name, p, absolute=self.absolute, scale=self.scale(spatial)
            ),
            is_bit_exact=False,
        )

    def scale(self, spatial: Sizes) -> npt.NDArray[np.float64] | None:
        """Factors of the windows' sums; None if there are none."""
        return None

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        output_dtype = x.dtype if x.is_floating_point() else torch.float32
        windows = self.windows(tuple(x.shape[1:]))
        p = self.norm_type
        if math.isinf(p):
            sign = math.copysign(1.0, p)
            (most,) = window_maxima(_magnitudes(x).mul_(sign), windows, with_indices=False)
            return (converted(most.mul_(sign), output_dtype),)
        # A sum starts at +0 as in torch; -0 to a negative power would be -inf.
        total = window_sums(self._powers(x), windows).add_(0.0)
        scale = self.scale(tuple(x.shape[1:]))
        if scale is not None:
            total.mul_(torch.from_numpy(scale).to(x.device))
        return (converted(to_power(total, 1 / p), output_dtype),)

    def _powers(self, x: torch.Tensor) -> torch.Tensor:
        return to_power(_magnitudes(x) if self.absolute else x.to(torch.float64), self.norm_type)


def _magnitudes(x: torch.Tensor) -> torch.Tensor:
    return x.abs() if x.dtype is torch.float64 else x.to(torch.float64).abs_()


def _raised(x: Any, p: float) -> Any:
    """As :func:`to_power`, of numpy's numbers. The power of a half is the square root: NaN for minus infinity."""
    if abs(p) == 0.5:
        return np.sqrt(x) if p > 0 else 1 / np.sqrt(x)
    return np.power(x, p)


def power_cost(elements: int, p: float) -> Cost:
    """Cost of :func:`to_power`."""
    if p in _BY_ARITHMETIC:
        return elementwise_cost(elements, 8, 3.0 if abs(p) == 0.5 else 0.5)
    # Results that underflow or overflow float64 take three times as long as others.
    return elementwise_cost(elements, 8, 20.0).with_held_bytes(8 * elements)


_BY_ARITHMETIC: Final = frozenset({1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0})
"""Powers by products, quotients and square roots, whose rounding IEEE 754 defines."""


def to_power(x: torch.Tensor, p: float) -> torch.Tensor:
    """Each float64 element to the power p, with bits that do not depend on its position in the tensor.

    Torch's CPU kernel uses another function for the last few elements than for the others, and the two differ in the
    last place: a result would depend on the rest of the batch. numpy uses one function for all. It takes forty times as
    long for negative numbers, so it gets magnitudes.
    """
    if is_on_cpu(x) and abs(p) == 0.5:
        root = square_root(x)
        return root if p > 0 else root.reciprocal_()
    if not is_on_cpu(x) or p in _BY_ARITHMETIC:
        return x.pow(p)
    with np.errstate(all="ignore"):
        powers = torch.from_numpy(np.power(x.abs().numpy(), p))
    if not p.is_integer():
        # As C's pow(): a negative number to a fractional power is NaN, minus infinity gives the power of infinity.
        return powers.masked_fill_((x < 0).logical_and_(x > -math.inf), math.nan)
    return powers.copysign_(x) if p % 2 else powers
