"""What one core of this machine carries, measured; and what a node and a hundred nodes then would, computed from it.

The server has one core and one thread to pool with, the load generator the other core. Instances share nothing, so more
cores are more instances, until the network is full: that is the second figure. What a GPU could take off the core is
the share that ``Server-Timing`` calls compute. Prices are an assumption, and are said.
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
    """A batch of feature maps."""
    body = np.random.default_rng(7).standard_normal((16, 64, 56, 56), dtype=np.float32).tobytes()
    query = "kernel_size=2&dtype=float32&shape=16,64,56,56"
    return Case("large raw", "application/octet-stream", body, f"/v1/pool/max_pool2d?{query}", "")


def measure_stages(port: int, case: Case) -> tuple[int, dict[str, float]]:
    """Bytes of an answer, and the median milliseconds of its stages."""
    stages: dict[str, list[float]] = {}
    for _ in range(30):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}{case.our_target}", case.body, {"Content-Type": case.media_type}
        )
        with urllib.request.urlopen(asked) as answer:
            nbytes = len(answer.read())
            for part in answer.headers["server-timing"].split(", "):
                name, _, took = part.partition(";dur=")
                stages.setdefault(name, []).append(float(took))
    return nbytes, {name: statistics.median(taken) for name, taken in stages.items()}


def main() -> None:
    """Measure, compute, write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=4, help="of wrk, for each request")
    options.add_argument("--gbits", type=float, default=25.0, help="of a node's network, each way")
    options.add_argument("--dollars", type=float, default=0.04, help="for a core and an hour")
    given = options.parse_args()
    place = describe_machine()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with run_poolhouse("--cpu-threads", "1", python_prelude="import os; os.sched_setaffinity(0, {0})") as port:
        for case in [*build_cases(), large_case()]:
            answer_bytes, stages = measure_stages(port, case)
            core = requests_per_second(case, port, case.our_target, 8, given.seconds, core=1)
            # The network is full when its busier direction is; headers are some hundred bytes.
            wire_bytes = max(len(case.body), answer_bytes) + 300
            network = given.gbits * 1e9 / 8 / wire_bytes
            node = min(core * NODE_CORES, network)
            fills = network / core
            gpu = stages["compute"] * 1e-3 * core
            dollars = 1e6 / core / 3600 * given.dollars
            figures[case.name] = {
                "body_bytes": len(case.body),
                "answer_bytes": answer_bytes,
                "per_second_core": core,
                "compute_share": gpu,
                "cores_that_fill_the_network": fills,
                "per_second_node": node,
                "dollars_per_million": dollars,
            }
            rows.append(
                [
                    f"{case.name}, {_format_bytes(len(case.body))}",
                    f"{core:,.0f}",
                    f"{core * len(case.body) / 1e6:,.0f}",
                    f"{min(1.0, gpu):.0%}",
                    f"{fills:,.1f}",
                    f"{node:,.0f}" + (" (network)" if fills < NODE_CORES else ""),
                    f"{node * NODES:,.0f}",
                    f"{dollars:.3f}",
                ]
            )
    heads = (
        "request, body",
        "a core: requests/s",
        "MB/s of bodies",
        "of it computing",
        f"cores that fill {given.gbits:g} Gb/s",
        f"a node of {NODE_CORES} cores: requests/s",
        f"{NODES} nodes: requests/s",
        f"$ a million, at $ {given.dollars:g} a core and hour",
    )
    write_result("scaling", place, heads, rows, figures)


def _format_bytes(count: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


if __name__ == "__main__":
    main()
