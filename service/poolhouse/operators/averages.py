"""The reduction that adds up a window and divides: in float64 for floats, exactly for integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import INT64, ElementType, Kind
from poolhouse.operators.fields import Sizes
from poolhouse.operators.operator import Number, Planes
from poolhouse.operators.places import on_cpu
from poolhouse.operators.reductions import SUM, reduce_axis
from poolhouse.operators.windowed import Window, Windowed
from poolhouse.operators.windows import Windows

AVERAGE_TYPES: Final[Mapping[Kind, str]] = {
    "float": "Windows of up to 128 elements as torch adds them; larger ones in float64, rounded once.",
    "integer": "The exact quotient, cut toward zero as torch does for int64; no sum wraps.",
}

TORCH_TERMS: Final = 128
"""Up to this many terms torch's running sum is taken as it is: its error stays below 128 units in the last place
of the sum of magnitudes. Beyond that it drifts (a 4096² window of 0.1 averages to 0.1153)."""


class Average(Windowed):
    """Operators whose output is a window's sum over a divisor."""

    element_types: ClassVar[Mapping[Kind, str]] = AVERAGE_TYPES

    def divisor_of(self, window: Window) -> int:
        """What the sum of one window is divided by."""
        return len(window.values)

    def divisors(self, windows: Sequence[Windows]) -> list[npt.NDArray[np.int64]]:
        """For each axis the factors whose outer product is the divisor of each output."""
        return [axis.count for axis in windows]

    def of_window(self, window: Window) -> tuple[Number, ...]:
        divisor = self.divisor_of(window)
        if all(isinstance(value, int) for value in window.values):
            total = sum(window.values)
            quotient = abs(total) // abs(divisor)
            return (quotient if (total < 0) == (divisor < 0) else -quotient,)
        try:
            return (math.fsum(window.values) / divisor,)
        except (OverflowError, ValueError):
            # fsum refuses inf - inf and overflow, where arithmetic has an answer.
            return (sum(window.values) / divisor,)

    def element_bytes(self, dtype: ElementType) -> int:
        # The two digits of int64 are summed one after the other, and then kept.
        return 48 if dtype is INT64 else 24

    def steps(self, spatial: Sizes, dtype: ElementType) -> int:
        # Every element is widened once, also those that strides pass over.
        return super().steps(spatial, dtype) + math.prod(spatial)

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        factors = self.divisors(windows)
        if x.is_floating_point():
            total = sums(x.to(torch.float64), windows)
            divisor = reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])
            return ((total / torch.from_numpy(divisor).to(x.device)).to(x.dtype),)
        if x.dtype is torch.int64:
            # Two sums of 32-bit digits, since the sum of 64-bit numbers wraps.
            high = sums(x >> 32, windows)
            low = sums(x & 0xFFFFFFFF, windows)
            return (_long_quotient(high, low, [factor.to(x.device) for factor in _chain(factors)]),)
        whole = torch.from_numpy(_saturated_product(factors)).to(x.device)
        quotient = torch.div(sums(x.to(torch.int64), windows), whole, rounding_mode="trunc")
        bounds = torch.iinfo(x.dtype)
        return (quotient.clamp(bounds.min, bounds.max).to(x.dtype),)


def sums(x: torch.Tensor, windows: Sequence[Windows]) -> torch.Tensor:
    """The sum of each window of ``(P, *spatial)``; float64 or int64 in and out."""
    rank = len(windows)
    for axis in reversed(range(rank)):
        (x,) = reduce_axis((x,), axis - rank, windows[axis], SUM)
    return x


_WIDE: Final = 2**62
"""No sum of elements of up to 32 bits reaches this: it would take 2³⁰ of them along one plane."""

_SHORT: Final = 2**46
"""Below this, a remainder and a digit of 16 bits fit into int64 together."""


