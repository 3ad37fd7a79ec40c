"""What a piece of code costs this thread, whatever else the machine does."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class ResourceUsage:
    """Seconds of this thread, and the most bytes of Python objects at once."""

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measure_usage() -> Iterator[ResourceUsage]:
    """Counts what is done within; read it afterwards. Collecting everybody's garbage does not count."""
    cost = ResourceUsage()
    gc.disable()
    tracemalloc.start()
    started = time.thread_time()
    try:
        yield cost
    finally:
        cost.seconds = time.thread_time() - started
        cost.peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.enable()
