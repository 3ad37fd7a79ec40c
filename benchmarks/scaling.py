"""Measure the throughput of one core of this machine, and compute that of a node and of a hundred nodes from it.

The server has one core and one pooling thread, the load generator the other core. Instances share nothing, so the
throughput grows with the cores until the network is saturated. A GPU could take over the share of time that
``Server-Timing`` calls compute. Prices are an assumption, and stated.
"""

from __future__ import annotations

import argparse
import statistics
import urllib.request

import numpy as np

from _harness import run_poolhouse
from _results import describe_machine, write_result
from peers import Case, build_cases, requests_per_second

NODE_CORES = 32
NODES = 100


def large_case() -> Case:
    """A request with a large batch of feature maps."""
    body = np.random.default_rng(7).standard_normal((16, 64, 56, 56), dtype=np.float32).tobytes()
    query = "kernel_size=2&dtype=float32&shape=16,64,56,56"
    return Case("large raw", "application/octet-stream", body, f"/v1/pool/max_pool2d?{query}", "")


def measure_stages(port: int, case: Case) -> tuple[int, dict[str, float]]:
    """The bytes of a response, and the median milliseconds of its stages."""
    stages: dict[str, list[float]] = {}
    for _ in range(30):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{case.our_target}", case.body, {"Content-Type": case.media_type}
        )
        with urllib.request.urlopen(request) as response:
            nbytes = len(response.read())
            for part in response.headers["server-timing"].split(", "):
                name, _, duration_ms = part.partition(";dur=")
                stages.setdefault(name, []).append(float(duration_ms))
    return nbytes, {name: statistics.median(durations_ms) for name, durations_ms in stages.items()}


def main() -> None:
    """Measure, compute and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="duration of wrk for each request")
    parser.add_argument("--gbits", type=float, default=25.0, help="Gb/s of a node's network in each direction")
    parser.add_argument("--dollars", type=float, default=0.04, help="price of a core for an hour")
    options = parser.parse_args()
    machine = describe_machine()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with run_poolhouse("--cpu-threads", "1", python_prelude="import os; os.sched_setaffinity(0, {0})") as port:
        for case in [*build_cases(), large_case()]:
            response_bytes, stages = measure_stages(port, case)
            core_rate = requests_per_second(case, port, case.our_target, 8, options.seconds, core=1)
            # The busier direction of the network is the limit; headers have some hundred bytes.
            wire_bytes = max(len(case.body), response_bytes) + 300
            network_rate = options.gbits * 1e9 / 8 / wire_bytes
            node_rate = min(core_rate * NODE_CORES, network_rate)
            saturating_cores = network_rate / core_rate
            compute_share = stages["compute"] * 1e-3 * core_rate
            dollars = 1e6 / core_rate / 3600 * options.dollars
            figures[case.name] = {
                "body_bytes": len(case.body),
                "response_bytes": response_bytes,
                "per_second_core": core_rate,
                "compute_share": compute_share,
                "cores_that_saturate_the_network": saturating_cores,
                "per_second_node": node_rate,
                "dollars_per_million": dollars,
            }
            rows.append(
                [
                    f"{case.name}, {_format_bytes(len(case.body))}",
                    f"{core_rate:,.0f}",
                    f"{core_rate * len(case.body) / 1e6:,.0f}",
                    f"{min(1.0, compute_share):.0%}",
                    f"{saturating_cores:,.1f}",
                    f"{node_rate:,.0f}" + (" (network)" if saturating_cores < NODE_CORES else ""),
                    f"{node_rate * NODES:,.0f}",
                    f"{dollars:.3f}",
                ]
            )
    columns = (
        "request, body",
        "a core: requests/s",
        "MB/s of bodies",
        "compute share",
        f"cores that saturate {options.gbits:g} Gb/s",
        f"a node of {NODE_CORES} cores: requests/s",
        f"{NODES} nodes: requests/s",
        f"$ per million, at $ {options.dollars:g} per core and hour",
    )
    write_result("scaling", machine, columns, rows, figures)


def _format_bytes(count: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


if __name__ == "__main__":
    main()
