"""Gradients of pooling, computed in this process in float64 for all element types, and rounded once.

They are the gradients of the service's own arithmetic, so they are correct wherever its results are: also where torch's
kernels add in 16 bits, overflow, or refuse to run. For averages autograd runs the service's own operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from poolhouse.nn.lp_pool_gradient import fold_planes, lp_pool_gradient, scaling_exponent
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.plane_operator import PlaneOperator

Gradient = Callable[..., torch.Tensor]
"""Maps the gradient of the output, in float64, and the saved tensors to the gradient of the input."""


class _ServiceOutput(torch.autograd.Function):
    """Autograd function that returns an output of the service and computes its gradient."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        x: torch.Tensor,
        output: torch.Tensor,
        gradient: Gradient,
        *kept: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(*kept)
        ctx.saved_state = (gradient, x.shape, x.dtype, x.device)  # type: ignore[attr-defined]  # ctx holds non-tensors as attributes
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # torch passes ctx by position
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        gradient, shape, dtype, device = ctx.saved_state  # type: ignore[attr-defined]  # set in forward
        kept: tuple[torch.Tensor, ...] = ctx.saved_tensors  # type: ignore[attr-defined]  # declared on other contexts only
        grad = grads[0]
        if grad.numel() == 0:
            # The batch, the channels or the windows are empty.
            found = torch.zeros(shape, dtype=dtype, device=device)
        else:
            wide = gradient(_to_float64_device(grad).to(torch.float64), *map(_to_float64_device, kept))
            found = wide.reshape(shape).to(device, dtype)
        return (found, None, None, *(None for _ in kept))


def _to_float64_device(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def _attach_gradient(x: torch.Tensor, output: torch.Tensor, gradient: Gradient, *kept: torch.Tensor) -> torch.Tensor:
    found: object = _ServiceOutput.apply(x, output, gradient, *kept)  # type: ignore[no-untyped-call]  # untyped in torch
    assert isinstance(found, torch.Tensor), "forward returns one tensor"
    return found


def wants_gradient(x: torch.Tensor) -> bool:
    """Whether autograd may need the gradient of this input."""
    return torch.is_grad_enabled() and x.requires_grad


def attach_max_gradient(x: torch.Tensor, output: torch.Tensor, indices: torch.Tensor, rank: int) -> torch.Tensor:
    """Attach the gradient of max pooling: the output's gradient is added at the indices."""
    return _attach_gradient(x, output, partial(_max_gradient, x.shape, rank), indices)


def _max_gradient(shape: torch.Size, rank: int, grad: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    batch_axes = len(shape) - rank
    flat = grad.new_zeros((*shape[:batch_axes], math.prod(shape[batch_axes:])))
    return flat.scatter_add_(-1, _flatten_planes(indices, rank), _flatten_planes(grad, rank))


def attach_unpool_gradient(x: torch.Tensor, output: torch.Tensor, indices: torch.Tensor, rank: int) -> torch.Tensor:
    """Attach the gradient of unpooling: the output's gradient is read at the indices.

    If an index occurs more than once, only the last value is in the output; the gradient of the others is 0.
    """
    return _attach_gradient(x, output, partial(_unpool_gradient, rank), indices)


def _unpool_gradient(rank: int, grad: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    flat, chosen = _flatten_planes(grad, rank), _flatten_planes(indices, rank)
    place = torch.arange(chosen.shape[-1], device=chosen.device).expand_as(chosen)
    last = torch.zeros(flat.shape, dtype=torch.int64, device=chosen.device)
    last.scatter_reduce_(-1, chosen, place, reduce="amax")
    return torch.where(last.gather(-1, chosen) == place, flat.gather(-1, chosen), 0.0)


def _flatten_planes(x: torch.Tensor, rank: int) -> torch.Tensor:
    return x.flatten(x.dim() - rank)


def attach_average_gradient(x: torch.Tensor, output: torch.Tensor, spec: PlaneOperator) -> torch.Tensor:
    """Attach the gradient of an average. It does not depend on the elements, so none are stored.

    Args:
        x: the input.
        output: the service's output.
        spec: the average, which autograd runs on zeros.
    """
    return _attach_gradient(x, output, partial(_average_gradient, x.shape, spec))


def _average_gradient(shape: torch.Size, spec: PlaneOperator, grad: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        zeros = fold_planes(grad.new_zeros(shape), spec.rank).requires_grad_()
        (average,) = spec.run({"input": zeros})
    return torch.autograd.grad(average, zeros, fold_planes(grad, spec.rank))[0]


def attach_norm_gradient(x: torch.Tensor, output: torch.Tensor, spec: LPPool) -> torch.Tensor:
    """Attach the gradient of a norm. It depends on the elements, so they are stored.

    Args:
        x: the input.
        output: the service's output.
        spec: the norm.
    """
    return _attach_gradient(x, output, partial(lp_pool_gradient, spec, scaling_exponent(x.detach(), output)), x)
