"""The reduction that adds up a window and divides: in float64 for floats, exactly for integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import Kind
from poolhouse.operators.operator import Number, Planes
from poolhouse.operators.reductions import SUM, reduce_axis
from poolhouse.operators.windowed import Window, Windowed
from poolhouse.operators.windows import Windows

AVERAGE_TYPES: Final[Mapping[Kind, str]] = {
    "float": "Windows of up to 128 elements as torch adds them; larger ones in float64, rounded once.",
    "integer": (
        "The exact quotient, cut toward zero as torch does for int64; no sum wraps. "
        "A result beyond the type (a small divisor_override) becomes the type's limit."
    ),
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

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        factors = self.divisors(windows)
        if x.is_floating_point():
            total = sums(x.to(torch.float64), windows)
            divisor = reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])
            return ((total / torch.from_numpy(divisor).to(x.device)).to(x.dtype),)
        whole = torch.from_numpy(_saturated_product(factors)).to(x.device)
        if x.dtype is torch.int64:
            # Two sums of 32-bit digits, since the sum of 64-bit numbers wraps.
            high = sums(x >> 32, windows)
            low = sums(x & 0xFFFFFFFF, windows)
            return (_long_quotient(high, low, whole),)
        quotient = torch.div(sums(x.to(torch.int64), windows), whole, rounding_mode="trunc")
        bounds = torch.iinfo(x.dtype)
        return (quotient.clamp(bounds.min, bounds.max).to(x.dtype),)


def sums(x: torch.Tensor, windows: Sequence[Windows]) -> torch.Tensor:
    """The sum of each window of ``(P, *spatial)``; float64 or int64 in and out."""
    rank = len(windows)
    for axis in reversed(range(rank)):
        (x,) = reduce_axis((x,), axis - rank, windows[axis], SUM)
    return x


_WIDE: Final = 2**61


def _saturated_product(factors: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """The outer product, held at ±2⁶¹ where it would be larger: no sum of a body's elements reaches that."""
    exact: npt.NDArray[np.int64] = reduce(np.multiply.outer, factors)
    rough = reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])
    return np.where(np.abs(rough) >= _WIDE, np.copysign(_WIDE, rough).astype(np.int64), exact)


def _long_quotient(high: torch.Tensor, low: torch.Tensor, divisor: torch.Tensor) -> torch.Tensor:
    """``(high·2³² + low) / divisor`` cut toward zero, held within int64, by long division digit by digit."""
    high, low = high + (low >> 32), low & 0xFFFFFFFF
    negative = high < 0
    # Magnitudes: -(h·2³² + l) is (-h - 1)·2³² + (2³² - l), or -h·2³² where l is 0.
    borrowed = low > 0
    magnitude_high = torch.where(negative, -high - borrowed.to(torch.int64), high)
    magnitude_low = torch.where(negative & borrowed, 2**32 - low, low)
    size = divisor.abs()
    digit = 16 if int(size.max()) < 2**46 else 1
    quotient = torch.div(magnitude_high, size, rounding_mode="floor")
    remainder = magnitude_high - quotient * size
    too_large = quotient >= 2**31
    for shift in range(32 - digit, -1, -digit):
        remainder = (remainder << digit) | ((magnitude_low >> shift) & ((1 << digit) - 1))
        next_digit = torch.div(remainder, size, rounding_mode="floor")
        remainder = remainder - next_digit * size
        quotient = (quotient << digit) | next_digit
    negative = negative ^ (divisor < 0)
    signed = torch.where(negative, -quotient, quotient)
    limit = torch.where(negative, -(2**63), 2**63 - 1)
    return torch.where(too_large, limit, signed)


def torch_pool(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, wide: bool) -> torch.Tensor:
    """Torch's own kernel on ``(P, *spatial)``; through float32 where it has none for 16-bit floats."""
    if wide and x.dtype in (torch.float16, torch.bfloat16):
        return function(x.to(torch.float32)).to(x.dtype)
    return function(x)
