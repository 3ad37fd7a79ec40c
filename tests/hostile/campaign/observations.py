"""What the watch saw during an attack, and how much of it is the service's own. Pure.

Whatever else the machine does delays probes too. So a control, a bare server in a process of its own, is probed at the
same time, and what a probe of the service takes beyond that of the control is the service's. Where other programs take
cores, the time for which the event loop waits for one, which Linux counts, is theirs as well; on a machine without
others it is the service's own threads that the loop waits for, and nothing is forgiven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

OTHERS_CORES: Final = 0.25
"""More than this of the machine's cores taken by other programs is what makes it busy."""


class RequestTiming(NamedTuple):
    """One request: when it was sent and answered, and for how long of that the event loop waited for a core."""

    begun_s: float
    ended_s: float
    runnable_s: float = 0.0

    @property
    def ms(self) -> float:
        """How long it took."""
        return 1000 * (self.ended_s - self.begun_s)


@dataclass(slots=True)
class Observations:
    """What the watch saw.

    Attributes:
        probes: of ``/livez``.
        small: small requests of a neighbour; those that were refused too.
        controls: probes of the control.
        statuses: of the neighbour's requests, each with its count.
        beyond_bytes: at most so many bytes of resident memory, above the idle process, were not in ``held_bytes``.
        failures: probes that got no answer.
        others_cores: how many cores programs other than service, watch and attackers took.
    """

    probes: list[RequestTiming] = field(default_factory=list)
    small_requests: list[RequestTiming] = field(default_factory=list)
    controls: list[RequestTiming] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    unaccounted_bytes: int = 0
    failures: list[str] = field(default_factory=list)
    other_cores: float = 0.0

    def added_ms(self, waits: Sequence[RequestTiming]) -> float:
        """The longest of these waits, less what the machine delayed the control by at the same time."""
        is_busy = self.other_cores > OTHERS_CORES
        return near_maximum([each.ms - max(self._control_ms(each), is_busy * 1000 * each.runnable_s) for each in waits])

    def _control_ms(self, wait: RequestTiming) -> float:
        return max(
            (each.ms for each in self.controls if each.begun_s < wait.ended_s and wait.begun_s < each.ended_s),
            default=0.0,
        )


def near_maximum(times: Sequence[float]) -> float:
    """The longest but for one in two hundred."""
    ranked = sorted(times)
    return max(0.0, ranked[max(0, len(ranked) - 1 - len(ranked) // 200)]) if ranked else 0.0
