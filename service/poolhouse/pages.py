"""Give the pages of large blocks back to the operating system in a thread of their own.

It takes the system up to a millisecond for every five MiB to take pages back, and whoever frees a block waits for that
with the interpreter held. An event loop that frees the bodies of thirty requests would answer nobody meanwhile.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Final

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.uint8]

_DONTNEED: Final = getattr(mmap, "MADV_DONTNEED", None)


def _madvise() -> Callable[[int, int, int], int] | None:
    """``madvise(2)``, called with the interpreter released; None where there is none."""
    try:
        call = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, TypeError):
        return None
    call.argtypes, call.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    found: Callable[[int, int, int], int] = call
    return found


class PageReturner:
    """Frees blocks in a thread, which begins with the first of them."""

    def __init__(self) -> None:
        self._blocks = SimpleQueue[Block]()
        self._thread: Thread | None = None
        self._advise = _madvise()

    def free(self, block: Block) -> None:
        """Give the pages of a block back, soon; nobody may look at it any more.

        Safe in a destructor, and in a process that was forked: there the thread begins anew.
        """
        if self._advise is None or _DONTNEED is None:
            return
        self._blocks.put(block)
        if self._thread is None or not self._thread.is_alive():
            thread = Thread(target=self._run, name="poolhouse-pages", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends
                return
            self._thread = thread

    def _run(self) -> None:
        while True:
            self._return(self._blocks.get())

    def _return(self, block: Block) -> None:
        # What of it are whole pages; the allocator keeps its own notes in front.
        address = block.ctypes.data
        begin = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (address + block.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
        if end > begin and self._advise is not None and _DONTNEED is not None:
            self._advise(begin, end - begin, _DONTNEED)
