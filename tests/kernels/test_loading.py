"""Compiled loops are loaded before the service is ready, and never prevent a start."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from poolhouse.kernels import loading
from poolhouse.kernels.registry import LOOPS, loops_are_loaded
from tests.forked_process import run_python
from tests.test_packaging import run_plain

START = """
import asyncio, logging
logging.basicConfig(format='%(levelname)s %(message)s', level='INFO')
from poolhouse.kernels.registry import loops_are_loaded
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
pooling = PoolingService.from_settings(Settings(device=('cpu',), kernels={kernels!r}))
asyncio.run(pooling.start())
print([device['ready'] for device in pooling.status.devices()], loops_are_loaded())
"""


@pytest.mark.slow
def test_without_numba_the_service_pools_and_logs_a_warning() -> None:
    """numba supports new versions of Python late; the service must run on them before."""
    plain = run_plain(START.format(kernels="on"), absent=("numba", "llvmlite"))

    assert plain.stdout == "[True] False\n", plain.stderr
    (warning,) = [line for line in plain.stderr.splitlines() if line.startswith("WARNING")]
    assert "without compiled kernels" in warning
    assert "llvmlite is not installed; install the extra 'server'" in warning


def test_kernels_off_compiles_no_loops(tmp_path: Path) -> None:
    """An operator of the service who suspects a loop can turn all of them off."""
    environment = {"XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}

    off = run_python(START.format(kernels="off"), environment)

    assert off.stdout == "[True] False\n", off.stderr
    assert not list(tmp_path.iterdir())


def test_an_unwritable_cache_does_not_prevent_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's file system may be read-only. Each start then compiles, and reports why."""
    (tmp_path / "poolhouse").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "poolhouse"))
    scatter = next(each for each in LOOPS.values() if each.module.endswith(".scatter"))
    monkeypatch.setattr(scatter, "entry", None)

    problems = loading.load_loops(1, lambda _, __: None)

    assert loops_are_loaded()
    assert len(problems) == 2
