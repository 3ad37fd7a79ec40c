"""What an attack is judged by: the limits of the promise, and a second try where a time is over one.

Times depend on what else the machine does, more than the control can show. So a part with a time over its limit is run
once more, and is at fault where a time is over its limit again. Everything else is a fault at once and stays one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from tests.hostile.campaign.observations import Observations

PROBE_MS: Final = 100.0
"""What the service may add to a probe of ``/livez``."""
SMALL_MS: Final = 100.0
"""The same for a neighbour's small request."""
BEYOND_MIB: Final = 128.0
"""Memory beyond what ``/metrics`` says is held."""
_CASES: Final = "exchanges "
"""How the attackers begin the line that counts what they tried; what else they say is a fault."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one part found.

    Attributes:
        name: of the part.
        cases: how many things it tried; None where it does not count them.
        seen: by the watch; None for a part without a service.
        faults: a sentence each.
        late: times over their limits, which are no faults yet.
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
        seen: by the watch.
        said: what the attackers printed.
        logged: what the service logged meanwhile.
        ready: the status of ``/readyz`` afterwards, 0 for no answer.
    """
    lines = said.splitlines()
    cases = next((int(line.split()[1]) for line in lines if line.startswith(_CASES)), None)
    faults = [line for line in lines if not line.startswith(_CASES)] + seen.failures
    if ready != 200:
        faults.append(f"/readyz answers {ready} afterwards")
    if seen.statuses.get(500):
        faults.append(f"{seen.statuses[500]} small requests of a neighbour were answered with 500")
    faults += [line for line in logged.splitlines() if "Traceback" in line or " ERROR " in line]
    if seen.unaccounted_bytes > BEYOND_MIB * 2**20:
        faults.append(f"{seen.unaccounted_bytes / 2**20:.0f} MiB of memory that held_bytes does not tell of")
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
    """The result of an attack, which is tried once more if a time was over its limit.

    Args:
        attack: does it.
        tell: is told a first result that does not stand.

    Returns:
        What the last try found, with the faults of both. Nothing in it is late: times over their limits in both tries
        are faults.
    """
    first = attack()
    if not first.late:
        return first
    tell(first)
    again = attack()
    before = ", ".join(first.late)
    late = [f"{before}, and then: {each}" for each in again.late]
    return replace(again, faults=first.faults + again.faults + late, late=[])
