"""Unsigned integers for torch, which has few operations for uint16, uint32 and uint64.

An operator that compares elements takes :func:`as_ordered`, one that moves them :func:`as_bits`. Averages read digits
(see ``quotients``), and other sums convert to float64 or int64.
"""

from __future__ import annotations

from typing import Final

import torch

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import Cost, elementwise_cost

_SIGNED: Final = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def as_bits(x: torch.Tensor) -> torch.Tensor:
    """The elements as signed integers with the same bits, which torch can move: a view. Other types are unchanged."""
    signed = _SIGNED.get(x.dtype)
    return x if signed is None else x.view(signed)


def as_ordered(x: torch.Tensor) -> torch.Tensor:
    """The elements as a type that torch compares, in the same order; :func:`from_ordered` is the inverse.

    Returns:
        for uint16, uint32 and uint64 a copy as signed integers, less by half the type's range; for bool a view as
        uint8; otherwise the tensor itself.
    """
    if x.dtype is torch.bool:
        return x.view(torch.uint8)
    signed = _SIGNED.get(x.dtype)
    return x if signed is None else x.view(signed).bitwise_xor(torch.iinfo(signed).min)


def from_ordered(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The elements that :func:`as_ordered` had converted from this type."""
    if dtype is torch.bool:
        return x.view(torch.bool)
    signed = _SIGNED.get(dtype)
    return x if signed is None else x.bitwise_xor(torch.iinfo(signed).min).view(dtype)


def ordered_cost(cost: Cost, elements: int, outputs: int, dtype: ElementType) -> Cost:
    """The cost of comparing elements as :func:`as_ordered`, and of converting the outputs back.

    Args:
        cost: of the comparison.
        elements: number of elements.
        outputs: number of outputs.
        dtype: the element type.
    """
    if not dtype.is_unsigned or dtype.itemsize == 1:
        return cost
    copied, restored = elementwise_cost(elements, dtype.itemsize), elementwise_cost(outputs, dtype.itemsize)
    compared = copied.then(cost.with_held_bytes(copied.plane_bytes))
    return compared.then(restored.with_held_bytes(restored.plane_bytes))
