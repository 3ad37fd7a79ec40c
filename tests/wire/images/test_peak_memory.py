"""The bytes that pictures are charged against measured memory: a request must not hold more than its lease."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operators.peak_memory import ENVIRONMENT

OVERHEAD_BYTES = 2**20
"""Memory that Python and Pillow sometimes allocate for themselves, independent of the picture."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc/self/clear_refs")
def test_no_picture_takes_more_memory_than_its_header_says() -> None:
    """PNG files of 16 bits with three channels and more once took a quarter more than they were charged."""
    lines = subprocess.run(
        [sys.executable, "-m", "tests.wire.images.peak_memory", "1500"],
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    rows: list[tuple[str, int, int]] = [tuple(json.loads(line)) for line in lines]

    over = [
        f"{name}: took {taken / 2**20:.1f} MiB, charged {charged / 2**20:.1f} MiB"
        for name, taken, charged in rows
        if taken > charged + OVERHEAD_BYTES
    ]
    assert not over, "\n".join(over)
    assert len(rows) == 24
    # Too much would make the service refuse other requests.
    assert statistics.median(taken / charged for _, taken, charged in rows) > 0.6
