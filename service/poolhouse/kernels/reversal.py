"""Minima by the loops of maxima: the elements are reversed in order before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel

_BITS: Final[dict[int, np.dtype[np.generic]]] = {size: np.dtype(f"uint{8 * size}") for size in (2, 4, 8)}
_SIGNS: Final = {size: np.array(1 << (8 * size - 1), dtype) for size, dtype in _BITS.items()}


class ReversedKernel:
    """The least elements by a kernel that finds the largest.

    Args:
        kernel: gives values and optionally indices.
        is_float: whether elements are floats, of which the sign is changed; of integers all bits are.
    """

    def __init__(self, kernel: Kernel, is_float: bool) -> None:
        self._kernel = kernel
        self._is_float = is_float

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        turned = empty(given.shape, given.dtype)
        self._reverse(given, turned)
        values, *rest = self._kernel({"input": turned}, threads)
        self._reverse(values, values)
        return (values, *rest)

    def _reverse(self, source: Array, target: Array) -> None:
        if self._is_float:
            size = source.dtype.itemsize
            np.bitwise_xor(source.view(_BITS[size]), _SIGNS[size], out=target.view(_BITS[size]))
        else:
            # For bool this is the logical complement.
            np.invert(source, out=target)
