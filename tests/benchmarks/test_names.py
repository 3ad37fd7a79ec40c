"""Every measurement is found by its name, and none hides a package."""

from __future__ import annotations

import subprocess

from tests.docs.pages import ROOT


def test_the_list_has_the_names_that_can_be_run() -> None:
    """A name that is listed and cannot be run sends its reader to the source."""
    listed = subprocess.run([ROOT / "scripts" / "bench"], check=True, capture_output=True, text=True).stdout.split()

    files = {path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert {"triton", "limit"} <= {*listed}
    assert all((name in files) != (f"compare_{name}" in files) for name in listed)
    assert len(listed) == len(files)


def test_no_file_is_taken_for_the_package_of_triton() -> None:
    """torch imports a package of this name where it finds one, and looks into a measurement's folder first."""
    assert not (ROOT / "benchmarks" / "triton.py").exists()
    assert not (ROOT / "benchmarks" / "triton").exists()
