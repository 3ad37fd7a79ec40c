"""Count the cores that this process may use, by its CPU affinity and the limit of its control group."""

from __future__ import annotations

import math
import os
from pathlib import Path


def available_cores(root: Path = Path("/sys/fs/cgroup")) -> int:
    """The number of cores to use, at least 1.

    In a container limited to two of 64 cores, ``os.cpu_count()`` is 64; 64 threads on two cores are slower than two.

    Args:
        root: the mount point of control groups; version 2 has ``cpu.max``, version 1 ``cpu/cpu.cfs_quota_us``.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(root)
    return max(1, min(allowed, math.ceil(quota)) if quota is not None else allowed)


def _cgroup_quota(root: Path) -> float | None:
    words = _read_words(root / "cpu.max")
    if len(words) == 2:
        return None if words[0] == "max" else int(words[0]) / int(words[1])
    quota, period = _read_words(root / "cpu/cpu.cfs_quota_us"), _read_words(root / "cpu/cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        return int(quota[0]) / int(period[0])
    return None


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
