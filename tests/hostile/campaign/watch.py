"""What a service under attack looks like to everybody else: its probe, a small request, its memory, its log.

The watch runs in this process and the attackers in others, of lower priority: on a machine of few cores they would
otherwise delay the watch itself, which is no fault of the service.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Final

from tests.hostile.process import Caller, ServerProcess

SMALL: Final = b'{"input": [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]], "kernel_size": 2}'
_HELD: Final = re.compile(rb"^poolhouse_held_bytes (\S+)$", re.MULTILINE)
_PAUSE_S: Final = 0.005


@dataclass(slots=True)
class Seen:
    """What the watch saw.

    Attributes:
        probe_ms: how long each ``/livez`` took.
        small_ms: how long each small request of a neighbour took; those that were refused too.
        statuses: of the neighbour's requests, each with its count.
        beyond_bytes: at most so many bytes of resident memory, above the idle process, were not in ``held_bytes``.
        failures: probes that got no answer.
    """

    probe_ms: list[float] = field(default_factory=list)
    small_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    beyond_bytes: int = 0
    failures: list[str] = field(default_factory=list)

    def worst_ms(self, times: list[float]) -> float:
        """The longest wait but for one in two hundred: a machine with other work on it delays that many by itself."""
        ranked = sorted(times)
        return ranked[max(0, len(ranked) - 1 - len(ranked) // 200)] if ranked else 0.0


@contextmanager
def watching(server: ServerProcess, idle_bytes: int, key: str | None = None) -> Iterator[Seen]:
    """Watch the service while the block runs.

    Args:
        server: the service.
        idle_bytes: its resident memory before the attack.
        key: of the neighbour, where the service has keys.
    """
    seen, ends = Seen(), threading.Event()
    keyed = {} if key is None else {"Authorization": f"Bearer {key}"}

    def probe(caller: Caller) -> None:
        started = time.perf_counter()
        status = caller.ask("GET", "/livez").status
        seen.probe_ms.append(1000 * (time.perf_counter() - started))
        if status != 200:
            seen.failures.append(f"/livez answered {status}")

    def small(caller: Caller) -> None:
        started = time.perf_counter()
        status = caller.ask("POST", "/v1/pool/max_pool2d", keyed | {"Content-Type": "application/json"}, SMALL).status
        seen.small_ms.append(1000 * (time.perf_counter() - started))
        seen.statuses[status] = seen.statuses.get(status, 0) + 1

    def held(caller: Caller) -> int:
        found = _HELD.search(caller.ask("GET", "/metrics", keyed).body)
        assert found is not None, "/metrics has no poolhouse_held_bytes"
        return int(float(found[1]))

    def memory(caller: Caller) -> None:
        # Read between two readings of what is held: what was held at neither moment is beyond it.
        before = held(caller)
        resident = server.held_bytes
        seen.beyond_bytes = max(seen.beyond_bytes, resident - idle_bytes - max(before, held(caller)))

    def again_and_again(ask: Callable[[Caller], None]) -> None:
        caller = Caller(server.port)
        while not ends.is_set():
            try:
                ask(caller)
            except (HTTPException, OSError) as fault:
                seen.failures.append(repr(fault))
                caller.close()
            ends.wait(_PAUSE_S)
        caller.close()

    watches = [threading.Thread(target=again_and_again, args=(each,), daemon=True) for each in (probe, small, memory)]
    for thread in watches:
        thread.start()
    try:
        yield seen
    finally:
        ends.set()
        for thread in watches:
            thread.join()
