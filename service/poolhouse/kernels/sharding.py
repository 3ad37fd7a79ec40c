"""Division of one kernel call among threads; compiled loops release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

_lock = Lock()
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def shard(work: Callable[[int, int], None], units: int, threads: int) -> None:
    """Call ``work(start, stop)`` for parts of the units, in this many threads including the calling one.

    The result of a unit must not depend on the other units of its part.
    """
    parts = min(threads, units)
    if parts < 2:
        work(0, units)
        return
    bounds = [units * part // parts for part in range(parts + 1)]
    pool = _pool(threads)
    others = [pool.submit(work, bounds[part], bounds[part + 1]) for part in range(1, parts)]
    try:
        work(bounds[0], bounds[1])
    finally:
        # The other threads use memory of this call, so it must not return before they have finished.
        errors = [error for other in others if (error := other.exception()) is not None]
    if errors:
        raise errors[0]


def _pool(threads: int) -> ThreadPoolExecutor:
    # The process ID is part of the key, because a forked child has none of its parent's threads.
    key = (os.getpid(), threads)
    with _lock:
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(threads - 1, thread_name_prefix="poolhouse-kernel")
        return _pools[key]
