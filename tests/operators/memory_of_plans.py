"""Measurements of memory in a process of their own, compared with the bytes of plans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests.operators.peak_memory import ENVIRONMENT

OVERHEAD: Final = 2**20
"""Memory that torch and Python sometimes allocate for themselves, independent of the request."""

Row = tuple[str, int, int]
"""The name of a case, the bytes that it took, and those that its plan has."""


def measured_rows(module: str, by: str, every: int) -> list[Row]:
    """What a module prints that measures each ``every``-th of its cases, by the loops or by torch."""
    printed = subprocess.run(
        [sys.executable, "-m", module, by, str(every)],
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [tuple(json.loads(line)) for line in printed.splitlines()]


def rows_over_plan(rows: Sequence[Row]) -> list[str]:
    """A line for each case that took more memory than its plan has."""
    return [
        f"{name}: took {taken / 2**20:.1f} MiB, planned {planned / 2**20:.1f} MiB"
        for name, taken, planned in rows
        if taken > planned + OVERHEAD
    ]
