"""What a service under attack looks like to everybody else: its probe, a small request, its memory, its log.

The watch runs in this process and the attackers in others, of lower priority: on a machine of few cores they would
otherwise delay the watch itself, which is no fault of the service.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Final

import psutil

from tests.hostile.campaign.observations import Observations, RequestTiming
from tests.hostile.server_process import HttpConnection, ServerProcess

SMALL: Final = b'{"input": [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]], "kernel_size": 2}'
HELD: Final = re.compile(rb"^poolhouse_held_bytes (\S+)$", re.MULTILINE)
_PAUSE_S: Final = 0.005
_MEMORY_PAUSE_S: Final = 0.02
"""The page that tells what is held costs the service more than a probe."""


@contextmanager
def monitor_service(server: ServerProcess, idle_bytes: int, key: str | None = None) -> Iterator[Observations]:
    """Watch the service while the block runs.

    Args:
        server: the service.
        idle_bytes: its resident memory before the attack.
        key: of the neighbour, where the service has keys.
    """
    seen, ends = Observations(), threading.Event()
    keyed = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(caller: HttpConnection, method: str, target: str, into: list[RequestTiming], *given: object) -> int:
        runnable_s, begun_s = _runnable_s(server), time.perf_counter()
        status = caller.send(method, target, *given).status  # type: ignore[arg-type]  # headers and body, or neither
        ended_s = time.perf_counter()
        into.append(RequestTiming(begun_s, ended_s, _runnable_s(server) - runnable_s))
        return status

    def probe(caller: HttpConnection) -> None:
        status = ask(caller, "GET", "/livez", seen.probes)
        if status != 200:
            seen.failures.append(f"/livez answered {status}")

    def small(caller: HttpConnection) -> None:
        headers = keyed | {"Content-Type": "application/json"}
        status = ask(caller, "POST", "/v1/pool/max_pool2d", seen.small_requests, headers, SMALL)
        seen.statuses[status] = seen.statuses.get(status, 0) + 1

    def control(caller: HttpConnection) -> None:
        ask(caller, "GET", "/", seen.controls)

    def held(caller: HttpConnection) -> int:
        found = HELD.search(caller.send("GET", "/metrics", keyed).body)
        assert found is not None, "/metrics has no poolhouse_held_bytes"
        return int(float(found[1]))

    def memory(caller: HttpConnection) -> None:
        # Read between two readings of what is held: what was held at neither moment is beyond it.
        before = held(caller)
        resident = server.resident_bytes
        seen.unaccounted_bytes = max(seen.unaccounted_bytes, resident - idle_bytes - max(before, held(caller)))

    def again_and_again(port: int, asking: Callable[[HttpConnection], None], pause_s: float) -> None:
        caller = HttpConnection(port)
        while not ends.is_set():
            try:
                asking(caller)
            except (HTTPException, OSError) as fault:
                seen.failures.append(repr(fault))
                caller.close()
            ends.wait(pause_s)
        caller.close()

    with _control_process() as control_port:
        tasks: tuple[tuple[int, Callable[[HttpConnection], None], float], ...] = (
            (server.port, probe, _PAUSE_S),
            (server.port, small, _PAUSE_S),
            (control_port, control, _PAUSE_S),
            (server.port, memory, _MEMORY_PAUSE_S),
        )
        watches = [threading.Thread(target=again_and_again, args=each, daemon=True) for each in tasks]
        begun_s, others_s = time.perf_counter(), _others_s()
        for thread in watches:
            thread.start()
        try:
            yield seen
        finally:
            seen.other_cores = (_others_s() - others_s) / (time.perf_counter() - begun_s)
            ends.set()
            for thread in watches:
                thread.join()


@contextmanager
def _control_process() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.hostile.campaign.control_server"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _runnable_s(server: ServerProcess) -> float:
    """For how long the event loop's thread has waited for a core in its life; 0 where the system does not tell."""
    try:
        told = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(told.split()[1]) / 1e9


def _others_s() -> float:
    """Seconds of all cores that programs took which are neither this one nor of its making."""
    taken = psutil.cpu_times()
    own = psutil.Process()
    ours = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            ours += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return float(sum(taken[:8])) - float(taken.idle) - float(getattr(taken, "iowait", 0.0)) - ours
