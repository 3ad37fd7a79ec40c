"""Measure the cost of contention: idle connections, mixed shapes, and more clients than the service has capacity for.

Ratios, each from one run:

- the time of a lone small request while 64 idle connections are open, with and without joining (goal for p99: 1.1);
- requests per second of eight alternating shapes over those of one shape, at saturation (goal: 0.8);
- responses per second to five times the number of clients that saturates the service, over those to that number
  (goal: 0.9); each client sends its next request after a response, and all requests fit into memory;
- responses per second with status 200 at five times the peak rate, over the peak (goal: 0.9); only a few requests fit
  into memory, the others are refused, and clients ignore ``Retry-After``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from _harness import Connection, build_request, run_poolhouse, time_interleaved
from _results import describe_machine, write_result

IDLE_CONNECTIONS: Final = 64
OVERLOAD_CONNECTIONS: Final = 128
HEAVY_FIELDS: Final = "kernel_size=31&stride=1&padding=15&return_indices=true"
RAW: Final = "application/octet-stream"
DISABLE_JOINING: Final = "import poolhouse.backend.torch_worker as worker; worker.JOIN_BYTES = 0"
CLIENT_CASES: Final = (
    ("small", 32, "kernel_size=2", 64),
    ("medium", 112, "kernel_size=2", 16),
    ("heavy", 160, HEAVY_FIELDS, 8),
)
"""Name, side of the three square planes, fields, and the number of clients that saturates the service."""
SIDES: Final = (32, 30, 28, 26, 24, 22, 20, 18)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000, help="lone requests to each server")
    parser.add_argument("--seconds", type=int, default=2, help="duration of each turn of wrk")
    parser.add_argument("--turns", type=int, default=5, help="turns of wrk of each kind; the median is reported")
    options = parser.parse_args()
    machine = describe_machine()

    medians, p99s = measure_idle_connections(options.requests)
    shapes = measure_mixed_shapes(options.seconds, options.turns)
    many = {name: measure_many_clients(side, fields, count, options) for name, side, fields, count in CLIENT_CASES}
    overload = measure_overload(options.seconds, options.turns)

    columns = ["measured", "baseline", "under contention", "ratio", "goal"]
    rows = [
        [
            "lone small request, median µs",
            f"{medians[1]:.0f}",
            f"{medians[0]:.0f}",
            _bold(medians[0] / medians[1]),
            "–",
        ],
        ["lone small request, p99 µs", f"{p99s[1]:.0f}", f"{p99s[0]:.0f}", _bold(p99s[0] / p99s[1]), "≤ 1.1"],
        shapes.row("eight shapes over one, requests/s", "≥ 0.8"),
        *(each.row(f"five times the clients, {name}, responses/s", "≥ 0.9") for name, each in many.items()),
        overload.row("five times the peak rate, capacity for few, responses/s", "≥ 0.9"),
    ]
    figures = {"p99": p99s[0] / p99s[1], "shapes": shapes.ratio, "overload": overload.ratio}
    figures |= {name: each.ratio for name, each in many.items()}
    write_result("contention", machine, columns, rows, figures)


class PairedRates:
    """Two rates measured in alternating turns, so that a slower machine affects both."""

    def __init__(self) -> None:
        self.baseline: list[float] = []
        self.contended: list[float] = []

    @property
    def ratio(self) -> float:
        """The median of the ratios of adjacent turns."""
        return float(np.median(np.divide(self.contended, self.baseline)))

    def row(self, label: str, goal: str) -> list[str]:
        """The table row: the medians of both, and the ratio."""
        return [label, f"{np.median(self.baseline):.0f}", f"{np.median(self.contended):.0f}", _bold(self.ratio), goal]


def _bold(ratio: float) -> str:
    return f"**{ratio:.2f}**"


def measure_idle_connections(request_count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Median and p99 of a lone request in microseconds, each with joining on and off, with idle connections open."""
    body = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32).tobytes()
    request = build_request("/v1/pool/max_pool2d?shape=1,3,32,32&dtype=float32&kernel_size=2", RAW, body)
    with ExitStack() as stack:
        ports = [
            stack.enter_context(run_poolhouse()),
            stack.enter_context(run_poolhouse(python_prelude=DISABLE_JOINING)),
        ]
        for port in ports:
            for _ in range(IDLE_CONNECTIONS):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        on, off = time_interleaved([Connection(port, request) for port in ports], request_count)
    return (on.median_us, off.median_us), (on.p99_us, off.p99_us)


