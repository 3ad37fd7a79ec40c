"""The campaign: attack a service with its default limits, and print what that cost everybody else.

Parts without a server: mutated bodies through every codec, JSON against a strict reference, operators against their
plan. Parts with one: mutated HTTP over sockets, and attacks that are aimed; each against a fresh process where there
is time for that.

The promise (SECURITY.md): while one client attacks, ``/livez`` does not wait 100 ms, memory does not exceed what
``/metrics`` says is held by more than 128 MiB, a neighbour's small request does not wait 100 ms, nothing is answered
with 500, and no traceback is logged. Times are those that the service adds to what the machine does (see ``seen``); a
part that passes one of them is run once more, and is at fault where it does so again (see ``verdict``).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from _results import describe_machine, write_result

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the folder that holds the tests

from tests.hostile.campaign.monitor import HELD, monitor_service
from tests.hostile.campaign.observations import near_maximum
from tests.hostile.campaign.offline import PARTS
from tests.hostile.campaign.targeted_attacks import TARGETED_ATTACKS
from tests.hostile.campaign.verdict import Result, judge, retry_once_if_late
from tests.hostile.server_process import ServerProcess, logged_process, poll_until_at_most

ROOT: Final = Path(__file__).resolve().parent.parent
COLUMNS: Final = (
    "attack",
    "cases",
    "longest /livez, ms",
    "control, ms",
    "added to /livez, ms",
    "added to a small request, ms",
    "memory beyond held, MiB",
    "faults",
)
_IDLE_S: Final = 0.5
_FRESH_SERVICES_FROM_S: Final = 300.0
"""In less time than this all parts attack one service, one after another."""
_MUTATED_EXCHANGES: Final = "mutated exchanges"
_KEY: Final = "0123456789abcdef" * 2


def table_row(result: Result) -> list[str]:
    """The row of a result in the table."""
    seen = result.seen
    measured = (
        ["–"] * 5
        if seen is None
        else [
            f"{near_maximum([each.ms for each in seen.probes]):.0f}",
            f"{near_maximum([each.ms for each in seen.controls]):.0f}",
            f"{seen.added_ms(seen.probes):.0f}",
            f"{seen.added_ms(seen.small_requests):.0f}",
            f"{max(0, seen.unaccounted_bytes) / 2**20:.0f}",
        ]
    )
    return [result.name, "–" if result.cases is None else f"{result.cases:,}", *measured, str(len(result.faults))]


class Services:
    """The services that are attacked: a fresh one for each part, or one for all where there is little time.

    Args:
        shares: whether parts share one.
    """

    def __init__(self, shared: bool) -> None:
        self._shared = shared
        self._running: dict[bool, tuple[ExitStack, ServerProcess, Path]] = {}

    def acquire(self, needs_key: bool) -> tuple[ServerProcess, Path]:
        """A service that nobody asks for anything now, and its log."""
        if needs_key not in self._running:
            stack = ExitStack()
            log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log"
            settings = {"api_keys": f"owner={_KEY}"} if needs_key else {}
            server = stack.enter_context(logged_process(stack.enter_context(log.open("wb")), **settings))
            self._running[needs_key] = stack, server, log
        _, server, log = self._running[needs_key]
        warm_up(server)
        time.sleep(_IDLE_S)
        poll_until_at_most(lambda: read_held_bytes(server, needs_key), 0)
        return server, log

    def release(self, needs_key: bool, is_ready: bool) -> None:
        """A part is over; a service that is broken is not used again."""
        if not is_ready or not self._shared:
            stack, server, _ = self._running.pop(needs_key)
            if not is_ready:
                server.process.kill()
            with suppress(AssertionError):  # it was found dead, and that is told as a fault
                stack.close()

    def close(self) -> None:
        """No part follows."""
        for keyed in list(self._running):
            self._running.pop(keyed)[0].close()


def read_held_bytes(server: ServerProcess, needs_key: bool) -> int:
    """What the service says is held."""
    with server.http_connection() as caller:
        page = caller.send("GET", "/metrics", {"Authorization": f"Bearer {_KEY}"} if needs_key else {}).body
    found = HELD.search(page)
    assert found is not None, "/metrics has no poolhouse_held_bytes"
    return int(float(found[1]))


def run_attack(services: Services, name: str, seconds: float, seed: int, needs_key: bool) -> Result:
    """One attack."""
    server, log = services.acquire(needs_key)
    logged_before = log.stat().st_size
    command = [sys.executable, "-m", "tests.hostile.campaign.attack_process", name, str(server.port), str(seed)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "service"), str(ROOT)])}
    with (
        monitor_service(server, server.resident_bytes, _KEY if needs_key else None) as seen,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as one,
    ):
        time.sleep(seconds)
        said, _ = one.communicate("", timeout=60)
    try:
        ready = server.readiness_status()
    except OSError as fault:
        seen.failures.append(f"/readyz: {fault!r}")
        ready = 0
    logged = log.read_bytes()[logged_before:].decode(errors="replace")
    services.release(needs_key, ready == 200)
    return judge(name, seen, said, logged, ready)


def warm_up(server: ServerProcess) -> None:
    """What the first requests of each kind allocate once."""
    with server.http_connection() as caller:
        for target in ("/livez", "/metrics", "/openapi.json", "/docs", "/v1/operators"):
            caller.send("GET", target)


def run_campaign(seconds: float, seed: int, name_filter: str) -> list[Result]:
    """All parts, those without a server first; each has its share of the time."""
    aimed = [attack for attack in TARGETED_ATTACKS if name_filter in attack.name]
    offline = [part for part in PARTS if name_filter in part[0]]
    served = len(aimed) + 4 * (name_filter in _MUTATED_EXCHANGES)
    services = Services(shared=seconds < _FRESH_SERVICES_FROM_S)
    # A fresh service takes some seconds to start, and one that was used a moment to be idle.
    between_s = 2.0 if seconds < _FRESH_SERVICES_FROM_S else 7.0
    share = max(1.5, (seconds - between_s * (len(aimed) + 1)) / (served + 2 * len(offline)))
    attacks = [(_MUTATED_EXCHANGES, 4 * share, False)] if name_filter in _MUTATED_EXCHANGES else []
    attacks += [(attack.name, share, attack.needs_keys) for attack in aimed]
    results = []
    for name, part in offline:
        cases, faults = part(Random(seed), 2 * share)
        results.append(Result(name, cases, None, faults))
        print_result(results[-1])
    for name, part_s, keyed in attacks:
        results.append(retry_once_if_late(partial(run_attack, services, name, part_s, seed, keyed), print_result))
        print_result(results[-1])
    services.close()
    return results


def print_result(result: Result) -> None:
    """Progress, and what was found."""
    print(" | ".join(table_row(result)), file=sys.stderr, flush=True)
    for fault in (result.faults + result.late)[:5]:
        print(f"    {fault[:1000]}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="about how long all parts take together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="names the random parts of a run")
    parser.add_argument("--only", default="", help="the parts whose names have this in them")
    parser.add_argument("--write", action="store_true", help="write the result for the documents")
    asked = parser.parse_args()
    place = describe_machine()
    print(f"seed {asked.seed}; {', '.join(COLUMNS)}", file=sys.stderr)
    results = run_campaign(asked.seconds, asked.seed, asked.only)
    faults = sum(len(result.faults) for result in results)
    if asked.write:
        watched = [result.seen for result in results if result.seen is not None]
        figures = {
            "probe_ms": max(seen.added_ms(seen.probes) for seen in watched),
            "small_ms": max(seen.added_ms(seen.small_requests) for seen in watched),
            "beyond_mib": max(seen.unaccounted_bytes for seen in watched) / 2**20,
            "faults": faults,
        }
        write_result("attack", place, COLUMNS, [table_row(result) for result in results], figures)
    print(f"{len(results)} parts, {faults} faults")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
