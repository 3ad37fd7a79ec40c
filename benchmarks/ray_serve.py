"""Compare the application on Ray Serve with one replica to our own server: the cost of Ray Serve per request."""

from __future__ import annotations

import argparse
import json

import numpy as np
import psutil

from _harness import Connection, build_request, run_poolhouse, time_interleaved
from _ray import replica_start_times, run_on_ray
from _results import describe_machine, write_result

TINY = json.dumps({"input": [[[[1, 2], [3, 4]]]], "kernel_size": 2}).encode()
CASES = (
    ("tiny, JSON", build_request("/v1/pool/max_pool2d", "application/json", TINY), 500),
    (
        "1 MB, raw",
        build_request(
            "/v1/pool/max_pool2d?shape=1,64,64,64&dtype=float32&kernel_size=2",
            "application/octet-stream",
            np.random.default_rng(7).standard_normal((1, 64, 64, 64), dtype=np.float32).tobytes(),
        ),
        300,
    ),
    (
        "17 MB, raw",
        build_request(
            "/v1/pool/max_pool2d?shape=16,64,64,64&dtype=float32&kernel_size=2",
            "application/octet-stream",
            np.random.default_rng(7).standard_normal((16, 64, 64, 64), dtype=np.float32).tobytes(),
        ),
        50,
    ),
)


def main() -> None:
    """Measure both in alternating turns and write the result."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    machine = describe_machine()
    rows, figures = [], {}
    with run_on_ray(1) as ray_serve, run_poolhouse("--cpu-threads", "1") as our_port:
        for name, request, count in CASES:
            ours, ray = time_interleaved([Connection(our_port, request), Connection(ray_serve.port, request)], count)
            ratio = ray.median_us / ours.median_us
            figures[name] = {"ours_us": ours.median_us, "ray_us": ray.median_us, "ratio": ratio}
            rows.append([name, f"{ours.median_us / 1e3:.2f}", f"{ray.median_us / 1e3:.2f}", f"{ratio:.2f}"])
        nbytes = sum(psutil.Process(pid).memory_info().rss for pid in replica_start_times())
    rows.append(["memory of one replica, MB", "", f"{nbytes / 1e6:.0f}", ""])
    columns = ("request", "poolhouse serve, ms", "on Ray Serve, ms", "ratio")
    write_result("ray_serve", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