def measure_mixed_shapes(seconds: int, turns: int) -> PairedRates:
    """Requests per second of one shape, and of eight alternating shapes."""
    rates = PairedRates()
    with run_poolhouse("--inline-work", "0") as port:
        for _ in range(turns):
            rates.baseline.append(_run_wrk(port, SIDES[:1], 64, seconds).succeeded)
            rates.contended.append(_run_wrk(port, SIDES, 64, seconds).succeeded)
    return rates


def measure_many_clients(side: int, fields: str, client_count: int, options: argparse.Namespace) -> PairedRates:
    """Responses per second to ``client_count`` clients, and to five times as many."""
    rates = PairedRates()
    with run_poolhouse() as port:
        for _ in range(options.turns):
            rates.baseline.append(_run_wrk(port, (side,), client_count, options.seconds, fields=fields).succeeded)
            rates.contended.append(_run_wrk(port, (side,), 5 * client_count, options.seconds, fields=fields).succeeded)
    return rates


def measure_overload(seconds: int, turns: int) -> PairedRates:
    """Responses per second of as many clients as fit into memory, and at five times that rate of requests.

    The work takes the device longer than the loopback takes to transfer it; otherwise the transfer would be measured
    and not the service. For the same reason the service and the clients each have a core of their own, as on two
    machines; more clients would take more time of a shared core.
    """
    cores = sorted(os.sched_getaffinity(0))
    pin_service = f"import os; os.sched_setaffinity(0, {{{cores[0]}}})" if len(cores) > 1 else ""
    rates, latency_s = PairedRates(), 0.0
    with run_poolhouse("--max-queue-bytes", "128MiB", python_prelude=pin_service) as port:
        for _ in range(turns + 1):
            peak = _run_wrk(port, (160,), 4, seconds, fields=HEAVY_FIELDS, core=cores[-1])
            # Each client pauses between a response and its next request, so that all together send five times the
            # peak. The latency counts towards the pause; it is that of the previous turn.
            pause_s = max(0.0, OVERLOAD_CONNECTIONS / (5 * peak.succeeded) - latency_s)
            overload = _run_wrk(
                port, (160,), OVERLOAD_CONNECTIONS, seconds, 1e3 * pause_s, HEAVY_FIELDS, core=cores[-1]
            )
            if latency_s:
                rates.baseline.append(peak.succeeded)
                rates.contended.append(overload.succeeded)
            latency_s = OVERLOAD_CONNECTIONS / overload.requested - pause_s
    return rates


class Rates(NamedTuple):
    """Requests per second, and responses with status 200 per second."""

    requested: float
    succeeded: float


def _run_wrk(
    port: int,
    sides: tuple[int, ...],
    connections: int,
    seconds: int,
    pause_ms: float = 0,
    fields: str = "kernel_size=2",
    element_bytes: str = "\\0\\0\\128\\63",
    core: int | None = None,
) -> Rates:
    """Run wrk, pinned to a core if one is given, with planes of these sides in turn."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
    bodies = ", ".join(f'{{"{side}", string.rep("{element_bytes}", {3 * side * side})}}' for side in sides)
    script = f"""
        local squares, turn = {{{bodies}}}, 0
        local headers = {{["Content-Type"] = "{RAW}"}}
        request = function()
          turn = turn % #squares + 1
          local side, body = squares[turn][1], squares[turn][2]
          local target = "/v1/pool/max_pool2d?shape=1,3," .. side .. "," .. side .. "&dtype=float32&{fields}"
          return wrk.format("POST", target, headers, body)
        end
        {"" if not pause_ms else f"delay = function() return math.random(0, {2 * pause_ms:.0f}) end"}
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "squares.lua")
        path.write_text(script)
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(path), f"http://127.0.0.1:{port}"]
        if core is not None:
            command = ["taskset", "--cpu-list", str(core), *command]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    total, refused = re.search(r"([0-9]+) requests in ([0-9.]+)s", report), re.search(r"Non-2xx.*: ([0-9]+)", report)
    assert total is not None, report
    elapsed_s = float(total[2])
    return Rates(int(total[1]) / elapsed_s, (int(total[1]) - int(refused[1] if refused else 0)) / elapsed_s)


if __name__ == "__main__":
    main()