def _saturated_product(factors: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """The outer product, held at ±2⁶² where it would be larger, which gives the same quotient: 0."""
    exact: npt.NDArray[np.int64] = reduce(np.multiply.outer, factors)
    rough = reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])
    return np.where(np.abs(rough) >= _WIDE, np.copysign(_WIDE, rough).astype(np.int64), exact)


def _chain(factors: Sequence[npt.NDArray[np.int64]]) -> list[torch.Tensor]:
    """Divisors to divide by in turn, each broadcast over the outputs; one where their product is short.

    Dividing by one factor after another and cutting each time gives the same as dividing by their product once.
    The product itself may pass int64: three axes with paddings of 2³⁰ have divisors of 2⁹³.
    """
    if math.prod(int(np.abs(factor).max()) for factor in factors) < _SHORT:
        return [torch.from_numpy(reduce(np.multiply.outer, factors))]
    rank = len(factors)
    return [
        torch.from_numpy(factor).reshape(-1, *(1,) * (rank - 1 - axis))
        for axis, factor in enumerate(factors)
        if (factor != 1).any()
    ]


def _long_quotient(high: torch.Tensor, low: torch.Tensor, divisors: Sequence[torch.Tensor]) -> torch.Tensor:
    """``(high·2³² + low)`` divided by each divisor in turn, cut toward zero, held within int64."""
    high, low = high + (low >> 32), low & 0xFFFFFFFF
    negative = high < 0
    # Magnitudes: -(h·2³² + l) is (-h - 1)·2³² + (2³² - l), or -h·2³² where l is 0.
    borrowed = low > 0
    high, low = (
        torch.where(negative, -high - borrowed.to(torch.int64), high),
        torch.where(negative & borrowed, 2**32 - low, low),
    )
    for divisor in divisors:
        negative = negative ^ (divisor < 0)
        high, low = _divided(high, low, divisor.abs())
    signed = torch.where(negative, -1, 1) * ((high << 32) | low)
    limit = torch.where(negative, -(2**63), 2**63 - 1)
    return torch.where(high >= 2**31, limit, signed)


def _divided(high: torch.Tensor, low: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The quotient of ``high·2³² + low`` by a positive size, in the same two digits; by long division."""
    least, most = int(size.min()), int(size.max())
    if least < 0:
        # abs() leaves -2⁶³ as it is; only an override has that value, and then it is every output's.
        return torch.zeros_like(high), high >> 31
    digit = 16 if most < _SHORT else 1
    quotient_high = torch.div(high, size, rounding_mode="floor")
    remainder = high - quotient_high * size
    quotient_low = torch.zeros_like(low)
    for shift in range(32 - digit, -1, -digit):
        next_bits = (low >> shift) & ((1 << digit) - 1)
        if digit == 1:
            # Twice the remainder may pass int64; what it lacks to the size does not.
            lacks = size - remainder - next_bits
            goes = remainder >= lacks
            remainder = torch.where(goes, remainder - lacks, 2 * remainder + next_bits)
            next_digit = goes.to(torch.int64)
        else:
            remainder = (remainder << digit) | next_bits
            next_digit = torch.div(remainder, size, rounding_mode="floor")
            remainder = remainder - next_digit * size
        quotient_low = (quotient_low << digit) | next_digit
    return quotient_high, quotient_low


def widens(x: torch.Tensor) -> bool:
    """Whether torch's running sum in float64 stands in for our trees: on CUDA, where a pass over the memory costs
    more than an addition, and for types that are rounded from it. Over 4096 terms it drifts by 2⁻⁴¹ at most."""
    return not on_cpu(x) and x.is_floating_point() and x.dtype is not torch.float64


def torch_pool(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, wide: bool) -> torch.Tensor:
    """Torch's own kernel on ``(P, *spatial)``; through float32 where it adds 16-bit floats badly, or not at all."""
    if wide and x.dtype in (torch.float16, torch.bfloat16):
        return function(x.to(torch.float32)).to(x.dtype)
    return function(x)
