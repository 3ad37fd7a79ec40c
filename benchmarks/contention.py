"""What company costs: idle neighbours, other shapes, and more callers than there is room for.

Ratios, each from one run:

- a lone small request while 64 idle connections are open, with joining on beside joining off (goal for p99: 1.1);
- requests a second of eight shapes in turn beside those of one shape, at saturation (goal: 0.8);
- answers a second to five times the callers that saturate the service, beside those to so many (goal: 0.9); each
  calls again when it has its answer, and all find room;
- answers a second when five times the requests come that can be answered, beside the most (goal: 0.9); there is room
  for a few, the others are refused and come back as if nobody had told them when.
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
"""Bodies of three planes of so many elements a side, how they are pooled, and how many callers saturate the service."""
SIDES: Final = (32, 30, 28, 26, 24, 22, 20, 18)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000, help="lone requests to each server")
    parser.add_argument("--seconds", type=int, default=2, help="of wrk, each turn")
    parser.add_argument("--turns", type=int, default=5, help="of wrk, of each kind; medians count")
    asked = parser.parse_args()
    place = describe_machine()

    medians, p99s = measure_idle_connections(asked.requests)
    eight = measure_mixed_shapes(asked.seconds, asked.turns)
    many = {name: measure_many_clients(side, fields, count, asked) for name, side, fields, count in CLIENT_CASES}
    beyond = measure_overload(asked.seconds, asked.turns)

    heads = ["what", "alone", "in company", "ratio", "goal"]
    rows = [
        [
            "lone small request, median µs",
            f"{medians[1]:.0f}",
            f"{medians[0]:.0f}",
            _bold(medians[0] / medians[1]),
            "–",
        ],
        ["lone small request, p99 µs", f"{p99s[1]:.0f}", f"{p99s[0]:.0f}", _bold(p99s[0] / p99s[1]), "≤ 1.1"],
        eight.row("eight shapes beside one, requests/s", "≥ 0.8"),
        *(each.row(f"five times the callers, {name}, answers/s", "≥ 0.9") for name, each in many.items()),
        beyond.row("five times the requests, room for few, answers/s", "≥ 0.9"),
    ]
    figures = {"p99": p99s[0] / p99s[1], "shapes": eight.ratio, "crowd": beyond.ratio}
    figures |= {name: each.ratio for name, each in many.items()}
    write_result("company", place, heads, rows, figures)


class PairedRates:
    """Two rates that took turns, so that a machine which becomes slower does so for both."""

    def __init__(self) -> None:
        self.baseline: list[float] = []
        self.contended: list[float] = []

    @property
    def ratio(self) -> float:
        """The median over the turns, each beside what was measured right before it."""
        return float(np.median(np.divide(self.contended, self.baseline)))

    def row(self, label: str, goal: str) -> list[str]:
        """A row of the table: the medians of both, and the ratio."""
        return [label, f"{np.median(self.baseline):.0f}", f"{np.median(self.contended):.0f}", _bold(self.ratio), goal]


def _bold(ratio: float) -> str:
    return f"**{ratio:.2f}**"


def measure_idle_connections(request_count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Median and p99 of a lone request in microseconds, joining on and joining off, with idle connections open."""
    body = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32).tobytes()
    asked = build_request("/v1/pool/max_pool2d?shape=1,3,32,32&dtype=float32&kernel_size=2", RAW, body)
    with ExitStack() as stack:
        ports = [
            stack.enter_context(run_poolhouse()),
            stack.enter_context(run_poolhouse(python_prelude=DISABLE_JOINING)),
        ]
        for port in ports:
            for _ in range(IDLE_CONNECTIONS):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        on, off = time_interleaved([Connection(port, asked) for port in ports], request_count)
    return (on.median_us, off.median_us), (on.p99_us, off.p99_us)


def measure_mixed_shapes(seconds: int, turns: int) -> PairedRates:
    """Requests a second of one shape, and of eight in turn that take as much work together."""
    taken = PairedRates()
    with run_poolhouse("--inline-work", "0") as port:
        for _ in range(turns):
            taken.baseline.append(_run_wrk(port, SIDES[:1], 64, seconds).answered)
            taken.contended.append(_run_wrk(port, SIDES, 64, seconds).answered)
    return taken


def measure_many_clients(side: int, fields: str, client_count: int, options: argparse.Namespace) -> PairedRates:
    """Answers a second to so many callers, and to five times as many."""
    taken = PairedRates()
    with run_poolhouse() as port:
        for _ in range(options.turns):
            taken.baseline.append(_run_wrk(port, (side,), client_count, options.seconds, fields=fields).answered)
            taken.contended.append(_run_wrk(port, (side,), 5 * client_count, options.seconds, fields=fields).answered)
    return taken


def measure_overload(seconds: int, turns: int) -> PairedRates:
    """Answers a second with as many callers as there is room for, and when five times as many requests come.

    Of work that takes the device longer than the loopback takes to bring it: beside bytes for which there is no core
    left to carry them, nothing could be seen of the service. For the same reason the service has one core and the
    callers another, as they would have on two machines; more callers need more of a core that they share.
    """
    cores = sorted(os.sched_getaffinity(0))
    ours = f"import os; os.sched_setaffinity(0, {{{cores[0]}}})" if len(cores) > 1 else ""
    taken, waited_s = PairedRates(), 0.0
    with run_poolhouse("--max-queue-bytes", "128MiB", python_prelude=ours) as port:
        for _ in range(turns + 1):
            peak = _run_wrk(port, (160,), 4, seconds, fields=HEAVY_FIELDS, core=cores[-1])
            # Between an answer and its next request each caller waits so long that all of them together ask five
            # times the peak; what a caller waits for its answer belongs to that, and the turn before tells it.
            pause_s = max(0.0, OVERLOAD_CONNECTIONS / (5 * peak.answered) - waited_s)
            beyond = _run_wrk(port, (160,), OVERLOAD_CONNECTIONS, seconds, 1e3 * pause_s, HEAVY_FIELDS, core=cores[-1])
            if waited_s:
                taken.baseline.append(peak.answered)
                taken.contended.append(beyond.answered)
            waited_s = OVERLOAD_CONNECTIONS / beyond.requested - pause_s
    return taken


class Rates(NamedTuple):
    """Requests a second, and how many of them were answered with status 200."""

    requested: float
    answered: float


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
    """What came of this, by wrk on this core or on any, for squares of these sides in turn."""
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
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    total, refused = re.search(r"([0-9]+) requests in ([0-9.]+)s", told), re.search(r"Non-2xx.*: ([0-9]+)", told)
    assert total is not None, told
    seconds_taken = float(total[2])
    return Rates(int(total[1]) / seconds_taken, (int(total[1]) - int(refused[1] if refused else 0)) / seconds_taken)


if __name__ == "__main__":
    main()
