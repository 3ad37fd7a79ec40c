"""Exact quotients of integer sums, truncated toward zero and clamped to their type.

A sum of int64 or uint64 elements has up to 100 bits and is stored as two digits. Its quotient is estimated in float64,
slightly too low, and then corrected by the remainder. The remainder is small, so arithmetic modulo 2⁶⁴ gives it
exactly, although neither the sum nor the product of estimate and divisor fits into int64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

Factors = Sequence[npt.NDArray[np.int64]]
"""Factors for each axis; their outer product is the divisor of each output. Below 2³¹, except ``divisor_override``."""

Divisor = int | torch.Tensor
"""One divisor for all outputs, or a tensor with one for each; the divisors of a tensor are positive."""

_WIDE: Final = 2**62
"""More than any sum of elements of up to 32 bits: it would take 2³⁰ of them in one plane."""
_INT64_MAX: Final = 2**63 - 1
_UNDERESTIMATE: Final = 1 - 2.0**-49
"""Factor that makes an estimate in float64 slightly less than the quotient, whatever its rounding errors."""
_BELOW_LIMIT: Final = 2.0**63 - 2.0**10
"""The largest float64 that fits into int64."""
_BELOW_UNSIGNED_LIMIT: Final = 2.0**64 - 2.0**11
"""The largest float64 that fits into uint64."""
_ONE_MORE: Final = 2**56
"""From this divisor on the estimate is at most one too low: the remainder of a sum of 100 bits is below 2⁵² plus one
divisor."""
_IN_FLOAT: Final = 2**52
"""Up to this divisor the remainder is exact in float64."""


def uniform_factors(factors: Factors) -> tuple[int, ...] | None:
    """The factors of the divisor if all outputs have the same one, as without padding; else None."""
    if all(bool((factor == factor[0]).all()) for factor in factors):
        return tuple(int(factor[0]) for factor in factors)
    return None


def float64_divisor(factors: Factors, device: torch.device) -> float | torch.Tensor:
    """The divisor of each output in float64."""
    if constant := uniform_factors(factors):
        return math.prod(float(factor) for factor in constant)
    return torch.from_numpy(reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])).to(device)


def short_divisor(factors: Factors, device: torch.device) -> Divisor:
    """The divisor of each output for sums below 2⁶². Larger divisors are clamped to ±2⁶²: the quotient is 0 anyway."""
    if constant := uniform_factors(factors):
        return max(-_WIDE, min(math.prod(constant), _WIDE))
    exact: npt.NDArray[np.int64] = reduce(np.multiply.outer, factors)
    return torch.from_numpy(np.where(_approximate_divisors(factors) < _WIDE, exact, _WIDE)).to(device)


def long_divisors(factors: Factors, device: torch.device) -> list[Divisor]:
    """Divisors to apply one after the other, truncating each time; the result is that of dividing by their product.

    The product may not fit into int64: three axes with paddings of 2³⁰ have divisors of 2⁹³. In this case the product
    of the two larger factors comes first, which brings the quotient of any sum into int64.
    """
    if constant := uniform_factors(factors):
        whole = math.prod(constant)
        if abs(whole) <= _INT64_MAX + 1:
            return [whole]
        least, *larger = sorted(constant)
        return [math.prod(larger), least]
    exact: npt.NDArray[np.int64] = reduce(np.multiply.outer, factors)
    rough = _approximate_divisors(factors)
    if rough.max() < _WIDE:
        return [torch.from_numpy(exact).to(device)]
    fits = rough < _WIDE
    a, b, c = (np.broadcast_to(each, exact.shape) for each in np.ix_(*factors))
    least_factor = np.minimum(np.minimum(a, b), c)
    others = np.where(least_factor == a, b * c, np.where(least_factor == b, a * c, a * b))
    return [
        torch.from_numpy(np.where(fits, exact, others)).to(device),
        torch.from_numpy(np.where(fits, 1, least_factor)).to(device),
    ]


def _approximate_divisors(factors: Factors) -> npt.NDArray[np.float64]:
    rough: npt.NDArray[np.float64] = reduce(np.multiply.outer, [factor.astype(np.float64) for factor in factors])
    return rough


def short_quotient(total: torch.Tensor, divisor: Divisor, dtype: torch.dtype) -> torch.Tensor:
    """Quotients of sums below 2⁶², clamped to a type. Overwrites the sums."""
    bounds = torch.iinfo(dtype)
    return total.div_(divisor, rounding_mode="trunc").clamp_(bounds.min, bounds.max).to(dtype)


def long_quotient(high: torch.Tensor, low: torch.Tensor, divisors: Sequence[Divisor]) -> torch.Tensor:
    """``(high·2³² + low)`` divided by each divisor in turn, clamped to int64. Overwrites both digits.

    Args:
        high: signed.
        low: not negative; may be larger than 2³².
        divisors: see :func:`long_divisors`.
    """
    first, *further = divisors
    word, rough = _join_digits(high, low)
    # All bits are set where the sum is negative: (x ^ sign) - sign is -x there, and x elsewhere.
    sign = (rough < 0).to(torch.int64).neg_()
    quotient, beyond = _divide_magnitudes(word.bitwise_xor_(sign).sub_(sign), rough.abs_(), _magnitude(first))
    for divisor in further:
        quotient = quotient.div_(divisor, rounding_mode="floor")
    if isinstance(first, int) and first < 0:
        sign.bitwise_not_()
    # The magnitude of int64's minimum is one larger than that of its maximum.
    return quotient.bitwise_xor_(sign).sub_(sign).sub_(sign.bitwise_and_(beyond))


def unsigned_long_quotient(high: torch.Tensor, low: torch.Tensor, divisors: Sequence[Divisor]) -> torch.Tensor:
    """As :func:`long_quotient` for digits that are not negative, clamped to uint64; its bits as int64."""
    first, *further = divisors
    if isinstance(first, int) and first < 0:
        return torch.zeros_like(high)
    word, rough = _join_digits(high, low)
    rough.div_(float(first) if isinstance(first, int) else first).mul_(_UNDERESTIMATE)
    beyond = rough >= 2.0**64
    # Numbers from 2⁶³ on are converted less 2⁶³, and the sign bit is set.
    large = rough.clamp_(max=_BELOW_UNSIGNED_LIMIT) >= 2.0**63
    quotient = rough.sub_(large.to(torch.float64).mul_(2.0**63)).to(torch.int64)
    quotient.bitwise_xor_(large.to(torch.int64).bitwise_left_shift_(63))
    _correct_quotient(quotient, word, first)
    # A quotient that has wrapped has lost the sign bit.
    beyond.logical_or_(large.logical_and_(quotient >= 0))
    for divisor in further:
        # As int64, a quotient from 2⁶³ on is negative, and then its further divisor is 1.
        quotient = quotient.div_(divisor, rounding_mode="floor")
    return quotient.masked_fill_(beyond, -1)


def _join_digits(high: torch.Tensor, low: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``high·2³² + low`` modulo 2⁶⁴ and in float64. Overwrites both digits."""
    # With a low digit below 2³² the sum of both in float64 loses no leading bits to cancellation.
    high.add_(low >> 32)
    low.bitwise_and_(0xFFFFFFFF)
    rough = high.to(torch.float64).mul_(2.0**32).add_(low)
    return high.bitwise_left_shift_(32).add_(low), rough


