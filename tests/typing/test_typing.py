"""The types that callers see, judged by the checker that they use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_a_strict_checker_agrees_with_every_line() -> None:
    """Types that say too little send callers to the manual, and types that say too much let mistakes through."""
    pytest.importorskip("mypy", reason="needs mypy, of the dependency group check")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "tests/typing/client.py"]

    judged = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert judged.returncode == 0, judged.stdout + judged.stderr
