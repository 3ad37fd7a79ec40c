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

from _calling import Connection, interleaved, poolhouse, request
from _machine import machine, write

IDLE: Final = 64
CROWD: Final = 128
HEAVY: Final = "kernel_size=31&stride=1&padding=15&return_indices=true"
RAW: Final = "application/octet-stream"
JOINING_OFF: Final = "import poolhouse.backend.worker as worker; worker.JOIN_BYTES = 0"
CALLERS: Final = (
    ("small", 32, "kernel_size=2", 64),
    ("medium", 112, "kernel_size=2", 16),
    ("heavy", 160, HEAVY, 8),
)
"""Bodies of three planes of so many elements a side, how they are pooled, and how many callers saturate the service."""
SIDES: Final = (32, 30, 28, 26, 24, 22, 20, 18)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000, help="lone requests to each server")
    parser.add_argument("--seconds", type=int, default=2, help="of wrk, each turn")
    parser.add_argument("--turns", type=int, default=5, help="of wrk, of each kind; medians count")
    asked = parser.parse_args()
    place = machine()

    medians, p99s = lone(asked.requests)
    eight = shapes(asked.seconds, asked.turns)
    many = {name: callers(side, fields, count, asked) for name, side, fields, count in CALLERS}
    beyond = crowd(asked.seconds, asked.turns)

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
    write("company", place, heads, rows, figures)


class Turns:
    """Two rates that took turns, so that a machine which becomes slower does so for both."""

    def __init__(self) -> None:
        self.alone: list[float] = []
        self.company: list[float] = []

    @property
    def ratio(self) -> float:
        """The median over the turns, each beside what was measured right before it."""
        return float(np.median(np.divide(self.company, self.alone)))

    def row(self, what: str, goal: str) -> list[str]:
        """A row of the table: the medians of both, and the ratio."""
        return [what, f"{np.median(self.alone):.0f}", f"{np.median(self.company):.0f}", _bold(self.ratio), goal]


def _bold(ratio: float) -> str:
    return f"**{ratio:.2f}**"


def lone(count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Median and p99 of a lone request in microseconds, joining on and joining off, with idle connections open."""
    body = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32).tobytes()
    asked = request("/v1/pool/max_pool2d?shape=1,3,32,32&dtype=float32&kernel_size=2", RAW, body)
    with ExitStack() as stack:
        ports = [stack.enter_context(poolhouse()), stack.enter_context(poolhouse(before=JOINING_OFF))]
        for port in ports:
            for _ in range(IDLE):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        on, off = interleaved([Connection(port, asked) for port in ports], count)
    return (on.median_us, off.median_us), (on.p99_us, off.p99_us)


def shapes(seconds: int, turns: int) -> Turns:
    """Requests a second of one shape, and of eight in turn that take as much work together."""
    taken = Turns()
    with poolhouse("--inline-work", "0") as port:
        for _ in range(turns):
            taken.alone.append(_answers(port, SIDES[:1], 64, seconds).answered)
            taken.company.append(_answers(port, SIDES, 64, seconds).answered)
    return taken


def callers(side: int, fields: str, count: int, asked: argparse.Namespace) -> Turns:
    """Answers a second to so many callers, and to five times as many."""
    taken = Turns()
    with poolhouse() as port:
        for _ in range(asked.turns):
            taken.alone.append(_answers(port, (side,), count, asked.seconds, fields=fields).answered)
            taken.company.append(_answers(port, (side,), 5 * count, asked.seconds, fields=fields).answered)
    return taken


def crowd(seconds: int, turns: int) -> Turns:
    """Answers a second with as many callers as there is room for, and when five times as many requests come.

    Of work that takes the device longer than the loopback takes to bring it: beside bytes for which there is no core
    left to carry them, nothing could be seen of the service. For the same reason the service has one core and the
    callers another, as they would have on two machines; more callers need more of a core that they share.
    """
    cores = sorted(os.sched_getaffinity(0))
    ours = f"import os; os.sched_setaffinity(0, {{{cores[0]}}})" if len(cores) > 1 else ""
    taken, waited_s = Turns(), 0.0
    with poolhouse("--max-queue-bytes", "128MiB", before=ours) as port:
        for _ in range(turns + 1):
            peak = _answers(port, (160,), 4, seconds, fields=HEAVY, core=cores[-1])
            # Between an answer and its next request each caller waits so long that all of them together ask five
            # times the peak; what a caller waits for its answer belongs to that, and the turn before tells it.
            pause_s = max(0.0, CROWD / (5 * peak.answered) - waited_s)
            beyond = _answers(port, (160,), CROWD, seconds, 1e3 * pause_s, HEAVY, core=cores[-1])
            if waited_s:
                taken.alone.append(peak.answered)
                taken.company.append(beyond.answered)
            waited_s = CROWD / beyond.asked - pause_s
    return taken


class Rates(NamedTuple):
    """Requests a second, and how many of them were answered with status 200."""

    asked: float
    answered: float


def _answers(
    port: int,
    sides: tuple[int, ...],
    connections: int,
    seconds: int,
    pause_ms: float = 0,
    fields: str = "kernel_size=2",
    element: str = "\\0\\0\\128\\63",
    core: int | None = None,
) -> Rates:
    """What came of this, by wrk on this core or on any, for squares of these sides in turn."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
    bodies = ", ".join(f'{{"{side}", string.rep("{element}", {3 * side * side})}}' for side in sides)
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
