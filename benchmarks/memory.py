"""Measure the peak memory of one large request, relative to its input and output; the goal is at most twice.

Each row has a fresh service, without buffers of earlier requests. The peak is the kernel's.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from _results import describe_machine, write_result

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the folder that holds the tests

from tests.hostile.server_process import logged_process

GOAL: Final = 2.0
_RAW: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Case:
    """One request for max pooling of raw float32."""

    shape: tuple[int, ...]
    fields: str = "kernel_size=2"
    response_type: str = _RAW

    @property
    def target(self) -> str:
        """Path and query."""
        sizes = ",".join(map(str, self.shape))
        return f"/v1/pool/max_pool2d?shape={sizes}&dtype=float32&{self.fields}"

    @property
    def name(self) -> str:
        """Its name in the table."""
        return f"{'×'.join(map(str, self.shape))}, {self.fields.replace('&', ', ')}, {self.response_type}"


CASES: Final = (
    Case((8, 64, 112, 112)),
    Case((8, 64, 224, 224)),
    Case((8, 64, 112, 112), "kernel_size=2&return_indices=true"),
    Case((8, 64, 112, 112), "kernel_size=3&stride=1&padding=1"),
    Case((8, 64, 112, 112), response_type="application/x-npz"),
)


def measure_peak_bytes(case: Case) -> tuple[int, int, int]:
    """The bytes of the request and of the response, and the increase of the service's memory at its peak."""
    body = np.random.default_rng(1).random(case.shape, np.float32).tobytes()
    headers = {"Content-Type": _RAW, "Accept": case.response_type}
    with logged_process(None) as server, server.http_connection() as client:
        small = Case((1, 1, 8, 8), case.fields, case.response_type)
        # A first request, so that one-time allocations do not count.
        assert client.send("POST", small.target, headers, bytes(4 * math.prod(small.shape))).status == 200
        server.reset_peak()
        idle_bytes = server.resident_bytes
        response = client.send("POST", case.target, headers, body)
        assert response.status == 200
        return len(body), len(response.body), server.peak_resident_bytes - idle_bytes


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    machine = describe_machine()
    rows, figures = [], {}
    for case in CASES:
        request, response, peak = measure_peak_bytes(case)
        ratio = peak / (request + response)
        figures[case.name] = {"request": request, "response": response, "peak": peak, "ratio": ratio}
        mib = [f"{each / 2**20:.1f}" for each in (request, response, peak)]
        rows.append([case.name, *mib, f"**{ratio:.2f}**", f"≤ {GOAL:g}", "yes" if ratio <= GOAL else "no"])
    columns = ["max pooling of float32", "request, MiB", "response, MiB", "peak over idle, MiB"]
    write_result("memory", machine, [*columns, "ratio", "goal", "reached"], rows, figures)


if __name__ == "__main__":
    main()
