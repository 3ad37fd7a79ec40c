"""The verdict on an attack: the limits, and a second try if a time exceeds one.

Times depend on the other load of the machine, more than the control can show. So a part with a time over its limit is
run once more, and fails if a time exceeds its limit again. Everything else is a fault at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from tests.hostile.campaign.observations import Observations

PROBE_MS: Final = 100.0
"""Milliseconds that the service may add to a probe of ``/livez``."""
SMALL_MS: Final = 100.0
"""The same for a small request of another client."""
BEYOND_MIB: Final = 128.0
"""MiB of resident memory that ``poolhouse_held_bytes`` may fail to include."""
_CASES: Final = "exchanges "
"""Prefix of the line with the number of cases; every other line of an attacker is a fault."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one part.

    Attributes:
        name: of the part.
        cases: the number of cases; None if the part does not count them.
        seen: by the monitor; None for a part without a service.
        faults: a sentence for each.
        late: times over their limits, not faults yet.
    """

    name: str
    cases: int | None
    seen: Observations | None
    faults: list[str]
    late: list[str] = field(default_factory=list)


def judge(name: str, seen: Observations, said: str, logged: str, ready: int) -> Result:
    """The result of one attack.

    Args:
        name: of the attack.
        seen: by the monitor.
        said: the output of the attackers.
        logged: the service's log during the attack.
        ready: the status of ``/readyz`` afterwards, 0 for no response.
    """
    lines = said.splitlines()
    cases = next((int(line.split()[1]) for line in lines if line.startswith(_CASES)), None)
    faults = [line for line in lines if not line.startswith(_CASES)] + seen.failures
    if ready != 200:
        faults.append(f"/readyz returned {ready} afterwards")
    if seen.statuses.get(500):
        faults.append(f"{seen.statuses[500]} small requests of another client got status 500")
    faults += [line for line in logged.splitlines() if "Traceback" in line or " ERROR " in line]
    if seen.unaccounted_bytes > BEYOND_MIB * 2**20:
        faults.append(f"{seen.unaccounted_bytes / 2**20:.0f} MiB of memory that held_bytes does not include")
    return Result(name, cases, seen, faults, _late_times(seen))


def _late_times(seen: Observations) -> list[str]:
    return [
        f"{what} waited {added_ms:.0f} ms longer than the control"
        for what, waits, most_ms in (
            ("/livez", seen.probes, PROBE_MS),
            ("a small request", seen.small_requests, SMALL_MS),
        )
        if (added_ms := seen.added_ms(waits)) > most_ms
    ]


def retry_once_if_late(attack: Callable[[], Result], tell: Callable[[Result], None]) -> Result:
    """The result of an attack, which is run a second time if a time was over its limit.

    Args:
        attack: runs it.
        tell: called with a first result that is not final.

    Returns:
        the result of the last try, with the faults of both. Its ``late`` is empty: times over their limits in both
        tries are faults.
    """
    first = attack()
    if not first.late:
        return first
    tell(first)
    again = attack()
    before = ", ".join(first.late)
    late = [f"{before}, and then: {each}" for each in again.late]
    return replace(again, faults=first.faults + again.faults + late, late=[])
