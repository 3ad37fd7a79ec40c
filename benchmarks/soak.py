"""A long run over many connections: every bit of every reply compared, and what the service holds at the end.

Prints wrong answers, the growth of its memory after the warm-up, and the gauges that must be zero.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from random import Random

from _results import describe_machine, write_result
from poolhouse.backend.devices import choose_devices
from poolhouse.kernels import compile_ahead

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the folder that holds the tests

from tests.checked_requests import CheckedRequest, find_mismatch, random_checked_request
from tests.hostile.server_process import ServerProcess, server_process

ALLOWED_GROWTH_MIB = 32.0
GAUGE_LINE = re.compile(r"^(poolhouse_\w*(?:in_flight|held|jobs|waiting)\w*)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def run_connection(server: ServerProcess, calls: list[CheckedRequest], first: int, request_count: int) -> list[str]:
    """One connection's part: the faults it found."""
    faults = []
    with server.http_connection() as caller:
        for number in range(first, first + request_count):
            call = calls[(number * 31) % len(calls)]
            try:
                reply = caller.send("POST", call.target, call.headers, call.body)
                fault = find_mismatch(call, reply.status, reply.body)
            except (HTTPException, OSError) as error:
                fault = f"{error!r} to {call.target}"
                caller.close()
            if fault:
                faults.append(fault)
    return faults


def run_connections(
    server: ServerProcess, calls: list[CheckedRequest], connections: int, request_count: int
) -> list[str]:
    """All connections at once, in rounds, with progress."""
    faults: list[str] = []
    done, each = 0, 50
    with ThreadPoolExecutor(connections) as pool:
        while done < request_count:
            parts = [
                pool.submit(run_connection, server, calls, done + number * each, each) for number in range(connections)
            ]
            faults += [fault for part in parts for fault in part.result()]
            done += each * connections
            print(f"\r{done:,} of {request_count:,}, {len(faults)} wrong", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return faults


def read_gauges(server: ServerProcess) -> dict[str, float]:
    """What ``/metrics`` says is held, waiting or under way."""
    with server.http_connection() as caller:
        text = caller.send("GET", "/metrics").body.decode()
    return {name: float(value) for name, value in GAUGE_LINE.findall(text)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--calls", type=int, default=1000, help="different requests, drawn once")
    parser.add_argument("--inline-work", type=int, default=0, help="0 sends everything through the queue")
    parser.add_argument("--device", default="cpu", help="one device, whose own answers are the right ones")
    asked = parser.parse_args()
    place = describe_machine()
    (device,) = choose_devices((asked.device,))
    # The right answers are this process's own, by the loops that the service has.
    compile_ahead.load_all()
    calls = [random_checked_request(Random(f"soak {number}"), device) for number in range(asked.calls)]
    with server_process(device=asked.device, inline_work=asked.inline_work) as server:
        run_connections(server, calls, asked.connections, max(asked.requests // 10, asked.calls))
        warm = server.resident_bytes
        begun = time.perf_counter()
        faults = run_connections(server, calls, asked.connections, asked.requests)
        seconds = time.perf_counter() - begun
        growth = (server.resident_bytes - warm) / 2**20
        left = read_gauges(server)
    for fault, times in Counter(faults).most_common(10):
        print(f"{times} × {fault}")
    rows = [
        ["requests", f"{asked.requests:,} over {asked.connections} connections"],
        ["wrong answers", str(len(faults))],
        ["memory growth after warm-up", f"{growth:.1f} MiB of {ALLOWED_GROWTH_MIB:.0f} allowed"],
        ["gauges that are not zero", ", ".join(f"{name} {value:g}" for name, value in left.items() if value) or "none"],
        ["requests a second, the comparing client included", f"{asked.requests / seconds:.0f}"],
    ]
    name = "soak" if asked.device == "cpu" else "soak_gpu"
    write_result(name, place, ("what", "found"), rows, {"growth_mib": growth, "wrong": len(faults), "gauges": left})
    sys.exit(bool(faults) or growth > ALLOWED_GROWTH_MIB or any(left.values()))


if __name__ == "__main__":
    main()
