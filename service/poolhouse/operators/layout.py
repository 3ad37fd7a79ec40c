"""Layouts of an input: where the channels are, and how planes with channels last are pooled.

With channels first, N and C are folded into one leading axis, and each plane ``(*spatial)`` is pooled alone. With
channels last, N is the leading axis, and ``(*spatial, C)`` is pooled at once: by loops that treat C as an axis with
windows of one element, which copies nothing, or by moving C to the front and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch

from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import Cost, elementwise_cost
from poolhouse.operators.field_types import Choice
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.loop_costs import KernelFactory

CHANNELS_FIRST: Final = "channels_first"
CHANNELS_LAST: Final = "channels_last"

_STEPS_PER_MOVED_BYTE: Final = 0.4
"""Steps for moving a byte to another axis order, in addition to the memory traffic."""

Pool = Callable[[Mapping[str, torch.Tensor]], tuple[torch.Tensor, ...]]


def layout_field() -> str:
    """Declare ``layout``."""
    declared: str = field(
        Choice((CHANNELS_FIRST, CHANNELS_LAST)),
        "Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). "
        "Indices are flat within a plane in both.",
        default=CHANNELS_FIRST,
        example=CHANNELS_LAST,
        is_common=True,
    )
    return declared


def split_shape(shape: Sizes, rank: int, *, channels_last: bool) -> tuple[Sizes, Sizes]:
    """N and C, or C alone, and the spatial sizes of a shape with one or two axes more than the rank."""
    if channels_last:
        return (*shape[: -rank - 1], shape[-1]), shape[-rank - 1 : -1]
    return shape[:-rank], shape[-rank:]


def join_shape(batch_shape: Sizes, sizes: Sizes, *, channels_last: bool) -> Sizes:
    """The shape with these N and C, or C alone, and these sizes of the other axes."""
    return (*batch_shape[:-1], *sizes, batch_shape[-1]) if channels_last else (*batch_shape, *sizes)


def dimension_names(rank: int, *, channels_last: bool) -> str:
    """The axes in messages, without N: ``C, H, W`` or ``H, W, C``."""
    spatial = ", ".join(axis_names(rank))
    return f"{spatial}, C" if channels_last else f"C, {spatial}"


def pool_moved(pool: Pool, planes: Mapping[str, torch.Tensor], inputs: frozenset[str]) -> tuple[torch.Tensor, ...]:
    """Pool ``(P, *spatial, C)`` tensors by a function of ``(P·C, *spatial)`` tensors.

    Args:
        pool: the function.
        planes: by name.
        inputs: the names of the inputs; others are random and ``(P, C, …)``.
    """
    count, channels = planes["input"].shape[0], planes["input"].shape[-1]
    moved = {name: (x.movedim(-1, 1) if name in inputs else x).flatten(0, 1).contiguous() for name, x in planes.items()}
    return tuple(found.reshape(count, channels, *found.shape[1:]).movedim(1, -1).contiguous() for found in pool(moved))


def pool_samples_moved(pool: Pool, planes: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Pool ``(P, *spatial, C)`` tensors by a function of ``(P, C, *spatial)`` tensors."""
    found = pool({name: x.movedim(-1, 1).contiguous() for name, x in planes.items()})
    return tuple(each.movedim(1, -1).contiguous() for each in found)


class MovedKernel:
    """A kernel of ``(P·C, *spatial)`` arrays, applied to ``(P, *spatial, C)`` arrays.

    Args:
        kernel: of planes.
        inputs: the names of the inputs; others are random and ``(P, C, …)``.
    """

    def __init__(self, kernel: Kernel, inputs: frozenset[str]) -> None:
        self._kernel = kernel
        self._inputs = inputs

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        count, channels = planes["input"].shape[0], planes["input"].shape[-1]
        moved = {}
        for name, array in planes.items():
            given = np.moveaxis(array, -1, 1) if name in self._inputs else array
            moved[name] = np.ascontiguousarray(given).reshape(count * channels, *given.shape[2:])
        return tuple(
            np.ascontiguousarray(np.moveaxis(found.reshape(count, channels, *found.shape[1:]), 1, -1))
            for found in self._kernel(moved, threads)
        )


class PlaneIndexKernel:
    """A kernel that counts indices through ``(*spatial, C)``; this one counts them through ``(*spatial)``.

    Args:
        kernel: its second output is the indices.
        channels: C.
    """

    def __init__(self, kernel: Kernel, channels: int) -> None:
        self._kernel = kernel
        self._channels = channels

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        output, indices, *rest = self._kernel(planes, threads)
        return (output, np.floor_divide(indices, self._channels, out=indices), *rest)


def moved_cost(cost: Cost, given_bytes: int, found_bytes: int) -> Cost:
    """Cost of pooling with C moved to the front before and back afterwards.

    Args:
        cost: of pooling what is moved.
        given_bytes: of the inputs.
        found_bytes: of the outputs.
    """
    into = elementwise_cost(given_bytes, 1, _STEPS_PER_MOVED_BYTE)
    back = elementwise_cost(found_bytes, 1, _STEPS_PER_MOVED_BYTE)
    held = into.plane_bytes
    return into.then(cost.with_held_bytes(held)).then(back.with_held_bytes(held + back.plane_bytes))


def moved_factory(factory: KernelFactory, cost: Cost, inputs: frozenset[str]) -> KernelFactory:
    """The factory of a :class:`MovedKernel` with this cost."""
    return KernelFactory(cost, lambda: MovedKernel(factory.make(), inputs), factory.is_bit_exact)
