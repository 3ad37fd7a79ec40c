"""The priority of threads: those that pool, decode and encode give way to the event loop.

Every client waits for the event loop, and only some wait for one of these threads. With as many of them as there are
cores, a loop of equal priority waits for its turn of a core; with less to do than they have, it must not.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Final

_NICER: Final = 5
"""A third of the event loop's share of a core that both want. More would starve batches beside other processes."""


def give_way_to_event_loop() -> None:
    """Lowers the priority of the calling thread, and of the threads that it starts; on Linux alone, where each thread
    has its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # A container may forbid the call. Then the threads have the priority that they had.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)
