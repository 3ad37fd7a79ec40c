"""Compiling every loop ahead of time, for the tests and for the image."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from poolhouse.kernels import compile_ahead
from poolhouse.kernels.code_cache import file_name, read_file
from poolhouse.kernels.registry import LOOPS, Loop, loops_are_loaded
from poolhouse.kernels.targets import X86_LEVELS, Target


def test_every_module_with_loops_is_compiled_ahead() -> None:
    """A read-only image would compile the loops of a missing module at each start."""
    code = (
        "import poolhouse.rest.app\nfrom poolhouse.operators.catalogue import discover\ndiscover()\n"
        "from poolhouse.kernels.registry import LOOPS\nprint(*{each.module for each in LOOPS.values()})"
    )

    service = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert set(service.stdout.split()) == set(compile_ahead.MODULES)
    assert loops_are_loaded()


@pytest.mark.parametrize(
    ("processor", "targets"), [(Target("x86-64-v2"), X86_LEVELS), (Target("armv9", "+sve"), (Target("armv9", "+sve"),))]
)
def test_an_image_gets_a_file_for_each_module_and_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processor: Target, targets: tuple[Target, ...]
) -> None:
    """A file that a start does not find under its name is compiled again, in each container."""

    def build(loops: Iterable[Loop], target: Target, _workers: int, _report: object) -> dict[str, bytes]:
        return {each.name: f"{each.name} for {target}".encode() for each in loops}

    monkeypatch.setattr(compile_ahead, "build", build)
    monkeypatch.setattr(compile_ahead, "this_processor", lambda: processor)
    monkeypatch.setattr(sys, "argv", ["compile_ahead", "--into", str(tmp_path)])

    compile_ahead.main()

    names = {(module, target): file_name(module, target) for module in compile_ahead.MODULES for target in targets}
    assert {path.name for path in tmp_path.iterdir()} == set(names.values())
    for (module, target), name in names.items():
        expected = {loop.name: f"{loop.name} for {target}".encode() for loop in LOOPS.values() if loop.module == module}
        assert read_file(tmp_path / name, trusted=True) == expected


def test_a_problem_of_the_cache_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise each run of the tests would compile for minutes without a reason."""
    monkeypatch.setattr(compile_ahead, "load_all", lambda: ["disk full"])
    monkeypatch.setattr(sys, "argv", ["compile_ahead"])

    compile_ahead.main()

    assert capsys.readouterr().err == "poolhouse: compiled loops cannot be cached: disk full\n"


def test_progress_is_printed_at_both_ends_and_every_two_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each loop would hide the other messages of a start; no line for minutes looks like a hang."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    report = compile_ahead.progress_printer()

    for done in range(9):
        report(done, 8)
        now += 0.7

    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"poolhouse: compiling loops: {done} of 8 after {seconds} s"
        for done, seconds in ((0, 0), (3, 2), (6, 4), (8, 6))
    ]
