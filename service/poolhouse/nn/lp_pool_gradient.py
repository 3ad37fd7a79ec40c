"""The gradient of a norm ``y = (Σ xᵖ)^(1/p)``: ``(x/y)^(p - 1)`` for each element of each window.

It is the product of ``x^(p - 1)`` and ``(Σ xᵖ)^(1/p - 1)``, which may overflow or underflow float64 although their
product does not. The elements are therefore first divided by a power of two in the middle of the outputs' range, which
does not change the quotient. Both factors then stay within float64 wherever the forward pass did.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import torch

from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.maxima import window_maxima
from poolhouse.operators.operator import at_rank

_MAX_EXPONENT: Final = 1000
"""2 to this power and its inverse are float64 numbers."""


def scaling_exponent(x: torch.Tensor, output: torch.Tensor) -> int:
    """The exponent of two midway between the least and the largest output that is neither 0 nor infinite.

    If there is no such output, the powers may have overflowed or underflowed; then the input is used instead.
    """
    for tensor in (output, x):
        sizes = tensor.abs()
        sizes = sizes[(sizes > 0) & sizes.isfinite()]
        if sizes.numel() > 0:
            exponents = [math.frexp(float(size))[1] for size in (sizes.min(), sizes.max())]
            return max(-_MAX_EXPONENT, min(sum(exponents) // 2, _MAX_EXPONENT))
    return 0


def lp_pool_gradient(spec: LPPool, exponent: int, grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient of the input, in float64.

    Special cases: for a window of zeros the gradient is 0, as in torch. An infinite element, or a zero with a negative
    power, outweighs all other elements of its window. It determines the output and gets the whole gradient; several
    such elements share it. For an even negative power the gradient of a zero is 0.

    Args:
        spec: the norm.
        exponent: result of :func:`scaling_exponent`.
        grad: the gradient of the output, in float64.
        x: the input.
    """
    p = spec.norm_type
    x, grad = fold_planes(x.to(torch.float64), spec.rank), fold_planes(grad, spec.rank)
    if math.isinf(p):
        return _max_gradient(spec, grad, x)
    average = _average_spec(spec)
    x = x * 2.0**-exponent
    found = _backpropagate(average, p, grad, x)
    if p == 1 or (p < 0 and p % 2 == 0):
        return found
    outweighs = x.isinf() if p > 0 else x == 0
    if not bool(outweighs.any()):
        return found
    # Their gradient: replace them by ±1, and all others by a number without weight.
    weightless = torch.where(x.isnan(), math.nan, 0.0 if p > 0 else math.inf)
    replaced = torch.where(outweighs, x.sign() if p > 0 else 1.0, weightless)
    return torch.where(outweighs, _backpropagate(average, p, grad, replaced), found)


@lru_cache
def _average_spec(spec: LPPool) -> AvgPool:
    """The average over the same windows: the norm's sum is a multiple of it, also for windows that ceil_mode cuts."""
    fields = ("kernel_size", "stride", "padding", "ceil_mode", "dilation")
    average = at_rank(AvgPool, spec.rank).of(**{name: getattr(spec, name) for name in fields})
    assert isinstance(average, AvgPool), "at_rank() derives from AvgPool"
    return average


def _backpropagate(average: AvgPool, p: float, grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    volume = math.prod(average.kernel_size)
    with torch.enable_grad():
        powers = x.pow(p).requires_grad_()
        (mean,) = average.run({"input": powers})
    sums = mean.detach() * volume
    # A window with gradient 0 or sum 0 contributes 0, even if the other factor is infinite.
    is_zero = (grad == 0) | (sums == 0) if p != 1 else grad == 0
    (power_grad,) = torch.autograd.grad(mean, powers, torch.where(is_zero, 0.0, grad * volume * sums.pow(1 / p - 1)))
    return torch.where(power_grad == 0, 0.0, power_grad * x.pow(p - 1))


def _max_gradient(spec: LPPool, grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient for p = ±∞: the first largest, or least, element determines the output and gets all of it."""
    sign = math.copysign(1.0, spec.norm_type)
    _, indices = window_maxima(x.abs() * sign, spec.windows(tuple(x.shape[1:])), with_indices=True)
    flat, chosen = x.flatten(1), indices.flatten(1)
    signed = grad.flatten(1) * flat.gather(1, chosen).sign()
    return torch.zeros_like(flat).scatter_add_(1, chosen, signed)


def fold_planes(x: torch.Tensor, rank: int) -> torch.Tensor:
    """Reshape to ``(P, *spatial)``, the form that operators take; not for an empty batch."""
    return x.reshape(-1, *x.shape[x.dim() - rank :])
