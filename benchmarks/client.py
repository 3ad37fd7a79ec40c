"""Our Python client beside http.client with the same bytes, against one running server, in one run.

The goals: medium and large at most 1.2 times http.client's median, tiny at most 0.4 ms, and while an answer comes at
most 10 % more memory in the caller than the answer itself.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt

from _harness import run_poolhouse
from _results import describe_machine, write_result
from poolhouse.client.clients import AsyncClient, Client

TimedCalls = Callable[[int], list[float]]
"""Makes so many calls and gives the milliseconds of each."""

CALLS_PER_TURN = 5


@dataclass(frozen=True, slots=True)
class Case:
    """The same pooling as every client is asked for it."""

    name: str
    shape: tuple[int, ...]
    call_count: int

    def array(self) -> npt.NDArray[np.float32]:
        """The input."""
        return np.random.default_rng(7).standard_normal(self.shape).astype(np.float32)

    @property
    def target(self) -> str:
        """Path and query, as our client writes them but for the fields that are left at their defaults."""
        return f"/v1/pool/max_pool2d?shape={','.join(map(str, self.shape))}&dtype=float32&kernel_size=2"


CASES = (
    Case("tiny", (1, 1, 4, 4), 2000),
    Case("small", (1, 3, 32, 32), 2000),
    Case("medium", (1, 64, 56, 56), 300),
    Case("large", (8, 64, 112, 112), 40),
)
HEADERS = {"Content-Type": "application/octet-stream"}


def timed_calls(call: Callable[[], object]) -> TimedCalls:
    """Calls one after another, each timed."""

    def calls(count: int) -> list[float]:
        taken = []
        for _ in range(count):
            begun = time.perf_counter()
            call()
            taken.append(1e3 * (time.perf_counter() - begun))
        return taken

    return calls


def by_http_client(port: int, case: Case) -> TimedCalls:
    """The standard library's client with prepared bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = case.array().data.cast("B")

    def call() -> bytes:
        connection.request("POST", case.target, body, HEADERS)
        return connection.getresponse().read()

    return timed_calls(call)


def by_httpx(port: int, case: Case) -> TimedCalls:
    """httpx as its front page shows it."""
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
    body = case.array().tobytes()
    return timed_calls(lambda: client.post(case.target, content=body, headers=HEADERS).content)


def by_our_client(port: int, case: Case) -> TimedCalls:
    """Our client, from array to array."""
    client, x = Client(f"http://127.0.0.1:{port}"), case.array()
    return timed_calls(lambda: client.max_pool2d(x, 2).output)


def by_our_async_client(port: int, case: Case, runner: asyncio.Runner) -> TimedCalls:
    """Our asyncio client, one call at a time; the turn is one run of the loop, whose start is not the client's."""
    client, x = AsyncClient(f"http://127.0.0.1:{port}"), case.array()

    async def calls(count: int) -> list[float]:
        taken = []
        for _ in range(count):
            begun = time.perf_counter()
            await client.max_pool2d(x, 2)
            taken.append(1e3 * (time.perf_counter() - begun))
        return taken

    return lambda count: runner.run(calls(count))


def medians_ms(clients: dict[str, TimedCalls], count: int) -> dict[str, float]:
    """Each client's median, a few calls of each in turn, so that a slow moment of the machine meets all."""
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(-1, -(-count // CALLS_PER_TURN)):
        for name, calls in clients.items():
            found = calls(CALLS_PER_TURN)
            if turn >= 0:
                taken[name] += found
    return {name: statistics.median(each) for name, each in taken.items()}


PEAK_SHAPE = (8, 64, 224, 224)


def print_peak_ratio(port: int) -> None:
    """Prints the bytes that one call adds to this process's peak, over the bytes of its answer. In a fresh process."""
    x = np.zeros(PEAK_SHAPE, np.float32)
    x += 1
    with Client(f"http://127.0.0.1:{port}") as client:
        client.max_pool2d(x[:1, :1, :8, :8], 2)
        # Linux forgets the peak so far when told to; the one that getrusage knows is inherited from the parent.
        Path("/proc/self/clear_refs").write_text("5")
        before = read_peak_bytes()
        output = client.max_pool2d(x, 2).output
        added = read_peak_bytes() - before
    print(added / output.nbytes)


def read_peak_bytes() -> int:
    """The most memory that this process had."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "needs Linux"
    return int(found[1]) * 1024


def measure_peak_ratio(port: int) -> float:
    """See :func:`print_peak_ratio`."""
    command = [sys.executable, __file__, "--peak-of", str(port)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portion", type=float, default=1.0, help="of the usual number of calls")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak_of is not None:
        print_peak_ratio(asked.peak_of)
        return
    place = describe_machine()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with run_poolhouse() as port, asyncio.Runner() as runner:
        for case in CASES:
            clients = {
                "http.client": by_http_client(port, case),
                "httpx": by_httpx(port, case),
                "ours": by_our_client(port, case),
                "ours, asyncio": by_our_async_client(port, case, runner),
            }
            found = medians_ms(clients, max(5, int(case.call_count * asked.portion)))
            figures[case.name] = found
            rows.append(
                [
                    case.name,
                    *(f"{found[name]:.3f}" for name in clients),
                    f"**{found['ours'] / found['http.client']:.2f}**",
                    f"{found['ours, asyncio'] / found['http.client']:.2f}",
                ]
            )
        figures["peak"] = {"over_answer": measure_peak_ratio(port)}
    rows.append(["peak memory over the answer", "", "", f"{figures['peak']['over_answer']:.2f}", "", "", ""])
    heads = ["max pooling 2×2", "http.client, ms", "httpx", "ours", "ours, asyncio", "ours / http.client", "asyncio"]
    write_result("client", place, heads, rows, figures)


if __name__ == "__main__":
    main()
