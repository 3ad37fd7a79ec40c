"""Run requests over many connections for a long time, and compare every bit of every response.

The result is the number of wrong responses, the memory growth after the warm-up, and the gauges, which must be zero.
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
from tests.hostile.server_process import ServerProcess, logged_process

ALLOWED_GROWTH_MIB = 32.0
GAUGE_LINE = re.compile(r"^(poolhouse_\w*(?:in_flight|held|jobs|waiting)\w*)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def run_connection(server: ServerProcess, calls: list[CheckedRequest], first: int, request_count: int) -> list[str]:
    """Send the requests of one connection; returns the faults."""
    faults = []
    with server.http_connection() as client:
        for number in range(first, first + request_count):
            call = calls[(number * 31) % len(calls)]
            try:
                response = client.send("POST", call.target, call.headers, call.body)
                fault = find_mismatch(call, response.status, response.body)
            except (HTTPException, OSError) as error:
                fault = f"{error!r} to {call.target}"
                client.close()
            if fault:
                faults.append(fault)
    return faults


def run_connections(
    server: ServerProcess, calls: list[CheckedRequest], connections: int, request_count: int
) -> list[str]:
    """Run all connections concurrently, in rounds, and print the progress; returns the faults."""
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
    """The gauges of ``/metrics`` for held memory and for requests in progress."""
    with server.http_connection() as client:
        text = client.send("GET", "/metrics").body.decode()
    return {name: float(value) for name, value in GAUGE_LINE.findall(text)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="number of requests")
    parser.add_argument("--connections", type=int, default=64, help="number of connections")
    parser.add_argument("--calls", type=int, default=1000, help="number of different random requests")
    parser.add_argument("--inline-work", type=int, default=0, help="0 queues all requests")
    parser.add_argument("--device", default="cpu", help="the device, also for the expected results")
    options = parser.parse_args()
    machine = describe_machine()
    (device,) = choose_devices((options.device,))
    # The expected results are computed in this process, by the same loops as in the service.
    compile_ahead.load_all()
    calls = [random_checked_request(Random(f"soak {number}"), device) for number in range(options.calls)]
    with logged_process(None, device=options.device, inline_work=options.inline_work) as server:
        run_connections(server, calls, options.connections, max(options.requests // 10, options.calls))
        warm_bytes = server.resident_bytes
        start = time.perf_counter()
        faults = run_connections(server, calls, options.connections, options.requests)
        seconds = time.perf_counter() - start
        growth = (server.resident_bytes - warm_bytes) / 2**20
        gauges = read_gauges(server)
    for fault, count in Counter(faults).most_common(10):
        print(f"{count} × {fault}")
    rows = [
        ["requests", f"{options.requests:,} over {options.connections} connections"],
        ["wrong responses", str(len(faults))],
        ["memory growth after warm-up", f"{growth:.1f} MiB of {ALLOWED_GROWTH_MIB:.0f} allowed"],
        ["gauges above zero", ", ".join(f"{name} {value:g}" for name, value in gauges.items() if value) or "none"],
        ["requests per second, including the comparison in the client", f"{options.requests / seconds:.0f}"],
    ]
    figures = {"growth_mib": growth, "wrong": len(faults), "gauges": gauges}
    write_result("soak" if options.device == "cpu" else "soak_gpu", machine, ("measured", "result"), rows, figures)
    sys.exit(bool(faults) or growth > ALLOWED_GROWTH_MIB or any(gauges.values()))


if __name__ == "__main__":
    main()
