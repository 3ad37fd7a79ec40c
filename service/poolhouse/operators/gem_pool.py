"""gem_pool, adaptive_gem_pool and global_gem_pool in one to three dimensions: generalized means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.power_means import PowerMeanKernel
from poolhouse.operators.averages import window_sums
from poolhouse.operators.costs import Cost, elementwise_cost
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.forms import Reduction, reduction
from poolhouse.operators.loop_costs import KernelFactory, norm_loops_cost
from poolhouse.operators.norms import power_cost, to_power
from poolhouse.operators.number_types import Real
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample
from poolhouse.operators.quotients import float64_divisor
from poolhouse.operators.tracing import Terms, short_number
from poolhouse.operators.wide_floats import FLOAT64_TYPES, float_type, round_like
from poolhouse.operators.window_operator import Window


@reduction("gem_pool")
class GemPool(Reduction):
    """The generalized mean of {windows}: ``mean(max(x, eps)^p)^(1/p)``, in float64.

    With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.
    """

    element_types: ClassVar[Mapping[ElementKind, str]] = FLOAT64_TYPES
    padding_value: ClassVar[str] = "Padding does not count."
    source: ClassVar[str] = "Radenović et al. 2018, Fine-tuning CNN image retrieval"

    p: float = field(Real(nonzero=True), "The power; not 0.", default=3.0, example=3.0)
    eps: float = field(Real(0.0), "The least value: smaller elements count as it.", default=1e-6, example=1e-6)

    own_samples = (
        Sample((6, 9, 8), {"p": 1.7, "eps": 0.01}),
        Sample((6, 9, 8), {"p": -1}),
        Sample((6, 9, 8), {"p": 2}, dtype="uint8"),
    )
    own_refusals = (
        Refusal((8, 8, 8), {"p": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"eps": -1}, "invalid_fields"),
    )

    def output_type(self, dtype: ElementType) -> ElementType:
        return float_type(dtype)

    def of_window(self, window: Window) -> tuple[Number, ...]:
        with np.errstate(all="ignore"):
            powers = np.power(np.maximum(np.array(window.values, dtype=np.float64), self.eps), self.p)
            return (float(np.power(np.sum(powers) / len(powers), 1 / self.p)),)

    def expression(self, window: Window, terms: Terms) -> str:
        power = short_number(self.p)
        raised = f"max({{}}, {short_number(self.eps)})^{power}" if min(window.values) < self.eps else f"{{}}^{power}"
        root = power if self.p > 0 else f"({power})"
        return f"(({terms.summed(raised)}) / {len(window.values)})^(1/{root})"

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        total = window_sums(to_power(x.to(torch.float64).clamp(min=self.eps), self.p), windows)
        mean = total / float64_divisor([axis.count for axis in windows], x.device)
        return (round_like(to_power(mean, 1 / self.p), x),)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(size.outputs for size in self.axis_summaries(spatial))
        clamped = elementwise_cost(elements, 16, 0.5)
        powers = power_cost(elements, self.p).with_held_bytes(16 * elements)
        roots = elementwise_cost(outputs, 16).then(power_cost(outputs, 1 / self.p).with_held_bytes(24 * outputs))
        return clamped.then(powers).then(super().cost(spatial, dtype).with_held_bytes(8 * elements)).then(roots)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        each, root = power_cost(1, self.p).plane_steps + 0.2, power_cost(1, 1 / self.p).plane_steps
        return KernelFactory(
            norm_loops_cost(self.axis_summaries(spatial), dtype, each, root),
            lambda: PowerMeanKernel(
                self.kernel_axes(spatial), dtype.name, self.p, self.eps, [axis.count for axis in self.windows(spatial)]
            ),
            is_bit_exact=False,
        )
