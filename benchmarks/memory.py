"""How much memory one large request takes at its peak, beside its input and its output; the goal is at most twice.

A service of its own for each row, so that none finds the buffers of another; the kernel counts the peak.
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

from tests.hostile.server_process import server_process

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
        """The case as the table names it."""
        return f"{'×'.join(map(str, self.shape))}, {self.fields.replace('&', ', ')}, {self.response_type}"


CASES: Final = (
    Case((8, 64, 112, 112)),
    Case((8, 64, 224, 224)),
    Case((8, 64, 112, 112), "kernel_size=2&return_indices=true"),
    Case((8, 64, 112, 112), "kernel_size=3&stride=1&padding=1"),
    Case((8, 64, 112, 112), response_type="application/x-npz"),
)


def measure_peak_bytes(case: Case) -> tuple[int, int, int]:
    """Bytes of the request, of the answer, and by how much the service grew at its peak while it answered."""
    body = np.random.default_rng(1).random(case.shape, np.float32).tobytes()
    head = {"Content-Type": _RAW, "Accept": case.response_type}
    with server_process() as server, server.http_connection() as caller:
        small = Case((1, 1, 8, 8), case.fields, case.response_type)
        # What a first request makes once is not part of it.
        assert caller.send("POST", small.target, head, bytes(4 * math.prod(small.shape))).status == 200
        server.reset_peak()
        idle = server.resident_bytes
        answer = caller.send("POST", case.target, head, body)
        assert answer.status == 200
        return len(body), len(answer.body), server.peak_resident_bytes - idle


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    place = describe_machine()
    rows, figures = [], {}
    for case in CASES:
        sent, came, grown = measure_peak_bytes(case)
        ratio = grown / (sent + came)
        figures[case.name] = {"sent": sent, "came": came, "grown": grown, "ratio": ratio}
        mib = [f"{each / 2**20:.1f}" for each in (sent, came, grown)]
        rows.append([case.name, *mib, f"**{ratio:.2f}**", f"≤ {GOAL:g}", "yes" if ratio <= GOAL else "no"])
    heads = ["max pooling of float32", "request, MiB", "answer, MiB", "peak over idle, MiB", "ratio", "goal", "reached"]
    write_result("memory", place, heads, rows, figures)


if __name__ == "__main__":
    main()
