"""The same application on Ray Serve with one replica, beside our own server: what scaling out costs each request."""

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
    """Measure both in turns, and write what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.parse_args()
    place = describe_machine()
    rows, figures = [], {}
    with run_on_ray(1) as there, run_poolhouse("--cpu-threads", "1") as here:
        for name, asked, count in CASES:
            ours, rays = time_interleaved([Connection(here, asked), Connection(there.port, asked)], count)
            ratio = rays.median_us / ours.median_us
            figures[name] = {"ours_us": ours.median_us, "ray_us": rays.median_us, "ratio": ratio}
            rows.append([name, f"{ours.median_us / 1e3:.2f}", f"{rays.median_us / 1e3:.2f}", f"{ratio:.2f}"])
        nbytes = sum(psutil.Process(pid).memory_info().rss for pid in replica_start_times())
    rows.append(["memory of one replica, MB", "", f"{nbytes / 1e6:.0f}", ""])
    heads = ("request", "poolhouse serve, ms", "on Ray Serve, ms", "ratio")
    write_result("ray_serve", place, heads, rows, figures)


if __name__ == "__main__":
    main()
