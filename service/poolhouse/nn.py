"""torch's pooling layers, pooled by the service: the constructors of ``torch.nn``, and a client beside them.

``poolhouse.nn.MaxPool2d(2, client=client)`` stands where ``torch.nn.MaxPool2d(2)`` stood. Without a client all layers
share one that is made from ``POOLHOUSE_URL`` when it is first needed.

The forward pass is the service's; the backward pass is computed here, so that gradients do not travel:

- maxima, fractional maxima: the service answers indices too when a gradient is wanted, and the gradient is added up
  where they point, as torch does;
- unpooling: the gradient is picked up where the indices point;
- averages: their gradient does not depend on the elements, so torch's own backward is run over zeros of that shape;
- power means: torch's own backward is run over the input, which is kept for it.

This file alone of the client needs torch.
"""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.client.clients import Client

Size = int | Sequence[int]
_Local = Callable[[torch.Tensor], torch.Tensor]


@cache
def shared_client() -> Client:
    """The client of all layers that are given none."""
    return Client()


class _Layer(torch.nn.Module):
    """A layer of a family: its fields are attributes, which :meth:`extra_repr` shows and every call sends."""

    family: ClassVar[str]
    rank: ClassVar[int]
    shown: ClassVar[tuple[str, ...]]

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = client

    @property
    def operator(self) -> str:
        """The operator's name, ``max_pool2d``."""
        return f"{self.family}{self.rank}d"

    def extra_repr(self) -> str:
        """The fields, as torch shows its layers."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)

    def _ask(
        self, fields: Mapping[str, object], given: torch.Tensor, indices: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        pooled = (self._client or shared_client()).pool(self.operator, given, indices, **fields)
        output, found = pooled
        assert isinstance(output, torch.Tensor), "torch in, torch out"
        assert found is None or isinstance(found, torch.Tensor), "torch in, torch out"
        return output, found


class _ByIndices(torch.autograd.Function):
    """Output and indices as the service found them; the gradient goes where the indices point."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        x: torch.Tensor,
        output: torch.Tensor,
        indices: torch.Tensor,
        rank: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(indices)
        ctx.shape, ctx.rank = x.shape, rank  # type: ignore[attr-defined]  # torch's way to keep what is no tensor
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # torch passes ctx by place
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, None, None]:
        (indices,) = ctx.saved_tensors  # type: ignore[attr-defined]  # torch's types know it on other contexts alone
        shape, rank = ctx.shape, ctx.rank  # type: ignore[attr-defined]  # as above
        lead = shape[: len(shape) - rank]
        flat = grads[0].new_zeros((*lead, math.prod(shape[len(shape) - rank :])))
        flat.scatter_add_(-1, _planes(indices, rank), _planes(grads[0], rank))
        return flat.reshape(shape), None, None, None


class _FromIndices(torch.autograd.Function):
    """Unpooled as the service did it; the gradient is picked up where the indices point."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        x: torch.Tensor,
        output: torch.Tensor,
        indices: torch.Tensor,
        rank: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(indices)
        ctx.rank = rank  # type: ignore[attr-defined]  # torch's way to keep what is no tensor
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # torch passes ctx by place
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, None, None]:
        (indices,) = ctx.saved_tensors  # type: ignore[attr-defined]  # torch's types know it on other contexts alone
        rank = ctx.rank  # type: ignore[attr-defined]  # as above
        flat = _planes(grads[0], rank).gather(-1, _planes(indices, rank))
        return flat.reshape(indices.shape), None, None, None


def _planes(x: torch.Tensor, rank: int) -> torch.Tensor:
    # Each plane flat. The size is counted, since -1 cannot say it for an empty batch.
    lead = x.dim() - rank
    return x.reshape(*x.shape[:lead], math.prod(x.shape[lead:]))


class _ByTorch(torch.autograd.Function):
    """Output as the service found it; the gradient is that of torch's own pooling, run here for its backward."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: torch.Tensor, output: torch.Tensor, local: _Local, linear: bool
    ) -> torch.Tensor:
        if not linear:
            ctx.save_for_backward(x)
        kept = (local, x.shape, x.dtype, x.device, linear)
        ctx.kept = kept  # type: ignore[attr-defined]  # torch's way to keep what is no tensor
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # torch passes ctx by place
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, None, None]:
        local, shape, dtype, device, linear = ctx.kept  # type: ignore[attr-defined]  # set in forward
        if linear:
            x = torch.zeros(shape, dtype=dtype, device=device)
        else:
            (x,) = ctx.saved_tensors  # type: ignore[attr-defined]  # torch's types know it on other contexts alone
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (found,) = torch.autograd.grad(local(x), x, grads[0])
        return found, None, None, None


