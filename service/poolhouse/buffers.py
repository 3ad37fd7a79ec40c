"""Memory for large bodies and outputs, reused from request to request: fresh pages cost more than the copy that fills
them.

A buffer goes back when the last view of it is gone, whoever held it: a device's thread, an answer that shows a part of
it, a refusal's traceback. So nothing is ever written over what is still read. What is kept for the next request is
bounded by :data:`KEPT_BYTES`; small bodies and outputs have memory of their own.

The allocator could keep freed memory as well, and does so by default up to 32 MiB a block, but without a bound on
all of it: see :mod:`poolhouse.backend.heap`, which takes that from it.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

POOLED_FROM_BYTES: Final = 256 * 1024
"""Smaller ones lie in memory that the allocator reuses well by itself."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""So much is kept while nobody uses it; half of what the service may have beyond what it tells."""
_ALIGNED_BYTES: Final = 64
# A buffer serves bodies down to this share of its size.
_LEAST_SHARE: Final = 0.75

Buffer = npt.NDArray[np.uint8]


class BufferPool:
    """Buffers that were used before. They are taken and given back from any thread."""

    def __init__(self) -> None:
        self._free: deque[Buffer] = deque()

    @property
    def kept_bytes(self) -> int:
        """Bytes that wait for the next request."""
        return sum(each.nbytes for each in tuple(self._free))

    def take(self, nbytes: int) -> memoryview:
        """Writable bytes, aligned for every element type; what was in them is undefined.

        Args:
            nbytes: how many.
        """
        if nbytes < POOLED_FROM_BYTES:
            return np.empty(nbytes, np.uint8).data
        owner = self._find(nbytes)
        # Every view keeps this object, so its end is the end of them all. An array in its place would not do: numpy
        # makes a view of a view of an array keep the first array, and the one between them ends too early.
        # guard: views-keep-buffer
        lent = (ctypes.c_ubyte * owner.nbytes).from_buffer(owner.data)
        # guard: buffer-is-reused-after-last-view
        weakref.finalize(lent, self._give_back, owner).atexit = False
        start = -owner.ctypes.data % _ALIGNED_BYTES
        return memoryview(lent).cast("B")[start : start + nbytes]

    def _find(self, nbytes: int) -> Buffer:
        wanted = nbytes + _ALIGNED_BYTES
        for _ in range(len(self._free)):
            try:
                found = self._free.pop()
            except IndexError:
                break
            if found.nbytes * _LEAST_SHARE <= wanted <= found.nbytes:
                return found
            self._free.appendleft(found)
        return np.empty(wanted, np.uint8)

    def _give_back(self, owner: Buffer) -> None:
        if owner.nbytes > KEPT_BYTES:
            return
        self._free.append(owner)
        # guard: kept-buffers-have-limit
        while self._free and self.kept_bytes > KEPT_BYTES:
            try:
                self._free.popleft()
            except IndexError:
                break


POOL: Final = BufferPool()
"""The one of this process."""


def empty(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """As :func:`numpy.empty`, in memory of :data:`POOL` where it is large.

    Args:
        shape: of the array.
        dtype: of its elements.
    """
    element = np.dtype(dtype)
    nbytes = math.prod(shape) * element.itemsize
    if nbytes < POOLED_FROM_BYTES:
        return np.empty(shape, element)
    return np.ndarray(shape, element, POOL.take(nbytes))
