"""The gradients of what the service pooled, computed here: in float64 whatever the tensors are, and rounded once.

They are the gradients of the service's own arithmetic, so they are right wherever its answers are: also where torch's
kernels add in 16 bits, overflow, or refuse to run. Averages are run here for their gradients by the very operators
that the service runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from poolhouse.nn.lp_pool_gradient import fold_planes, lp_pool_gradient, scaling_exponent
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.operator import Operator

Gradient = Callable[..., torch.Tensor]
"""From the gradient of the output, in float64, and the tensors that were kept, to the gradient of the input."""


class _ServiceOutput(torch.autograd.Function):
    """An output that the service computed, and how the gradient passes it."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        x: torch.Tensor,
        output: torch.Tensor,
        gradient: Gradient,
        *kept: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(*kept)
        ctx.saved_state = (gradient, x.shape, x.dtype, x.device)  # type: ignore[attr-defined]  # torch's way to keep no tensor
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # torch passes ctx by place
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        gradient, shape, dtype, device = ctx.saved_state  # type: ignore[attr-defined]  # set in forward
        kept: tuple[torch.Tensor, ...] = ctx.saved_tensors  # type: ignore[attr-defined]  # typed on other contexts alone
        grad = grads[0]
        if grad.numel() == 0:
            # An empty batch, no channel, or no window.
            found = torch.zeros(shape, dtype=dtype, device=device)
        else:
            wide = gradient(_to_float64_device(grad).to(torch.float64), *map(_to_float64_device, kept))
            found = wide.reshape(shape).to(device, dtype)
        return (found, None, None, *(None for _ in kept))


def _to_float64_device(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def _attach_gradient(x: torch.Tensor, output: torch.Tensor, gradient: Gradient, *kept: torch.Tensor) -> torch.Tensor:
    found: object = _ServiceOutput.apply(x, output, gradient, *kept)  # type: ignore[no-untyped-call]  # untyped in torch
    assert isinstance(found, torch.Tensor), "ours gives one tensor"
    return found


def wants_gradient(x: torch.Tensor) -> bool:
    """Whether somebody may ask for the gradient of what is pooled now."""
    return torch.is_grad_enabled() and x.requires_grad


def attach_max_gradient(x: torch.Tensor, output: torch.Tensor, indices: torch.Tensor, rank: int) -> torch.Tensor:
    """The output of a pooling that took elements, whose gradient is added up where the indices point."""
    return _attach_gradient(x, output, partial(_max_gradient, x.shape, rank), indices)


def _max_gradient(shape: torch.Size, rank: int, grad: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    lead = len(shape) - rank
    flat = grad.new_zeros((*shape[:lead], math.prod(shape[lead:])))
    return flat.scatter_add_(-1, _flatten_planes(indices, rank), _flatten_planes(grad, rank))


def attach_unpool_gradient(x: torch.Tensor, output: torch.Tensor, indices: torch.Tensor, rank: int) -> torch.Tensor:
    """The output of unpooling, whose gradient is picked up where the indices point.

    Where an index comes more than once the last value stayed; the others had no influence and get 0.
    """
    return _attach_gradient(x, output, partial(_unpool_gradient, rank), indices)


def _unpool_gradient(rank: int, grad: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    flat, chosen = _flatten_planes(grad, rank), _flatten_planes(indices, rank)
    place = torch.arange(chosen.shape[-1], device=chosen.device).expand_as(chosen)
    last = torch.zeros(flat.shape, dtype=torch.int64, device=chosen.device)
    last.scatter_reduce_(-1, chosen, place, reduce="amax")
    return torch.where(last.gather(-1, chosen) == place, flat.gather(-1, chosen), 0.0)


def _flatten_planes(x: torch.Tensor, rank: int) -> torch.Tensor:
    # Each plane flat.
    return x.flatten(x.dim() - rank)


def attach_average_gradient(x: torch.Tensor, output: torch.Tensor, spec: Operator) -> torch.Tensor:
    """The output of an average. Its gradient does not depend on the elements, so none are kept.

    Args:
        x: what was pooled.
        output: as the service found it.
        spec: the average, which is run here for its gradient.
    """
    return _attach_gradient(x, output, partial(_average_gradient, x.shape, spec))


def _average_gradient(shape: torch.Size, spec: Operator, grad: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        zeros = fold_planes(grad.new_zeros(shape), spec.rank).requires_grad_()
        (average,) = spec.run({"input": zeros})
    return torch.autograd.grad(average, zeros, fold_planes(grad, spec.rank))[0]


def attach_norm_gradient(x: torch.Tensor, output: torch.Tensor, spec: LPPool) -> torch.Tensor:
    """The output of a norm, whose gradient depends on the elements: they are kept.

    Args:
        x: what was pooled.
        output: as the service found it.
        spec: the norm.
    """
    return _attach_gradient(x, output, partial(lp_pool_gradient, spec, scaling_exponent(x.detach(), output)), x)
