"""Read the use of the machine's cores and memory from Linux's ``/proc``.

In a container it is that of the whole machine, as in Triton's metrics.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class HostSample(NamedTuple):
    """The use of the machine.

    Attributes:
        utilization: the busy share of all cores since the sample before, from 0 to 1; of the first one since boot.
        total_bytes: of memory.
        used_bytes: memory that is not available to new work.
    """

    utilization: float
    total_bytes: int
    used_bytes: int


class HostUsage:
    """Reads samples. A file of ``/proc`` takes microseconds, so this may run on the event loop.

    Args:
        proc: where it is mounted.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._stat, self._meminfo = proc / "stat", proc / "meminfo"
        self._last_total, self._last_idle = 0, 0
        self._last_utilization = 0.0

    def read(self) -> HostSample | None:
        """A sample; None where there are no such files."""
        try:
            # "cpu user nice system idle iowait irq softirq steal guest guest_nice", in ticks; user includes guest.
            ticks = [int(word) for word in self._stat.read_text("ascii").partition("\n")[0].split()[1:9]]
            sizes = dict(line.split(":", 1) for line in self._meminfo.read_text("ascii").splitlines())
            total_bytes, available_bytes = (1024 * int(sizes[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
            total, idle = sum(ticks), ticks[3] + ticks[4]
        except (OSError, ValueError, LookupError):
            return None
        elapsed = total - self._last_total
        # Two pages within one tick have no time between them.
        if elapsed > 0:
            busy = elapsed - (idle - self._last_idle)
            self._last_utilization = min(1.0, max(0.0, busy / elapsed))
            self._last_total, self._last_idle = total, idle
        return HostSample(self._last_utilization, total_bytes, total_bytes - available_bytes)
