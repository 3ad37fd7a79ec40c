"""Runs parts of one kernel call in several threads; compiled loops release the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

_lock = Lock()
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def shard(work: Callable[[int, int], None], units: int, threads: int) -> None:
    """Calls ``work(start, stop)`` until all units are done, with as many threads as given, this one included.

    What a unit gives must not depend on which other units are done with it.
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
        # Their memory is this call's, so none may be left behind.
        errors = [error for other in others if (error := other.exception()) is not None]
    if errors:
        raise errors[0]


def _pool(threads: int) -> ThreadPoolExecutor:
    # A forked child has none of its parent's threads.
    key = (os.getpid(), threads)
    with _lock:
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(threads - 1, thread_name_prefix="poolhouse-kernel")
        return _pools[key]
