"""Give freed memory back to the operating system: the allocator keeps it, and so the process looks as large as ever.

glibc's malloc returns a block when it is freed only where it was mapped by itself. Left alone it learns to do that from
32 MiB on, and keeps a heap of what is smaller, all of which one small object at its end holds: after some dozens of
bodies a process that holds nothing may have half a gigabyte. So :func:`configure_malloc` fixes the size from which
blocks are mapped; what is used again and again, bodies and outputs, comes from :mod:`poolhouse.buffers`.

What is left are smaller blocks. ``malloc_trim`` gives back every free page. It is not called while requests come and
go, since fresh pages are dearer than kept ones, but where more is kept than was held at any time of the last half
second; and at once where so much is kept beside what is held that soon more would be than the service promises.

Where the allocator is another one (musl, macOS, Windows) nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SLACK_BYTES: Final = 32 * 2**20
"""So much may be kept."""
URGENT_BYTES: Final = 64 * 2**20
"""So much is given back at once: 128 MiB may lie beside what ``/metrics`` says is held. The event loop waits for the
allocator meanwhile, a few milliseconds for each hundred MiB."""
CHECK_INTERVAL_S: Final = 0.02
"""From one look at the memory to the next; one takes 20 us."""
_HISTORY_LENGTH: Final = 25

_MAPPED_FROM_BYTES: Final = 2**20
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

Trim = Callable[[], None]


def configure_malloc() -> None:
    """From now on malloc maps blocks of a MiB and more one by one, so that they go back when they are freed, and keeps
    no more than :data:`SLACK_BYTES` free at the end of its heap. For the whole process; ``mallopt(3)``."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    # guard: large-blocks-are-mapped
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
    # Without this one the other makes it 128 KiB: every freed output would cost the next one its pages.
    mallopt(_M_TRIM_THRESHOLD, SLACK_BYTES)


def find_malloc_trim() -> Trim | None:
    """What gives every free page back; None where there is no such call."""
    try:
        call = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    call.argtypes, call.restype = (ctypes.c_size_t,), ctypes.c_int

    def trim() -> None:
        call(0)

    return trim if os.path.exists(_STATM) else None


_STATM: Final = "/proc/self/statm"


def resident_bytes() -> int:
    """What this process has of the machine's memory; Linux tells it."""
    with open(_STATM, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class TrimPolicy:
    """When freed memory is given back. Pure.

    Attributes:
        idle_bytes: what the process has when it holds nothing.
    """

    idle_bytes: int
    _held_history: deque[int] = field(default_factory=lambda: deque(maxlen=_HISTORY_LENGTH))

    def should_trim(self, resident_bytes: int, held_bytes: int) -> bool:
        """Whether memory is kept that should go back; asked every :data:`CHECK_INTERVAL_S`."""
        self._held_history.append(held_bytes)
        kept = resident_bytes - self.idle_bytes
        # guard: heap-in-use-is-not-trimmed
        is_unused = len(self._held_history) == _HISTORY_LENGTH and kept - max(self._held_history) > SLACK_BYTES
        return is_unused or kept - held_bytes > URGENT_BYTES

    @property
    def is_idle(self) -> bool:
        """Whether nothing was held for as long as it looks back."""
        return len(self._held_history) == _HISTORY_LENGTH and not any(self._held_history)

    def record_trim(self, resident_bytes: int, held_bytes: int) -> None:
        """All was given back that can be: what there is now beside what is held is needed. While requests come that
        may be theirs, so it is looked at again once nothing is held."""
        needed = resident_bytes - held_bytes
        self.idle_bytes = max(self.idle_bytes, needed) if held_bytes else needed
        self._held_history.clear()


class HeapTrimmer:
    """Looks at the memory while requests come and for half a second after, and gives back what is kept.

    Args:
        held_bytes: what is held for requests now.
        trim: gives free pages back; None where nothing can be done.
        resident_bytes: what the process has.
    """

    def __init__(
        self,
        held_bytes: Callable[[], int],
        trim: Trim | None,
        resident_bytes: Callable[[], int] = resident_bytes,
    ) -> None:
        self._held_bytes = held_bytes
        self._trim = trim
        self._resident_bytes = resident_bytes
        self._policy: TrimPolicy | None = None
        self._is_scheduled = False

    def start(self) -> None:
        """Everything was done once: what the process has now it has when it is idle."""
        if self._trim is not None:
            configure_malloc()
            self._policy = TrimPolicy(self._resident_bytes())

    def schedule_check(self) -> None:
        """A request has come: look until half a second after the last one was answered."""
        if self._policy is not None and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(CHECK_INTERVAL_S, self._check, self._policy)

    def _check(self, watch: TrimPolicy) -> None:
        self._is_scheduled = False
        if watch.should_trim(self._resident_bytes(), self._held_bytes()):
            self._is_scheduled = True
            assert self._trim is not None
            # guard: heap-is-trimmed
            trimming = asyncio.get_running_loop().run_in_executor(None, self._trim)
            trimming.add_done_callback(lambda _: self._on_trimmed(watch))
        elif not watch.is_idle:
            self.schedule_check()

    def _on_trimmed(self, watch: TrimPolicy) -> None:
        watch.record_trim(self._resident_bytes(), self._held_bytes())
        self._is_scheduled = False
        self.schedule_check()
