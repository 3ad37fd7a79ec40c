"""Pieces of bytes put together in one piece of memory, whose greatest length is known before.

A list of pieces would leave a heap of them behind: the allocator keeps small ones when they are freed, and gives large
ones back to the system.
"""

from __future__ import annotations

import numpy as np


class BytesWriter:
    """Bytes that are written one behind the other.

    Args:
        capacity: no more are written; what is never written takes no memory.
    """

    def __init__(self, capacity: int) -> None:
        self._buffer = np.empty(capacity, np.uint8).data
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def write(self, piece: bytes) -> None:
        """Put a piece behind what there is."""
        end = self._length + len(piece)
        self._buffer[self._length : end] = piece
        self._length = end

    @property
    def written(self) -> memoryview:
        """All that was written."""
        return self._buffer[: self._length]
