"""Reuse memory of large bodies and outputs between requests: page faults in new memory cost more than filling it.

A buffer returns to the pool when its last view is freed, whether a worker thread, a response or a traceback held it,
so memory that is still in use is never overwritten. The pool keeps at most :data:`MAX_IDLE_BYTES`.

The allocator could keep freed memory as well, by default blocks of up to 32 MiB, but without a limit on their sum;
:mod:`poolhouse.backend.heap` configures it not to.
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

MIN_POOLED_BYTES: Final = 256 * 1024
"""Smaller buffers are left to the allocator, which reuses their memory well."""
MAX_IDLE_BYTES: Final = 32 * 1024 * 1024
"""The most unused bytes that the pool keeps."""
_ALIGNED_BYTES: Final = 64
# A buffer is reused for requests of at least this share of its size.
_MIN_SHARE: Final = 0.75

Buffer = npt.NDArray[np.uint8]


class BufferPool:
    """Keeps unused buffers; thread-safe."""

    def __init__(self) -> None:
        self._free: deque[Buffer] = deque()

    @property
    def idle_bytes(self) -> int:
        """The bytes of the unused buffers."""
        return sum(each.nbytes for each in tuple(self._free))

    def acquire(self, nbytes: int) -> memoryview:
        """Return a writable buffer of ``nbytes``, aligned for every element type, with undefined contents."""
        if nbytes < MIN_POOLED_BYTES:
            return np.empty(nbytes, np.uint8).data
        owner = self._find(nbytes)
        # Every view refers to this object, so it is freed after the last view. An array would not do: numpy's view of a
        # view refers to the first array only, so an array in between is freed too early.
        # guard: views-keep-buffer
        exported = (ctypes.c_ubyte * owner.nbytes).from_buffer(owner.data)
        # guard: buffer-is-reused-after-last-view
        weakref.finalize(exported, self._put_back, owner).atexit = False
        start = -owner.ctypes.data % _ALIGNED_BYTES
        return memoryview(exported).cast("B")[start : start + nbytes]

    def _find(self, nbytes: int) -> Buffer:
        needed = nbytes + _ALIGNED_BYTES
        for _ in range(len(self._free)):
            try:
                found = self._free.pop()
            except IndexError:
                break
            if found.nbytes * _MIN_SHARE <= needed <= found.nbytes:
                return found
            self._free.appendleft(found)
        return np.empty(needed, np.uint8)

    def _put_back(self, owner: Buffer) -> None:
        if owner.nbytes > MAX_IDLE_BYTES:
            return
        self._free.append(owner)
        # guard: kept-buffers-have-limit
        while self._free and self.idle_bytes > MAX_IDLE_BYTES:
            try:
                self._free.popleft()
            except IndexError:
                break


BUFFER_POOL: Final = BufferPool()
"""The pool of this process."""


def empty(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Like :func:`numpy.empty`; a large array takes its memory from :data:`BUFFER_POOL`."""
    element = np.dtype(dtype)
    nbytes = math.prod(shape) * element.itemsize
    if nbytes < MIN_POOLED_BYTES:
        return np.empty(shape, element)
    return np.ndarray(shape, element, BUFFER_POOL.acquire(nbytes))
