"""Remove each guard of ``scripts/guards`` in a copy of the checkout, and check that its test fails without it.

First all of these tests must pass in an unchanged copy. With words as arguments, only guards whose id, sentence, group,
file or test contains one of them are removed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from _termination import terminate_children_on_sigterm
from guards.guard import Guard
from guards.markers import find_markers, find_tests, remove_guard
from guards.table import GROUPS

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = "service/poolhouse"
_COPIED_PATHS = ("service", "tests", "scripts", "benchmarks", "openapi", "pyproject.toml")
# The copy has a shorter timeout for conditions that never become true without the guard.
_WAIT_TIMEOUT_LINE = "WAIT_TIMEOUT_S = {:.1f}\n"
_WAIT_TIMEOUT_S = 20.0
_WAIT_TIMEOUT_IN_COPY_S = 6.0
_TEST_TIMEOUT_S = 60
# Some guards matter only in a few of hypothesis' examples, or in a slow test.
_THOROUGH_OPTIONS = ("--slow", "--hypothesis-profile=thorough")


@dataclass(frozen=True, slots=True)
class LocatedGuard:
    """A guard with its group, its file relative to the package, and the pytest id of its test."""

    guard: Guard
    group: str
    path: str
    test: str


def locate(root: Path, grouped_guards: Sequence[tuple[str, Guard]]) -> list[LocatedGuard]:
    """Find each guard by its marker and its test by its name.

    Raises:
        ValueError: a marker or a test does not exist exactly once.
    """
    package, tests = root / PACKAGE, root / "tests"
    files: dict[str, list[Path]] = {}
    for file, marker in find_markers(package):
        files.setdefault(marker.id, []).append(file)
    defined = find_tests(tests)
    return [
        LocatedGuard(
            guard,
            group,
            _single_file(files.get(guard.id, []), f"marker `# guard: {guard.id}`").relative_to(package).as_posix(),
            f"{_single_file(defined.get(guard.test, []), guard.test).relative_to(root).as_posix()}::{guard.test}",
        )
        for group, guard in grouped_guards
    ]


def located_guards() -> list[LocatedGuard]:
    """All guards of this checkout."""
    return locate(ROOT, [(group, guard) for group, guards in GROUPS.items() for guard in guards])


def _single_file(files: Sequence[Path], what: str) -> Path:
    if len(files) != 1:
        raise ValueError(f"expected one {what}, found {len(files)} {[str(file) for file in files]}")
    return files[0]


def make_copy(folder: Path) -> Path:
    """Copy the checkout to this folder, without .git and .venv, and shorten the timeouts of its tests."""
    for name in _COPIED_PATHS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, folder / name)
    old, new = _WAIT_TIMEOUT_LINE.format(_WAIT_TIMEOUT_S), _WAIT_TIMEOUT_LINE.format(_WAIT_TIMEOUT_IN_COPY_S)
    files = [file for file in (folder / "tests").rglob("*.py") if old in file.read_text(encoding="utf-8")]
    if not files:
        raise SystemExit(f"no test has the line {old.strip()}; change _WAIT_TIMEOUT_LINE in scripts/prove_guards.py")
    for file in files:
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return folder


def run_tests(folder: Path, tests: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run these tests in the copy in this folder, with its package instead of the installed one."""
    return subprocess.run(
        [
            *(sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(f"--timeout={_TEST_TIMEOUT_S}", "--tb=short", "--rootdir", str(folder), *options, *tests),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "service"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=(2 + len(tests)) * _TEST_TIMEOUT_S,
    )


def has_failed(run: subprocess.CompletedProcess[str], test: str) -> bool:
    """Whether the test ran and failed; pytest exits with 1 only if tests ran and some failed."""
    name = test.rpartition("::")[2]
    return run.returncode == 1 and any(
        line.startswith("FAILED ") and f"::{name}" in line for line in run.stdout.splitlines()
    )


def why_unnoticed(located: LocatedGuard, folder: Path, *options: str) -> str:
    """Remove a guard and run its test; returns an empty text if the test fails, else what happened instead."""
    file = folder / PACKAGE / located.path
    text = file.read_text(encoding="utf-8")
    file.write_text(remove_guard(text, located.guard.id, located.guard.removal), encoding="utf-8")
    try:
        run = run_tests(folder, [located.test], *options)
    except subprocess.TimeoutExpired:
        return "it hangs instead of failing"
    finally:
        file.write_text(text, encoding="utf-8")
    if has_failed(run, located.test):
        return ""
    return f"exit code {run.returncode}\n{run.stdout[-1500:]}{run.stderr[-1500:]}"


def select_guards(words: Sequence[str], located: Sequence[LocatedGuard]) -> list[LocatedGuard]:
    """The guards that contain one of these words; all if there are no words."""
    return [
        each
        for each in located
        if not words
        or any(
            word in f"{each.guard.id}\n{each.guard.protects}\n{each.group}\n{each.path}\n{each.test}" for word in words
        )
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove_guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose id, sentence, group, file or test contains a word")
    parser.add_argument(
        "--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))), help="number of concurrent tests"
    )
    options = parser.parse_args(arguments)
    guards = select_guards(options.words, located_guards())
    if not guards:
        parser.error("no guard contains one of these words")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch, ThreadPoolExecutor(options.jobs) as pool:
        unused_copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            unused_copies.put(make_copy(Path(scratch) / str(number)))
        tests = sorted({each.test for each in guards})
        unchanged = unused_copies.get()
        run = run_tests(unchanged, tests, *_THOROUGH_OPTIONS)
        unused_copies.put(unchanged)
        if run.returncode:
            print(run.stdout[-5000:], run.stderr[-5000:])
            print("these tests fail with every guard in place")
            return 1
        print(f"{len(tests)} tests pass with every guard in place, {time.monotonic() - started:.0f} s", flush=True)

        def prove(located: LocatedGuard) -> tuple[LocatedGuard, str]:
            folder = unused_copies.get()
            try:
                return located, why_unnoticed(located, folder, *_THOROUGH_OPTIONS)
            finally:
                unused_copies.put(folder)

        unnoticed: list[str] = []
        futures = [pool.submit(prove, located) for located in guards]
        try:
            for count, each in enumerate(as_completed(futures), start=1):
                located, reason = each.result()
                result = "FAIL" if reason else "ok  "
                print(f"{count}/{len(guards)} {result} {located.guard.id} ({located.path})", flush=True)
                if reason:
                    unnoticed.append(located.guard.id)
                    print(f"     {located.test} does not notice: {reason}", flush=True)
        finally:
            # Otherwise SIGTERM would wait for all remaining guards.
            pool.shutdown(wait=False, cancel_futures=True)
    elapsed_s = time.monotonic() - started
    print(f"{len(guards) - len(unnoticed)} of {len(guards)} tests fail without their guard, {elapsed_s:.0f} s")
    if unnoticed:
        print(f"no test noticed the removal of: {', '.join(unnoticed)}")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    terminate_children_on_sigterm()
    sys.exit(main(sys.argv[1:]))
