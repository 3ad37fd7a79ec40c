"""Lower the priority of the threads that pool, decode and encode below that of the event loop.

Every client waits for the event loop, and only some wait for one of these threads. When the threads occupy all cores,
an event loop of equal priority would have to wait for a core, although its own work is short.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Final

_NICER: Final = 5
"""Gives a third of the event loop's share of a contended core. More would starve batches when other processes run."""


def lower_thread_priority() -> None:
    """Lower the priority of the calling thread and of the threads that it starts; only on Linux, where priorities are
    per thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # A container may forbid the call; the priority then stays as it is.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)
