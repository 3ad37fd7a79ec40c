"""Every benchmark is found by its name, and none shadows a package."""

from __future__ import annotations

import subprocess

from tests.docs.pages import ROOT


def test_every_listed_benchmark_exists() -> None:
    """scripts/bench without a name lists them."""
    listed = subprocess.run([ROOT / "scripts" / "bench"], check=True, capture_output=True, text=True).stdout.split()

    files = {path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert {"triton", "limit"} <= {*listed}
    assert all((name in files) != (f"compare_{name}" in files) for name in listed)
    assert len(listed) == len(files)


def test_no_file_shadows_the_package_triton() -> None:
    """torch imports triton if it finds it, and the folder of the benchmark comes first in the path."""
    assert not (ROOT / "benchmarks" / "triton.py").exists()
    assert not (ROOT / "benchmarks" / "triton").exists()
