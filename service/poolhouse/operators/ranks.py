"""What median, quantile and mode have in common: ranks of the elements of each window, with all forms of windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from poolhouse.dtypes import ElementType
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission
from poolhouse.kernels.quantiles import METHODS, Quantile
from poolhouse.kernels.rank_kernels import MIN_NETWORK_WINDOWS, RankKernel
from poolhouse.kernels.window_kernels import INT32_MAX
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.forms import Reduction
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.rank_costs import Ranking, rank_cost, rank_loops_cost
from poolhouse.operators.skipping import Skipping, SkippingPool
from poolhouse.operators.tracing import Terms
from poolhouse.operators.window_operator import Window
from poolhouse.operators.window_ranks import window_ranks

METHOD_WORDS: Final = ("linear", "lower", "higher", "nearest", "midpoint")
"""The methods in numpy's words."""


class RankSkippingPool(SkippingPool):
    """:class:`SkippingPool` with the loops, which pass over elements themselves."""

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        assert isinstance(self, RankReduction), "it is a mixin of these"
        omission = self.omission(dtype)
        return self.rank_loops(spatial, dtype, omission)


@dataclass(frozen=True)
class RankReduction(Skipping, Reduction):
    """Base of reductions that sort the elements of a window."""

    outermost: ClassVar[tuple[type, ...]] = (RankSkippingPool,)
    loops_take_channels: ClassVar[bool] = True

    def quantile_of(self, *, floating: bool) -> Quantile | None:
        """The quantile that is found; None for the most frequent element."""
        raise NotImplementedError

    def winner_of(self, window: Window) -> int | None:
        found = self.of_window(window)[0]
        return next((place for place, value in enumerate(window.values) if _is_same(value, found)), None)

    def expression(self, window: Window, terms: Terms) -> str:
        return f"{self.reduction_name()}({terms.ordered().joined(' ≤ ')})"

    def rank_loops(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """The loops for planes of these sizes."""
        # Few channels make short lines. The loops count elements in 32 bits.
        is_short = len(spatial) > self.rank and spatial[-1] < MIN_NETWORK_WINDOWS
        if is_short or math.prod(spatial) > INT32_MAX:
            return None
        quantile = self.quantile_of(floating=dtype.kind == "float")
        skips = omission != NOTHING_OMITTED
        shares = self.return_valid
        return KernelFactory(
            rank_loops_cost(self.axis_summaries(spatial), dtype, Ranking(quantile, skips, shares)),
            lambda: RankKernel(self.kernel_axes(spatial), dtype.name, quantile, omission, gives_shares=shares),
        )

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        return self.rank_loops(spatial, dtype, NOTHING_OMITTED)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        ranking = Ranking(self.quantile_of(floating=dtype.kind == "float"))
        return rank_cost(self.axis_summaries(spatial), dtype, ranking)

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        ranking = Ranking(self.quantile_of(floating=dtype.kind == "float"), skips=True)
        return rank_cost(self.axis_summaries(spatial), dtype, ranking)

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        quantile = self.quantile_of(floating=x.is_floating_point())
        return (window_ranks(x, self.windows(tuple(x.shape[1:])), quantile),)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        quantile = self.quantile_of(floating=x.is_floating_point())
        return (window_ranks(x, self.windows(tuple(x.shape[1:])), quantile, kept),)


def _is_same(value: Number, other: Number) -> bool:
    """Whether two numbers are the same element: a zero has its sign, and a NaN is a NaN."""
    if value != value or other != other:
        return value != value and other != other
    return value == other and math.copysign(1, value) == math.copysign(1, other)


def quantile_of_numbers(values: Sequence[Number], quantile: Quantile) -> Number:
    """The quantile of some numbers in plain Python; the oracle."""
    if any(value != value for value in values):
        return math.nan
    # A negative zero comes before a positive one.
    ordered = sorted(values, key=lambda value: (value, math.copysign(1, value)))
    place = (len(ordered) - 1) * quantile.q
    low = ordered[quantile.rank(len(ordered))]
    high = ordered[quantile.rank(len(ordered), upper=True)]
    weight = place - math.floor(place)
    if quantile.method == "midpoint":
        weight = 0.5
    if low == high or METHODS[quantile.method] != METHODS["linear"]:
        return low
    if isinstance(low, float) or isinstance(high, float):
        return _between_floats(low, high, weight)
    return _between_integers(low, high, weight)


def _between_floats(low: float, high: float, weight: float) -> float:
    if weight == 0.5:
        return low * 0.5 + high * 0.5 if math.isinf(low + high) else (low + high) * 0.5
    if math.isinf(high - low):
        return low * (1 - weight) + high * weight
    return high - (high - low) * (1 - weight) if weight >= 0.5 else low + (high - low) * weight


def _between_integers(low: int, high: int, weight: float) -> int:
    whole, rest = divmod((high - low) * round(weight * 2**32), 2**32)
    found = low + whole
    return found + (rest > 2**31 or (rest == 2**31 and found % 2 == 1))
