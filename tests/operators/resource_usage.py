"""Measures processor time and memory of a block of code, independent of the machine's other load."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class ResourceUsage:
    """Processor seconds of this thread, and the peak bytes of Python objects."""

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measure_usage() -> Iterator[ResourceUsage]:
    """Measure the body of the ``with`` statement, without garbage collection; read the result afterwards."""
    usage = ResourceUsage()
    gc.disable()
    tracemalloc.start()
    started = time.thread_time()
    try:
        yield usage
    finally:
        usage.seconds = time.thread_time() - started
        usage.peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.enable()