def _magnitude(divisor: Divisor) -> Divisor:
    return abs(divisor) if isinstance(divisor, int) else divisor


def _divide_magnitudes(word: torch.Tensor, rough: torch.Tensor, size: Divisor) -> tuple[torch.Tensor, torch.Tensor]:
    """The clamped quotient of a sum that is given modulo 2⁶⁴ and roughly, and a mask of the quotients beyond int64."""
    rough.div_(float(size) if isinstance(size, int) else size).mul_(_UNDERESTIMATE)
    beyond = rough >= 2.0**63
    quotient = rough.clamp_(max=_BELOW_LIMIT).to(torch.int64)
    _correct_quotient(quotient, word, size)
    beyond.logical_or_(quotient < 0)
    return quotient.masked_fill_(beyond, _INT64_MAX), beyond


def _correct_quotient(quotient: torch.Tensor, word: torch.Tensor, size: Divisor) -> None:
    """Add to a slightly low quotient what its remainder gives; the sum is given modulo 2⁶⁴ and is overwritten."""
    least, most = (size, size) if isinstance(size, int) else (int(size.min()), int(size.max()))
    # As two's complement: only 2⁶³ is beyond int64.
    wrapped = size - 2**64 if isinstance(size, int) and size > _INT64_MAX else size
    remainder = word.sub_(quotient * wrapped)
    if least >= _ONE_MORE:
        # As int64, a remainder from 2⁶³ on is negative.
        quotient.add_((remainder < 0) if most > _INT64_MAX else (remainder >= size).logical_or_(remainder < 0))
    elif most <= _IN_FLOAT:
        quotient.add_(remainder.to(torch.float64).div_(size).to(torch.int64))
    else:
        quotient.add_(torch.div(remainder, size, rounding_mode="floor").masked_fill_(remainder < 0, 1))
