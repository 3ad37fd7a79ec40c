"""Compare our Python client with http.client sending the same bytes, against one running server.

The goals: medium and large at most 1.2 times http.client's median, tiny at most 0.4 ms, and at most 10 % more memory in
the client's process than the response itself.
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
"""Makes a number of calls and returns the milliseconds of each."""

CALLS_PER_TURN = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One pooling request, the same for every client."""

    name: str
    shape: tuple[int, ...]
    call_count: int

    def array(self) -> npt.NDArray[np.float32]:
        """The input."""
        return np.random.default_rng(7).standard_normal(self.shape).astype(np.float32)

    @property
    def target(self) -> str:
        """Path and query as our client sends them, without fields that have their defaults."""
        return f"/v1/pool/max_pool2d?shape={','.join(map(str, self.shape))}&dtype=float32&kernel_size=2"


CASES = (
    Case("tiny", (1, 1, 4, 4), 2000),
    Case("small", (1, 3, 32, 32), 2000),
    Case("medium", (1, 64, 56, 56), 300),
    Case("large", (8, 64, 112, 112), 40),
)
HEADERS = {"Content-Type": "application/octet-stream"}


def timed_calls(call: Callable[[], object]) -> TimedCalls:
    """Time sequential calls."""

    def calls(count: int) -> list[float]:
        times_ms = []
        for _ in range(count):
            start = time.perf_counter()
            call()
            times_ms.append(1e3 * (time.perf_counter() - start))
        return times_ms

    return calls


def by_http_client(port: int, case: Case) -> TimedCalls:
    """Calls of the standard library's client with prepared bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = case.array().data.cast("B")

    def call() -> bytes:
        connection.request("POST", case.target, body, HEADERS)
        return connection.getresponse().read()

    return timed_calls(call)


def by_httpx(port: int, case: Case) -> TimedCalls:
    """Calls of httpx as in its documentation."""
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
    body = case.array().tobytes()
    return timed_calls(lambda: client.post(case.target, content=body, headers=HEADERS).content)


def by_our_client(port: int, case: Case) -> TimedCalls:
    """Calls of our client, from array to array."""
    client, x = Client(f"http://127.0.0.1:{port}"), case.array()
    return timed_calls(lambda: client.max_pool2d(x, 2).output)


def by_our_async_client(port: int, case: Case, runner: asyncio.Runner) -> TimedCalls:
    """Sequential calls of our asyncio client, timed inside the event loop so that starting the loop does not count."""
    client, x = AsyncClient(f"http://127.0.0.1:{port}"), case.array()

    async def calls(count: int) -> list[float]:
        times_ms = []
        for _ in range(count):
            start = time.perf_counter()
            await client.max_pool2d(x, 2)
            times_ms.append(1e3 * (time.perf_counter() - start))
        return times_ms

    return lambda count: runner.run(calls(count))


def medians_ms(clients: dict[str, TimedCalls], count: int) -> dict[str, float]:
    """Each client's median, from alternating turns of a few calls, so that a slow moment of the machine affects all."""
    times_ms: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(-1, -(-count // CALLS_PER_TURN)):
        for name, calls in clients.items():
            turn_ms = calls(CALLS_PER_TURN)
            if turn >= 0:
                times_ms[name] += turn_ms
    return {name: statistics.median(each) for name, each in times_ms.items()}


PEAK_SHAPE = (8, 64, 224, 224)


def print_peak_ratio(port: int) -> None:
    """Print the increase of this process's peak memory by one call, divided by the size of the response.

    Run it in a fresh process.
    """
    x = np.zeros(PEAK_SHAPE, np.float32)
    x += 1
    with Client(f"http://127.0.0.1:{port}") as client:
        client.max_pool2d(x[:1, :1, :8, :8], 2)
        # Linux resets the peak on this request; the peak of getrusage is inherited from the parent process.
        Path("/proc/self/clear_refs").write_text("5")
        before = read_peak_bytes()
        output = client.max_pool2d(x, 2).output
        added = read_peak_bytes() - before
    print(added / output.nbytes)


def read_peak_bytes() -> int:
    """The peak memory of this process."""
    peak_kib = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert peak_kib is not None, "needs Linux"
    return int(peak_kib[1]) * 1024


def measure_peak_ratio(port: int) -> float:
    """Run :func:`print_peak_ratio` in a fresh process."""
    command = [sys.executable, __file__, "--peak-of", str(port)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portion", type=float, default=1.0, help="fraction of the usual number of calls")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of is not None:
        print_peak_ratio(options.peak_of)
        return
    machine = describe_machine()
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
            medians = medians_ms(clients, max(5, int(case.call_count * options.portion)))
            figures[case.name] = medians
            rows.append(
                [
                    case.name,
                    *(f"{medians[name]:.3f}" for name in clients),
                    f"**{medians['ours'] / medians['http.client']:.2f}**",
                    f"{medians['ours, asyncio'] / medians['http.client']:.2f}",
                ]
            )
        figures["peak"] = {"over_response": measure_peak_ratio(port)}
    rows.append(["peak memory over the response", "", "", f"{figures['peak']['over_response']:.2f}", "", "", ""])
    columns = ["max pooling 2×2", "http.client, ms", "httpx", "ours", "ours, asyncio", "ours / http.client", "asyncio"]
    write_result("client", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
