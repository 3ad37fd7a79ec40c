"""Concatenate pieces of bytes in one buffer of a known maximum length.

A list of pieces would fragment the heap: the allocator keeps small pieces when they are freed, and returns only large
ones to the system.
"""

from __future__ import annotations

import numpy as np


class BytesWriter:
    """An append-only byte buffer.

    Args:
        capacity: the maximum length; pages that are never written take no memory.
    """

    def __init__(self, capacity: int) -> None:
        self._buffer = np.empty(capacity, np.uint8).data
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        end = self._length + len(piece)
        self._buffer[self._length : end] = piece
        self._length = end

    @property
    def written(self) -> memoryview:
        """A view of all bytes written so far."""
        return self._buffer[: self._length]
