"""Return freed memory to the operating system, which glibc's malloc would keep.

malloc returns a freed block only if it was mapped on its own. By default its threshold for mapping grows up to 32 MiB,
and smaller blocks come from a heap that one small object at its end keeps from shrinking: after some dozens of request
bodies, an idle process may occupy half a gigabyte. So :func:`configure_malloc` fixes the threshold; the large blocks
that are used again and again, request bodies and outputs, come from :mod:`poolhouse.buffers`.

For smaller blocks, ``malloc_trim`` returns every free page. Since new pages cost more than kept ones, it is called only
when more is kept than was held at any time in the last half second, or at once when the kept memory comes close to
the limit that the service promises.

With other allocators (musl, macOS, Windows) nothing is done.
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
"""Free memory that may be kept."""
URGENT_BYTES: Final = 64 * 2**20
"""Free memory that is returned at once: the service promises at most 128 MiB beyond what ``/metrics`` reports as held.
The event loop waits for the allocator for a few milliseconds per hundred MiB."""
CHECK_INTERVAL_S: Final = 0.02
"""Time between two checks; a check takes 20 us."""
_HISTORY_LENGTH: Final = 25

_MAPPED_FROM_BYTES: Final = 2**20
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

Trim = Callable[[], None]


def configure_malloc() -> None:
    """Let malloc map blocks from one MiB on individually, so that freeing returns them, and keep no more than
    :data:`SLACK_BYTES` free at the end of its heap. For the whole process; see ``mallopt(3)``."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    # guard: large-blocks-are-mapped
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
    # Otherwise the other setting lowers this one to 128 KiB, and each new output has to fault in its pages again.
    mallopt(_M_TRIM_THRESHOLD, SLACK_BYTES)


def find_malloc_trim() -> Trim | None:
    """A function that returns every free page to the system; None where there is none."""
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
    """The resident memory of this process, read from ``/proc``; Linux only."""
    with open(_STATM, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class TrimPolicy:
    """Decides when to trim the heap. Pure.

    Attributes:
        idle_bytes: resident memory of the process while no request holds memory.
        busy_bytes: the same, estimated while requests hold memory; may contain uncounted memory of these requests.
    """

    idle_bytes: int
    busy_bytes: int = 0
    _held_history: deque[int] = field(default_factory=lambda: deque(maxlen=_HISTORY_LENGTH))

    def should_trim(self, resident_bytes: int, held_bytes: int) -> bool:
        """Whether to trim now; called every :data:`CHECK_INTERVAL_S`."""
        self._held_history.append(held_bytes)
        kept = resident_bytes - (self.idle_bytes if self.is_idle else max(self.idle_bytes, self.busy_bytes))
        # guard: heap-in-use-is-not-trimmed
        is_unused = len(self._held_history) == _HISTORY_LENGTH and kept - max(self._held_history) > SLACK_BYTES
        return is_unused or kept - held_bytes > URGENT_BYTES

    @property
    def is_idle(self) -> bool:
        """Whether no memory was held in the whole history."""
        return len(self._held_history) == _HISTORY_LENGTH and not any(self._held_history)

    def record_trim(self, resident_bytes: int, held_bytes: int) -> None:
        """Take the resident memory after a trim, without the held memory, as the size that no trim can reduce.

        Args:
            resident_bytes: the memory after the trim.
            held_bytes: the most that requests held during the trim. What they freed meanwhile is still resident.
        """
        needed = resident_bytes - held_bytes
        if held_bytes:
            self.busy_bytes = max(self.busy_bytes, needed)
        else:
            self.idle_bytes, self.busy_bytes = needed, 0
        self._held_history.clear()


class HeapTrimmer:
    """Checks the memory while requests arrive and for half a second after the last one, and trims the heap.

    Args:
        held_bytes: returns the memory that requests hold.
        trim: returns free pages to the system; None disables the trimmer.
        resident_bytes: returns the resident memory of the process.
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
        """Configure malloc, and take the resident memory as the idle size; called after the warm-up.

        The heap is trimmed first: what the start has freed would otherwise count as needed.
        """
        if self._trim is not None:
            configure_malloc()
            self._trim()
            self._policy = TrimPolicy(self._resident_bytes())

    def schedule_check(self) -> None:
        """Check until half a second after the last request has ended; called for every request."""
        if self._policy is not None and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(CHECK_INTERVAL_S, self._check, self._policy)

    def _check(self, policy: TrimPolicy) -> None:
        self._is_scheduled = False
        held_bytes = self._held_bytes()
        if policy.should_trim(self._resident_bytes(), held_bytes):
            self._is_scheduled = True
            assert self._trim is not None
            # guard: heap-is-trimmed
            trimming = asyncio.get_running_loop().run_in_executor(None, self._trim)
            trimming.add_done_callback(lambda _: self._on_trimmed(policy, held_bytes))
        elif not policy.is_idle:
            self.schedule_check()

    def _on_trimmed(self, policy: TrimPolicy, held_before_bytes: int) -> None:
        policy.record_trim(self._resident_bytes(), max(held_before_bytes, self._held_bytes()))
        self._is_scheduled = False
        self.schedule_check()
