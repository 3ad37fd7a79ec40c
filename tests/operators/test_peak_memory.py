"""A plan's bytes against measured memory: a request must not hold more than its lease."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.operators.peak_memory import ENVIRONMENT

_OVERHEAD: Final = 2**20
"""Memory that torch and Python sometimes allocate for themselves, independent of the request."""


@pytest.mark.parametrize(
    ("by", "every"),
    [("loops", 9090), *(pytest.param(by, 909, marks=pytest.mark.slow) for by in ("loops", "torch"))],
)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc/self/clear_refs")
def test_no_request_takes_more_memory_than_its_plan_says(by: str, every: int) -> None:
    """Samples of fractional pooling once took 4.9 GB where the plan had 0.5 GB, so no request was refused."""
    lines = subprocess.run(
        [sys.executable, "-m", "tests.operators.peak_memory", by, str(every)],
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    rows: list[tuple[str, int, int]] = [tuple(json.loads(line)) for line in lines]

    over = [
        f"{name}: took {taken / 2**20:.1f} MiB, planned {planned / 2**20:.1f} MiB"
        for name, taken, planned in rows
        if taken > planned + _OVERHEAD
    ]
    assert not over, "\n".join(over)
    assert len(rows) > 40_400 / every
    # A plan with too many bytes would make the service refuse other requests.
    assert statistics.median(taken / planned for _, taken, planned in rows if taken > _OVERHEAD) > 0.4
