"""Our service beside an obvious FastAPI endpoint, in one run: the time of a lone request, and requests a second.

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
"""Turns of wrk for each server; the median of them counts."""


@dataclass(frozen=True, slots=True)
class Case:
    """The same work as each server is asked for it."""

    name: str
    media_type: str
    body: bytes
    our_target: str
    baseline_target: str


def build_cases() -> list[Case]:
    """Max pooling 2×2: tiny and medium as performance.md names them, in JSON and as raw float32."""
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
    """Both must give the same numbers, or the comparison means nothing."""
    one, other = ours.call(), baseline.call()
    if case.media_type == "application/json":
        same = np.array_equal(np.float32(json.loads(one)["output"]["data"]), np.float32(json.loads(other)["output"]))
    else:
        same = one == other
    if not same:
        raise RuntimeError(f"{case.name}: the answers differ")


def requests_per_second(
    case: Case, port: int, target: str, connections: int, seconds: int, core: int | None = None
) -> float:
    """Requests a second by wrk, which may be held to one core."""
    post = _wrk.Post(target, {"Content-Type": case.media_type}, case.body)
    return _wrk.requests_per_second(port, post, connections, seconds, core)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="lone requests to each server")
    parser.add_argument("--seconds", type=int, default=1, help="of wrk, each round")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    asked = parser.parse_args()
    place = describe_machine()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        our_port, their_port = stack.enter_context(run_poolhouse()), stack.enter_context(run_fastapi_baseline())
        for case in build_cases():
            if asked.only not in case.name:
                continue
            ours = Connection(our_port, build_request(case.our_target, case.media_type, case.body))
            theirs = Connection(their_port, build_request(case.baseline_target, case.media_type, case.body))
            check_same_numbers(case, ours, theirs)
            lone, other = time_interleaved((ours, theirs), asked.requests)
            found = {
                "median_us": lone.median_us,
                "baseline_median_us": other.median_us,
                "p99_us": lone.p99_us,
                "baseline_p99_us": other.p99_us,
            }
            row = [
                case.name,
                f"{lone.median_us:.0f}",
                f"{other.median_us:.0f}",
                f"**{lone.median_us / other.median_us:.2f}**",
                f"{lone.p99_us:.0f}",
                f"{other.p99_us:.0f}",
            ]
            ours.close()
            theirs.close()
            for connections in (1, 16):
                rounds = [
                    [
                        requests_per_second(case, our_port, case.our_target, connections, asked.seconds),
                        requests_per_second(case, their_port, case.baseline_target, connections, asked.seconds),
                    ]
                    for _ in range(_WRK_ROUNDS)
                ]
                mine, peer = (statistics.median(each) for each in zip(*rounds, strict=True))
                found |= {f"per_second_{connections}": mine, f"baseline_per_second_{connections}": peer}
                row += [f"{mine:,.0f}", f"{peer:,.0f}", f"**{mine / peer:.2f}**"]
            figures[case.name] = found
            rows.append(row)
    heads = ["max pooling 2×2", "median µs", "obvious", "ratio", "p99 µs", "obvious"]
    for connections in (1, 16):
        heads += [f"requests/s, {connections} conn.", "obvious", "ratio"]
    write_result("peers", place, heads, rows, figures)


if __name__ == "__main__":
    main()
