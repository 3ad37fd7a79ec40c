"""The observations of a monitor during an attack, and the part of the delays that the service causes. Pure.

Other load on the machine delays probes too. So a control, a minimal server in a process of its own, is probed at the
same time, and only the excess of the service's probe over the control's counts. If other programs use cores, the time
for which the event loop waits for a core (which Linux reports) is subtracted too. Without other programs the loop waits
for the service's own threads, and nothing is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

OTHERS_CORES: Final = 0.25
"""The machine counts as busy if other programs use more than this many cores."""


class RequestTiming(NamedTuple):
    """One request: when it was sent, when its response arrived, and how long the event loop waited for a core
    meanwhile."""

    begun_s: float
    ended_s: float
    runnable_s: float = 0.0

    @property
    def ms(self) -> float:
        """Its duration in milliseconds."""
        return 1000 * (self.ended_s - self.begun_s)


@dataclass(slots=True)
class Observations:
    """The observations of one attack.

    Attributes:
        probes: of ``/livez``.
        small_requests: small requests of another client, including refused ones.
        controls: probes of the control.
        statuses: of the small requests, each with its count.
        unaccounted_bytes: the most resident memory, above that of the idle process, that was not in ``held_bytes``.
        failures: probes without a response.
        other_cores: the cores used by programs other than the service, the monitor and the attackers.
    """

    probes: list[RequestTiming] = field(default_factory=list)
    small_requests: list[RequestTiming] = field(default_factory=list)
    controls: list[RequestTiming] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    unaccounted_bytes: int = 0
    failures: list[str] = field(default_factory=list)
    other_cores: float = 0.0

    def added_ms(self, waits: Sequence[RequestTiming]) -> float:
        """The longest of these requests, minus the simultaneous delay of the control."""
        is_busy = self.other_cores > OTHERS_CORES
        return near_maximum([each.ms - max(self._control_ms(each), is_busy * 1000 * each.runnable_s) for each in waits])

    def _control_ms(self, wait: RequestTiming) -> float:
        return max(
            (each.ms for each in self.controls if each.begun_s < wait.ended_s and wait.begun_s < each.ended_s),
            default=0.0,
        )


def near_maximum(times: Sequence[float]) -> float:
    """The 99.5th percentile."""
    ranked = sorted(times)
    return max(0.0, ranked[max(0, len(ranked) - 1 - len(ranked) // 200)]) if ranked else 0.0
