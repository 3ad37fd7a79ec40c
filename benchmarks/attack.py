"""The campaign: attack a service with its default limits, and print the effect on other clients.

Parts without a server: mutated bodies through every codec, mutated inference requests, JSON against a strict reference,
operators against their plan. Parts with a server: mutated HTTP over sockets, and targeted attacks; each against a fresh
process if there is time for that.

The promise (SECURITY.md): while one client attacks, ``/livez`` responds within 100 ms, memory exceeds the held bytes
of ``/metrics`` by at most 128 MiB, another client's small request waits at most 100 ms, no response has status 500, and
no traceback is logged. Times are what the service adds to the control of the machine (see ``observations``); a part
that exceeds a time is repeated once, and fails if it exceeds it again (see ``verdict``).
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

from tests.hostile.campaign.inference_attacks import INFERENCE_ATTACKS
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
"""Shorter campaigns attack one service in all parts."""
_MUTATED_EXCHANGES: Final = "mutated exchanges"
_KEY: Final = "0123456789abcdef" * 2


def table_row(result: Result) -> list[str]:
    """The table row of a result."""
    observed = result.seen
    measured = (
        ["–"] * 5
        if observed is None
        else [
            f"{near_maximum([each.ms for each in observed.probes]):.0f}",
            f"{near_maximum([each.ms for each in observed.controls]):.0f}",
            f"{observed.added_ms(observed.probes):.0f}",
            f"{observed.added_ms(observed.small_requests):.0f}",
            f"{max(0, observed.unaccounted_bytes) / 2**20:.0f}",
        ]
    )
    return [result.name, "–" if result.cases is None else f"{result.cases:,}", *measured, str(len(result.faults))]


class Services:
    """The services to attack: a fresh one for each part, or one for all parts in short campaigns.

    Args:
        shared: whether all parts use one service.
    """

    def __init__(self, shared: bool) -> None:
        self._shared = shared
        self._running: dict[bool, tuple[ExitStack, ServerProcess, Path]] = {}

    def acquire(self, needs_key: bool) -> tuple[ServerProcess, Path]:
        """An idle service and its log."""
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
        """End a part; a service that is not ready is killed and not used again."""
        if not is_ready or not self._shared:
            stack, server, _ = self._running.pop(needs_key)
            if not is_ready:
                server.process.kill()
            with suppress(AssertionError):  # the process has died, which is already reported as a fault
                stack.close()

    def close(self) -> None:
        """Stop all services."""
        for needs_key in list(self._running):
            self._running.pop(needs_key)[0].close()


def read_held_bytes(server: ServerProcess, needs_key: bool) -> int:
    """The held bytes of ``/metrics``."""
    with server.http_connection() as client:
        page = client.send("GET", "/metrics", {"Authorization": f"Bearer {_KEY}"} if needs_key else {}).body
    held_bytes = HELD.search(page)
    assert held_bytes is not None, "/metrics has no poolhouse_held_bytes"
    return int(float(held_bytes[1]))


def run_attack(services: Services, name: str, seconds: float, seed: int, needs_key: bool) -> Result:
    """Run one attack in a process of its own, and judge its effect."""
    server, log = services.acquire(needs_key)
    logged_before = log.stat().st_size
    command = [sys.executable, "-m", "tests.hostile.campaign.attack_process", name, str(server.port), str(seed)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "service"), str(ROOT)])}
    with (
        monitor_service(server, server.resident_bytes, _KEY if needs_key else None) as observed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as attack,
    ):
        time.sleep(seconds)
        output, _ = attack.communicate("", timeout=60)
    try:
        ready = server.readiness_status()
    except OSError as error:
        observed.failures.append(f"/readyz: {error!r}")
        ready = 0
    logged = log.read_bytes()[logged_before:].decode(errors="replace")
    services.release(needs_key, ready == 200)
    return judge(name, observed, output, logged, ready)


def warm_up(server: ServerProcess) -> None:
    """Send the first request of each kind, which allocates memory once."""
    with server.http_connection() as client:
        for target in ("/livez", "/metrics", "/openapi.json", "/docs", "/v1/operators"):
            client.send("GET", target)


def run_campaign(seconds: float, seed: int, name_filter: str) -> list[Result]:
    """Run all parts, those without a server first, and divide the time among them."""
    targeted = [attack for attack in (*TARGETED_ATTACKS, *INFERENCE_ATTACKS) if name_filter in attack.name]
    offline = [part for part in PARTS if name_filter in part[0]]
    online_shares = len(targeted) + 4 * (name_filter in _MUTATED_EXCHANGES)
    services = Services(shared=seconds < _FRESH_SERVICES_FROM_S)
    # A fresh service takes some seconds to start, and a used one a moment to become idle.
    between_s = 2.0 if seconds < _FRESH_SERVICES_FROM_S else 7.0
    share_s = max(1.5, (seconds - between_s * (len(targeted) + 1)) / (online_shares + 2 * len(offline)))
    attacks = [(_MUTATED_EXCHANGES, 4 * share_s, False)] if name_filter in _MUTATED_EXCHANGES else []
    attacks += [(attack.name, share_s, attack.needs_keys) for attack in targeted]
    results = []
    for name, part in offline:
        cases, faults = part(Random(seed), 2 * share_s)
        results.append(Result(name, cases, None, faults))
        print_result(results[-1])
    for name, part_s, needs_key in attacks:
        results.append(retry_once_if_late(partial(run_attack, services, name, part_s, seed, needs_key), print_result))
        print_result(results[-1])
    services.close()
    return results


def print_result(result: Result) -> None:
    """Print a result and its first faults."""
    print(" | ".join(table_row(result)), file=sys.stderr, flush=True)
    for fault in (result.faults + result.late)[:5]:
        print(f"    {fault[:1000]}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="approximate duration of all parts together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="seed of the random numbers")
    parser.add_argument("--only", default="", help="run only parts whose names contain this")
    parser.add_argument("--write", action="store_true", help="write the results file for the documents")
    options = parser.parse_args()
    machine = describe_machine()
    print(f"seed {options.seed}; {', '.join(COLUMNS)}", file=sys.stderr)
    results = run_campaign(options.seconds, options.seed, options.only)
    faults = sum(len(result.faults) for result in results)
    if options.write:
        observations = [result.seen for result in results if result.seen is not None]
        figures = {
            "probe_ms": max(each.added_ms(each.probes) for each in observations),
            "small_ms": max(each.added_ms(each.small_requests) for each in observations),
            "beyond_mib": max(each.unaccounted_bytes for each in observations) / 2**20,
            "faults": faults,
        }
        write_result("attack", machine, COLUMNS, [table_row(result) for result in results], figures)
    print(f"{len(results)} parts, {faults} faults")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
