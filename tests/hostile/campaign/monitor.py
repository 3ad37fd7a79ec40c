"""Monitor a service under attack: its probe, a small request of another client, its memory, its log.

The monitor runs in this process. The attackers run in others of lower priority, since on a machine with few cores they
would otherwise delay the monitor, which is not the service's fault.
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
"""Rendering the metrics page costs the service more than a probe."""


@contextmanager
def monitor_service(server: ServerProcess, idle_bytes: int, key: str | None = None) -> Iterator[Observations]:
    """Monitor the service while the block runs.

    Args:
        server: the service.
        idle_bytes: its resident memory before the attack.
        key: of the other client, if the service has keys.
    """
    seen, ends = Observations(), threading.Event()
    keyed = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(connection: HttpConnection, method: str, target: str, into: list[RequestTiming], *given: object) -> int:
        runnable_s, begun_s = _runnable_s(server), time.perf_counter()
        status = connection.send(method, target, *given).status  # type: ignore[arg-type]  # headers and body, or neither
        ended_s = time.perf_counter()
        into.append(RequestTiming(begun_s, ended_s, _runnable_s(server) - runnable_s))
        return status

    def probe(connection: HttpConnection) -> None:
        status = ask(connection, "GET", "/livez", seen.probes)
        if status != 200:
            seen.failures.append(f"/livez returned {status}")

    def small(connection: HttpConnection) -> None:
        headers = keyed | {"Content-Type": "application/json"}
        status = ask(connection, "POST", "/v1/pool/max_pool2d", seen.small_requests, headers, SMALL)
        seen.statuses[status] = seen.statuses.get(status, 0) + 1

    def control(connection: HttpConnection) -> None:
        ask(connection, "GET", "/", seen.controls)

    def held(connection: HttpConnection) -> int:
        found = HELD.search(connection.send("GET", "/metrics", keyed).body)
        assert found is not None, "/metrics has no poolhouse_held_bytes"
        return int(float(found[1]))

    def memory(connection: HttpConnection) -> None:
        # Read between two readings of the held bytes; the excess is computed from the larger of them.
        before = held(connection)
        resident = server.resident_bytes
        seen.unaccounted_bytes = max(seen.unaccounted_bytes, resident - idle_bytes - max(before, held(connection)))

    def repeat(port: int, probe_once: Callable[[HttpConnection], None], pause_s: float) -> None:
        connection = HttpConnection(port)
        while not ends.is_set():
            try:
                probe_once(connection)
            except (HTTPException, OSError) as fault:
                seen.failures.append(repr(fault))
                connection.close()
            ends.wait(pause_s)
        connection.close()

    with _control_process() as control_port:
        tasks: tuple[tuple[int, Callable[[HttpConnection], None], float], ...] = (
            (server.port, probe, _PAUSE_S),
            (server.port, small, _PAUSE_S),
            (control_port, control, _PAUSE_S),
            (server.port, memory, _MEMORY_PAUSE_S),
        )
        watches = [threading.Thread(target=repeat, args=each, daemon=True) for each in tasks]
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
    """The seconds that the event loop's thread has waited for a core so far; 0 if the system does not report it."""
    try:
        schedstat = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(schedstat.split()[1]) / 1e9


def _others_s() -> float:
    """The core seconds used by all programs except this process and its children."""
    taken = psutil.cpu_times()
    own = psutil.Process()
    ours = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            ours += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return float(sum(taken[:8])) - float(taken.idle) - float(getattr(taken, "iowait", 0.0)) - ours