def _wants_gradient(x: torch.Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad


class _Maximum(_Layer):
    return_indices: bool

    def _pooled(self, x: torch.Tensor, **fields: object) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        wants = _wants_gradient(x)
        output, indices = self._ask({**fields, "return_indices": wants or self.return_indices}, x)
        if indices is None:
            return output
        if wants:
            output = _applied(_ByIndices, x, output, indices, self.rank)
        return (output, indices) if self.return_indices else output


def _applied(function: type[torch.autograd.Function], *arguments: object) -> torch.Tensor:
    output: object = function.apply(*arguments)  # type: ignore[no-untyped-call]  # untyped in torch
    assert isinstance(output, torch.Tensor), "each of ours gives one tensor"
    return output


class _MaxPool(_Maximum):
    family = "max_pool"
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        *,
        client: Client | None = None,
    ) -> None:
        super().__init__(client)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Pool; with indices where the constructor asked for them."""
        return self._pooled(input, **{name: getattr(self, name) for name in self.shown})


class _AdaptiveMaxPool(_Maximum):
    family = "adaptive_max_pool"
    shown = ("output_size",)

    def __init__(
        self,
        output_size: int | Sequence[int | None] | None,
        return_indices: bool = False,
        *,
        client: Client | None = None,
    ) -> None:
        super().__init__(client)
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Pool; with indices where the constructor asked for them."""
        return self._pooled(input, output_size=_kept(self.output_size, self.rank))


