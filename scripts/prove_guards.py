"""Takes every guard of ``scripts/guards`` away, one at a time in a copy of the checkout, and checks that its test
fails. First all of these tests must pass in the copy as it is.

With words as arguments, only the guards whose id, sentence, group, file or test contains one of them.
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
# A test that waits for something that will never happen gives up after this time in the copy, not after 20 s.
_PATIENCE_LINE = "WAIT_TIMEOUT_S = {:.1f}\n"
_PATIENCE_S = 20.0
_PATIENCE_IN_COPY_S = 6.0
_TEST_TIMEOUT_S = 60
# A guard may be needed by few of the examples that hypothesis draws, or by a slow test alone.
_THOROUGH_OPTIONS = ("--slow", "--hypothesis-profile=thorough")


@dataclass(frozen=True, slots=True)
class LocatedGuard:
    """A guard with its group, its file below the package, and its test as pytest names it."""

    guard: Guard
    group: str
    path: str
    test: str


def locate(root: Path, grouped_guards: Sequence[tuple[str, Guard]]) -> list[LocatedGuard]:
    """Find each guard by its marker and its test by its name.

    Raises:
        ValueError: when one of them does not exist exactly once.
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
    """A checkout in this folder, without git and without the environment, whose tests give up sooner."""
    for name in _COPIED_PATHS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, folder / name)
    was, becomes = _PATIENCE_LINE.format(_PATIENCE_S), _PATIENCE_LINE.format(_PATIENCE_IN_COPY_S)
    patched = [file for file in (folder / "tests").rglob("*.py") if was in file.read_text(encoding="utf-8")]
    if not patched:
        raise SystemExit(f"no test says {was.strip()} any more; change _PATIENCE in scripts/prove_guards.py")
    for file in patched:
        file.write_text(file.read_text(encoding="utf-8").replace(was, becomes), encoding="utf-8")
    return folder


def run_tests(folder: Path, tests: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run these tests on the copy in that folder; never on the package that is installed."""
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
    """Whether that test failed, and not only could not be run. Pytest exits with 1 where tests ran and some failed."""
    name = test.rpartition("::")[2]
    return run.returncode == 1 and any(
        line.startswith("FAILED ") and f"::{name}" in line for line in run.stdout.splitlines()
    )


def why_unnoticed(located: LocatedGuard, folder: Path, *options: str) -> str:
    """An empty text when the guard's test fails without the guard; else what happened instead."""
    file = folder / PACKAGE / located.path
    text = file.read_text(encoding="utf-8")
    file.write_text(remove_guard(text, located.guard.id, located.guard.removal), encoding="utf-8")
    try:
        run = run_tests(folder, [located.test], *options)
    except subprocess.TimeoutExpired:
        return "it hangs, so the run shows no cause"
    finally:
        file.write_text(text, encoding="utf-8")
    if has_failed(run, located.test):
        return ""
    return f"exit code {run.returncode}\n{run.stdout[-1500:]}{run.stderr[-1500:]}"


def select_guards(words: Sequence[str], located: Sequence[LocatedGuard]) -> list[LocatedGuard]:
    """The guards that these words name; all where there are no words."""
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
    parser.add_argument("words", nargs="*", help="only guards whose id, sentence, group, file or test contains one")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))), help="tests at once")
    given = parser.parse_args(arguments)
    guards = select_guards(given.words, located_guards())
    if not guards:
        parser.error("no guard has such a name")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch, ThreadPoolExecutor(given.jobs) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.jobs):
            free.put(make_copy(Path(scratch) / str(number)))
        tests = sorted({each.test for each in guards})
        whole = free.get()
        run = run_tests(whole, tests, *_THOROUGH_OPTIONS)
        free.put(whole)
        if run.returncode:
            print(run.stdout[-5000:], run.stderr[-5000:])
            print("these tests do not pass with every guard in place")
            return 1
        print(f"{len(tests)} tests pass with every guard in place, {time.monotonic() - started:.0f} s", flush=True)

        def prove(located: LocatedGuard) -> tuple[LocatedGuard, str]:
            folder = free.get()
            try:
                return located, why_unnoticed(located, folder, *_THOROUGH_OPTIONS)
            finally:
                free.put(folder)

        unnoticed: list[str] = []
        running = [pool.submit(prove, located) for located in guards]
        try:
            for count, each in enumerate(as_completed(running), start=1):
                located, what = each.result()
                result = "FAIL" if what else "ok  "
                print(f"{count}/{len(guards)} {result} {located.guard.id} ({located.path})", flush=True)
                if what:
                    unnoticed.append(located.guard.id)
                    print(f"     {located.test} does not notice: {what}", flush=True)
        finally:
            # Else a script that is told to stop would first prove all others.
            pool.shutdown(wait=False, cancel_futures=True)
    took_s = time.monotonic() - started
    print(f"{len(guards) - len(unnoticed)} of {len(guards)} tests fail without their guard, {took_s:.0f} s")
    if unnoticed:
        print(f"no test noticed that these were missing: {', '.join(unnoticed)}")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    terminate_children_on_sigterm()
    sys.exit(main(sys.argv[1:]))
