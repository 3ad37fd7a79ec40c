"""Layer families: constructors and forward passes for any number of axes; the package's classes set ``rank``."""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import ClassVar

import torch

from poolhouse.client.calls import format_field
from poolhouse.client.clients import Client
from poolhouse.nn.gradients import (
    attach_average_gradient,
    attach_max_gradient,
    attach_norm_gradient,
    attach_unpool_gradient,
    wants_gradient,
)
from poolhouse.operators.catalogue import PlaneCatalogue, discover_planes
from poolhouse.operators.lp_pool import LPPool as LPPoolSpec
from poolhouse.operators.plane_operator import PlaneOperator

Size = int | Sequence[int]


@cache
def shared_client() -> Client:
    """The client of all layers without a client of their own."""
    return Client()


@cache
def _catalogue() -> PlaneCatalogue:
    return discover_planes()


class Layer(torch.nn.Module):
    """Base of the layers. Its fields are attributes, which :meth:`extra_repr` shows and every call sends."""

    family: ClassVar[str]
    rank: ClassVar[int]
    field_names: ClassVar[tuple[str, ...]]

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = client

    @property
    def operator(self) -> str:
        """The operator's name, such as ``max_pool2d``."""
        return f"{self.family}{self.rank}d"

    def extra_repr(self) -> str:
        """The fields, in the format of torch's layers."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.field_names)

    def _call_service(
        self, fields: Mapping[str, object], given: torch.Tensor, indices: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        pooled = (self._client or shared_client()).pool(self.operator, given, indices, **fields)
        output, found = pooled
        assert isinstance(output, torch.Tensor), "torch in, torch out"
        assert found is None or isinstance(found, torch.Tensor), "torch in, torch out"
        return output, found

    def _spec(self, fields: Mapping[str, object]) -> PlaneOperator:
        """The spec with these fields, parsed from the same texts that the client sends."""
        texts = {name: format_field(name, value) for name, value in fields.items() if value is not None}
        return _catalogue().find(self.operator).parse({}, texts)


class IndexedMaxLayer(Layer):
    """Base of layers whose output elements are elements of their input, and which can return their indices."""

    return_indices: bool

    def _pool(self, x: torch.Tensor, **fields: object) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        wants = wants_gradient(x)
        output, indices = self._call_service({**fields, "return_indices": wants or self.return_indices}, x)
        if indices is None:
            return output
        if wants:
            output = attach_max_gradient(x, output, indices, self.rank)
        return (output, indices) if self.return_indices else output


class MaxPool(IndexedMaxLayer):
    """``torch.nn.MaxPool1d`` to ``3d``."""

    family = "max_pool"
    field_names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

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
        """Pool; return indices too if the constructor asked for them."""
        return self._pool(input, **{name: getattr(self, name) for name in self.field_names})


class AdaptiveMaxPool(IndexedMaxLayer):
    """``torch.nn.AdaptiveMaxPool1d`` to ``3d``."""

    family = "adaptive_max_pool"
    field_names = ("output_size",)

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
        """Pool; return indices too if the constructor asked for them."""
        return self._pool(input, output_size=_expand_output_size(self.output_size, self.rank))


class FractionalMaxPool(IndexedMaxLayer):
    """``torch.nn.FractionalMaxPool2d`` and ``3d``."""

    family = "fractional_max_pool"
    field_names = ("kernel_size", "output_size", "output_ratio")

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
            raise ValueError(f"{type(self).__name__} takes either output_size or output_ratio; give exactly one")
        self.kernel_size = kernel_size
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self.seed = seed

    def forward(self, input: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Pool; return indices too if the constructor asked for them.

        Without a seed one is drawn from torch's generator, so ``torch.manual_seed`` makes results reproducible.
        """
        seed = int(torch.randint(2**53 - 1, ()).item()) if self.seed is None else self.seed
        return self._pool(input, **{name: getattr(self, name) for name in self.field_names}, seed=seed)


class AvgPool(Layer):
    """``torch.nn.AvgPool1d``, which has no ``divisor_override``."""

    family = "avg_pool"
    field_names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
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
        fields = {name: getattr(self, name) for name in self.field_names}
        output, _ = self._call_service(fields, input)
        return attach_average_gradient(input, output, self._spec(fields)) if wants_gradient(input) else output


class AvgPoolWithDivisor(AvgPool):
    """``torch.nn.AvgPool2d`` and ``3d``."""

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


class AdaptiveAvgPool(Layer):
    """``torch.nn.AdaptiveAvgPool1d`` to ``3d``."""

    family = "adaptive_avg_pool"
    field_names = ("output_size",)

    def __init__(self, output_size: int | Sequence[int | None] | None, *, client: Client | None = None) -> None:
        super().__init__(client)
        self.output_size = output_size

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Pool."""
        fields = {"output_size": _expand_output_size(self.output_size, self.rank)}
        output, _ = self._call_service(fields, input)
        return attach_average_gradient(input, output, self._spec(fields)) if wants_gradient(input) else output


class LPPool(Layer):
    """``torch.nn.LPPool1d`` to ``3d``."""

    family = "lp_pool"
    field_names = ("norm_type", "kernel_size", "stride", "ceil_mode")

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
        fields = {name: getattr(self, name) for name in self.field_names}
        output, _ = self._call_service(fields, input)
        if not wants_gradient(input):
            return output
        spec = self._spec(fields)
        assert isinstance(spec, LPPoolSpec), "the operator of this family"
        return attach_norm_gradient(input, output, spec)


class MaxUnpool(Layer):
    """``torch.nn.MaxUnpool1d`` to ``3d``."""

    family = "max_unpool"
    field_names = ("kernel_size", "stride", "padding")

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
        """Put each value back to the position of its index."""
        fields = {name: getattr(self, name) for name in self.field_names}
        # torch also takes the shape of the whole tensor here; only its spatial part is sent.
        sizes = None if output_size is None else list(output_size)[-self.rank :]
        output, _ = self._call_service({**fields, "output_size": sizes}, input, indices)
        return attach_unpool_gradient(input, output, indices, self.rank) if wants_gradient(input) else output


def _expand_output_size(output_size: int | Sequence[int | None] | None, rank: int) -> int | Sequence[int | None]:
    # torch takes None for "keep every axis"; the service takes a null for each axis.
    return [None] * rank if output_size is None else output_size