class _FractionalMaxPool(_Maximum):
    family = "fractional_max_pool"
    shown = ("kernel_size", "output_size", "output_ratio")

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        *,
        seed: int | None = None,
        client: Client | None = None,
    ) -> None:
        super().__init__(client)
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{type(self).__name__} takes an output_size or an output_ratio, and one of them alone")
        self.kernel_size = kernel_size
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self.seed = seed

    def forward(self, input: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Pool; with indices where the constructor asked for them.

        Without a seed one is drawn from torch's generator, so that ``torch.manual_seed`` decides here too.
        """
        seed = int(torch.randint(2**53 - 1, ()).item()) if self.seed is None else self.seed
        return self._pooled(input, **{name: getattr(self, name) for name in self.shown}, seed=seed)


class _AvgPool(_Layer):
    family = "avg_pool"
    shown = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    divisor_override: int | None = None

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        *,
        client: Client | None = None,
    ) -> None:
        super().__init__(client)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Pool."""
        fields = {name: getattr(self, name) for name in self.shown}
        output, _ = self._ask(fields, input)
        if self.divisor_override is None:
            del fields["divisor_override"]
        return _with_torchs_gradient(input, output, _functional(self.operator, fields), linear=True)


class _AvgPoolDivided(_AvgPool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        client: Client | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad, client=client)
        self.divisor_override = divisor_override


class _AdaptiveAvgPool(_Layer):
    family = "adaptive_avg_pool"
    shown = ("output_size",)

    def __init__(self, output_size: int | Sequence[int | None] | None, *, client: Client | None = None) -> None:
        super().__init__(client)
        self.output_size = output_size

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Pool."""
        output, _ = self._ask({"output_size": _kept(self.output_size, self.rank)}, input)
        local = _functional(self.operator, {"output_size": self.output_size})
        return _with_torchs_gradient(input, output, local, linear=True)


class _LPPool(_Layer):
    family = "lp_pool"
    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
        *,
        client: Client | None = None,
    ) -> None:
        super().__init__(client)
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Pool."""
        fields = {name: getattr(self, name) for name in self.shown}
        output, _ = self._ask(fields, input)
        return _with_torchs_gradient(input, output, _functional(self.operator, fields), linear=False)


class _MaxUnpool(_Layer):
    family = "max_unpool"
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, client: Client | None = None
    ) -> None:
        super().__init__(client)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(
        self, input: torch.Tensor, indices: torch.Tensor, output_size: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Put each value back where its index says."""
        fields = {name: getattr(self, name) for name in self.shown}
        # torch takes the size of a whole tensor here; the wire takes the spatial part, or all of a batch.
        sizes = None if output_size is None else list(output_size)[-self.rank :]
        output, _ = self._ask({**fields, "output_size": sizes}, input, indices)
        return _applied(_FromIndices, input, output, indices, self.rank) if _wants_gradient(input) else output


def _kept(output_size: int | Sequence[int | None] | None, rank: int) -> int | Sequence[int | None]:
    # torch takes None for the whole as "keep every axis"; the wire has a null for each.
    return [None] * rank if output_size is None else output_size


def _functional(operator: str, fields: dict[str, object]) -> _Local:
    function: Callable[..., torch.Tensor] = getattr(F, operator)
    return lambda x: function(x, **fields)


def _with_torchs_gradient(x: torch.Tensor, output: torch.Tensor, local: _Local, *, linear: bool) -> torch.Tensor:
    return _applied(_ByTorch, x, output, local, linear) if _wants_gradient(x) else output


class MaxPool1d(_MaxPool):
    """``torch.nn.MaxPool1d``, pooled by the service."""

    rank = 1


class MaxPool2d(_MaxPool):
    """``torch.nn.MaxPool2d``, pooled by the service."""

    rank = 2


class MaxPool3d(_MaxPool):
    """``torch.nn.MaxPool3d``, pooled by the service."""

    rank = 3


class MaxUnpool1d(_MaxUnpool):
    """``torch.nn.MaxUnpool1d``, pooled by the service."""

    rank = 1


class MaxUnpool2d(_MaxUnpool):
    """``torch.nn.MaxUnpool2d``, pooled by the service."""

    rank = 2


class MaxUnpool3d(_MaxUnpool):
    """``torch.nn.MaxUnpool3d``, pooled by the service."""

    rank = 3


class AvgPool1d(_AvgPool):
    """``torch.nn.AvgPool1d``, pooled by the service."""

    rank = 1


class AvgPool2d(_AvgPoolDivided):
    """``torch.nn.AvgPool2d``, pooled by the service."""

    rank = 2


class AvgPool3d(_AvgPoolDivided):
    """``torch.nn.AvgPool3d``, pooled by the service."""

    rank = 3


class FractionalMaxPool2d(_FractionalMaxPool):
    """``torch.nn.FractionalMaxPool2d``, pooled by the service."""

    rank = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """``torch.nn.FractionalMaxPool3d``, pooled by the service."""

    rank = 3


class LPPool1d(_LPPool):
    """``torch.nn.LPPool1d``, pooled by the service."""

    rank = 1


class LPPool2d(_LPPool):
    """``torch.nn.LPPool2d``, pooled by the service."""

    rank = 2


class LPPool3d(_LPPool):
    """``torch.nn.LPPool3d``, pooled by the service."""

    rank = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool1d``, pooled by the service."""

    rank = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool2d``, pooled by the service."""

    rank = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool3d``, pooled by the service."""

    rank = 3


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool1d``, pooled by the service."""

    rank = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool2d``, pooled by the service."""

    rank = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool3d``, pooled by the service."""

    rank = 3
