"""The gradient of a norm ``y = (Σ xᵖ)^(1/p)``: ``(x/y)^(p - 1)`` for each element of each window.

It is put together from ``x^(p - 1)`` and ``(Σ xᵖ)^(1/p - 1)``, which may leave float64 where their product does not.
So the elements are first divided by a power of two that lies in the middle of the outputs, which the quotient does not
notice; then both factors stay within float64 wherever the forward pass did.
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
"""2 to this power, and to its negative, are float64 numbers."""


def scaling_exponent(x: torch.Tensor, output: torch.Tensor) -> int:
    """The exponent of two in the middle between the least and the largest output that is neither 0 nor infinite.

    Where there is none, the powers may have left float64 on the way there: then the same of the input.
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

    Where it is not one number: a window of zeros gives 0, as in torch. An element that outweighs all others of its
    window, an infinite one or, under a negative power, a zero, is the output, so it takes the whole gradient; several
    share it. In the corner of an even negative power at zero the gradient is 0.

    Args:
        spec: the norm.
        exponent: of :func:`scaling_exponent`.
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
    # The same with 1 for those and, for the rest, what has no weight beside it.
    least = torch.where(x.isnan(), math.nan, 0.0 if p > 0 else math.inf)
    alone = torch.where(outweighs, x.sign() if p > 0 else 1.0, least)
    return torch.where(outweighs, _backpropagate(average, p, grad, alone), found)


@lru_cache
def _average_spec(spec: LPPool) -> AvgPool:
    """The average over the same windows: torch's formula, and ours, is its multiple of the powers, cut windows too."""
    average = at_rank(AvgPool, spec.rank).of(kernel_size=spec.kernel_size, stride=spec.stride, ceil_mode=spec.ceil_mode)
    assert isinstance(average, AvgPool), "at some rank"
    return average


def _backpropagate(average: AvgPool, p: float, grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    volume = math.prod(average.kernel_size)
    with torch.enable_grad():
        powers = x.pow(p).requires_grad_()
        (mean,) = average.run({"input": powers})
    sums = mean.detach() * volume
    # A window that nobody asks about, or without any weight, passes nothing on, whatever the other factor is.
    silent = (grad == 0) | (sums == 0) if p != 1 else grad == 0
    (passed,) = torch.autograd.grad(mean, powers, torch.where(silent, 0.0, grad * volume * sums.pow(1 / p - 1)))
    return torch.where(passed == 0, 0.0, passed * x.pow(p - 1))


def _max_gradient(spec: LPPool, grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """With p = ±∞ the output is one element's magnitude: the first largest, or least, takes the gradient."""
    sign = math.copysign(1.0, spec.norm_type)
    _, indices = window_maxima(x.abs() * sign, spec.windows(tuple(x.shape[1:])), with_indices=True)
    flat, chosen = x.flatten(1), indices.flatten(1)
    signed = grad.flatten(1) * flat.gather(1, chosen).sign()
    return torch.zeros_like(flat).scatter_add_(1, chosen, signed)


def fold_planes(x: torch.Tensor, rank: int) -> torch.Tensor:
    """``(P, *spatial)``, as operators run on it; not for an empty batch."""
    return x.reshape(-1, *x.shape[x.dim() - rank :])
