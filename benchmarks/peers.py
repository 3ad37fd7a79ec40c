"""Compare our service with an obvious FastAPI endpoint: the time of a lone request, and requests per second.

The goal is a ratio of at most 1.0 for the median of a lone request, tiny JSON and medium binary.
"""

from __future__ import annotations

import argparse
import json
import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np

import _wrk
from _harness import Connection, build_request, run_fastapi_baseline, run_poolhouse, time_interleaved
from _results import describe_machine, write_result

_WRK_ROUNDS: Final = 3
"""Turns of wrk for each server; the median is reported."""


@dataclass(frozen=True, slots=True)
class Case:
    """One pooling request, with the target of each server."""

    name: str
    media_type: str
    body: bytes
    our_target: str
    baseline_target: str


def build_cases() -> list[Case]:
    """2×2 max pooling in the sizes of performance.md, in JSON and as raw float32."""
    random = np.random.default_rng(7)

    def as_json(*shape: int) -> bytes:
        array = random.standard_normal(shape).astype(np.float32)
        return json.dumps({"input": array.astype(np.float64).round(4).tolist(), "kernel_size": 2}).encode()

    def raw(name: str, *shape: int) -> Case:
        query = f"kernel_size=2&dtype=float32&shape={','.join(map(str, shape))}"
        body = random.standard_normal(shape).astype(np.float32).tobytes()
        return Case(f"{name} raw", "application/octet-stream", body, f"/v1/pool/max_pool2d?{query}", f"/raw?{query}")

    return [
        Case("tiny JSON", "application/json", as_json(1, 1, 4, 4), "/v1/pool/max_pool2d", "/json"),
        Case("small JSON", "application/json", as_json(1, 3, 32, 32), "/v1/pool/max_pool2d", "/json"),
        raw("tiny", 1, 1, 4, 4),
        raw("small", 1, 3, 32, 32),
        raw("medium", 1, 64, 56, 56),
    ]


def check_same_numbers(case: Case, ours: Connection, baseline: Connection) -> None:
    """Check that both servers return the same numbers."""
    one, other = ours.call(), baseline.call()
    if case.media_type == "application/json":
        same = np.array_equal(np.float32(json.loads(one)["output"]["data"]), np.float32(json.loads(other)["output"]))
    else:
        same = one == other
    if not same:
        raise RuntimeError(f"{case.name}: the responses differ")


def requests_per_second(
    case: Case, port: int, target: str, connections: int, seconds: int, core: int | None = None
) -> float:
    """Requests per second by wrk, which can be pinned to a core."""
    post = _wrk.Post(target, {"Content-Type": case.media_type}, case.body)
    return _wrk.requests_per_second(port, post, connections, seconds, core)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="lone requests to each server")
    parser.add_argument("--seconds", type=int, default=1, help="duration of each turn of wrk")
    parser.add_argument("--only", default="", help="run only cases whose names contain this")
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        our_port, their_port = stack.enter_context(run_poolhouse()), stack.enter_context(run_fastapi_baseline())
        for case in build_cases():
            if options.only not in case.name:
                continue
            ours = Connection(our_port, build_request(case.our_target, case.media_type, case.body))
            theirs = Connection(their_port, build_request(case.baseline_target, case.media_type, case.body))
            check_same_numbers(case, ours, theirs)
            our_times, their_times = time_interleaved((ours, theirs), options.requests)
            measured = {
                "median_us": our_times.median_us,
                "baseline_median_us": their_times.median_us,
                "p99_us": our_times.p99_us,
                "baseline_p99_us": their_times.p99_us,
            }
            row = [
                case.name,
                f"{our_times.median_us:.0f}",
                f"{their_times.median_us:.0f}",
                f"**{our_times.median_us / their_times.median_us:.2f}**",
                f"{our_times.p99_us:.0f}",
                f"{their_times.p99_us:.0f}",
            ]
            ours.close()
            theirs.close()
            for connections in (1, 16):
                rounds = [
                    [
                        requests_per_second(case, our_port, case.our_target, connections, options.seconds),
                        requests_per_second(case, their_port, case.baseline_target, connections, options.seconds),
                    ]
                    for _ in range(_WRK_ROUNDS)
                ]
                our_rate, their_rate = (statistics.median(each) for each in zip(*rounds, strict=True))
                measured |= {f"per_second_{connections}": our_rate, f"baseline_per_second_{connections}": their_rate}
                row += [f"{our_rate:,.0f}", f"{their_rate:,.0f}", f"**{our_rate / their_rate:.2f}**"]
            figures[case.name] = measured
            rows.append(row)
    columns = ["max pooling 2×2", "median µs", "FastAPI", "ratio", "p99 µs", "FastAPI"]
    for connections in (1, 16):
        columns += [f"requests/s, {connections} conn.", "FastAPI", "ratio"]
    write_result("peers", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
