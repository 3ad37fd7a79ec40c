"""Scratch memory for loops. A thread runs one loop at a time, so every thread reuses its own memory."""

from __future__ import annotations

import threading
from typing import Final

import numpy as np

from poolhouse.kernels.registry import address_of

MAX_CACHED_BYTES: Final = 128 * 1024
"""Scratch memory that each thread keeps. Larger scratch memory is allocated for each call."""
ALIGNED_BYTES: Final = 64


class Scratch:
    """Memory whose contents are undefined.

    Args:
        nbytes: number of bytes.

    Attributes:
        address: of its first byte, aligned to :data:`ALIGNED_BYTES`; valid while this object lives.
    """

    __slots__ = ("_memory", "address")

    def __init__(self, nbytes: int) -> None:
        self._memory = np.empty(nbytes + ALIGNED_BYTES, np.uint8)
        address = address_of(self._memory)
        self.address = address + -address % ALIGNED_BYTES


class _ThreadScratch(threading.local):
    def __init__(self) -> None:
        self.scratch = Scratch(MAX_CACHED_BYTES)


_thread_scratch: Final = _ThreadScratch()


def scratch(first_bytes: int, second_bytes: int) -> tuple[Scratch, int, int]:
    """Scratch memory of the calling thread in two parts, valid until its next call.

    Args:
        first_bytes: size of the first part.
        second_bytes: size of the second part.

    Returns:
        the owner, which must live while the memory is used, and the addresses of both parts, aligned to
        :data:`ALIGNED_BYTES`.
    """
    second = first_bytes + -first_bytes % ALIGNED_BYTES
    nbytes = second + second_bytes
    found = _thread_scratch.scratch if nbytes <= MAX_CACHED_BYTES else Scratch(nbytes)
    return found, found.address, found.address + second
