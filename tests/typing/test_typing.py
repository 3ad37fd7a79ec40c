"""The public types of the client, checked by mypy as callers do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_mypy_in_strict_mode_accepts_every_line() -> None:
    """Types must be precise, and must not accept mistakes."""
    pytest.importorskip("mypy", reason="needs mypy, from the dependency group check")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "tests/typing/client.py"]

    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
