"""logsumexp_pool, adaptive_logsumexp_pool and global_logsumexp_pool in one to three dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.forms import Reduction, reduction
from poolhouse.operators.number_types import Real
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample
from poolhouse.operators.quotients import float64_divisor
from poolhouse.operators.reduction_costs import JoinCost, reduction_cost
from poolhouse.operators.reductions import Monoid, Tensors, reduce_axis
from poolhouse.operators.tracing import Terms, short_number
from poolhouse.operators.wide_floats import FLOAT64_TYPES, exponential, float_type, logarithm, round_like
from poolhouse.operators.window_operator import Window

_JOIN_COST: Final = JoinCost(16, 18.0, 16, 64, may_overlap=False)
"""Cost of joining two runs: of each the largest exponent, and the sum of exponentials relative to it."""


@reduction("logsumexp_pool")
class LogSumExpPool(Reduction):
    """The smooth maximum of {windows}: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

    It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
    between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.
    """

    element_types: ClassVar[Mapping[ElementKind, str]] = FLOAT64_TYPES
    padding_value: ClassVar[str] = "Padding does not count."
    source: ClassVar[str] = "Pinheiro and Collobert 2015, From image-level to pixel-level labeling; monai's LSE pooling"

    r: float = field(Real(nonzero=True), "The sharpness; not 0.", default=1.0, example=1.0)

    own_samples = (
        Sample((6, 9, 8), {"r": 10}),
        Sample((6, 9, 8), {"r": -0.5}),
        Sample((6, 9, 8), {}, dtype="int16"),
    )
    own_refusals = (Refusal((8, 8, 8), {"r": 0}, "invalid_fields"),)

    def output_type(self, dtype: ElementType) -> ElementType:
        return float_type(dtype)

    def of_window(self, window: Window) -> tuple[Number, ...]:
        with np.errstate(all="ignore"):
            scaled = np.array(window.values, dtype=np.float64) * self.r
            most = float(scaled.max())
            if not math.isfinite(most):
                return (most / self.r,)
            return ((most + math.log(math.fsum(np.exp(scaled - most)) / len(scaled))) / self.r,)

    def expression(self, window: Window, terms: Terms) -> str:
        r = short_number(self.r)
        shown = terms.summed("exp({})" if self.r == 1 else f"exp({r}·{{}})")
        mean = f"log(({shown}) / {len(window.values)})"
        return mean if self.r == 1 else f"{mean} / {r if self.r > 0 else f'({r})'}"

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        scaled = x.to(torch.float64) * self.r
        state: Tensors = (scaled, torch.ones_like(scaled))
        for axis in reversed(range(len(windows))):
            state = reduce_axis(state, axis - len(windows), windows[axis], _LOG_SUM_EXP)
        most, total = state
        mean = total / float64_divisor([axis.count for axis in windows], x.device)
        return (round_like((most + logarithm(mean)) / self.r, x),)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        axes = self.axis_summaries(spatial)
        elements, outputs = math.prod(spatial), math.prod(axis.outputs for axis in axes)
        scaled = elementwise_cost(elements, 24)
        joined = reduction_cost(spatial, axes, _JOIN_COST).with_held_bytes(16 * elements)
        rounded = elementwise_cost(outputs, 33, 16.0).with_held_bytes(16 * outputs)
        found = scaled.then(joined).then(rounded)
        uneven = any(not axis.is_uniform for axis in axes)
        return Cost(
            found.plane_steps,
            found.call_steps + 6 * STEPS_PER_CALL,
            found.plane_bytes,
            found.call_bytes + 32 * outputs * uneven,
        )


def _join(earlier: Tensors, later: Tensors) -> Tensors:
    """Two runs in one; a run with the sum 0 has no elements."""
    (a, sum_a), (b, sum_b) = earlier, later
    a, b = a.masked_fill(sum_a == 0, -math.inf), b.masked_fill(sum_b == 0, -math.inf)
    most = torch.maximum(a, b)
    # The same infinity twice has no difference; it counts as 0.
    less = (torch.minimum(a, b) - most).masked_fill_(a == b, 0.0)
    factor = exponential(less)
    first_is_larger = a >= b
    larger = torch.where(first_is_larger, sum_a, sum_b)
    smaller = torch.where(first_is_larger, sum_b, sum_a)
    # Not addcmul: fused or not, its rounding differs between vectors and their tails.
    return most, larger.add_(smaller.mul_(factor))


_LOG_SUM_EXP: Final = Monoid(_join, may_overlap=False)
