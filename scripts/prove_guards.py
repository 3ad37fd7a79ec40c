"""Takes every guard of ``scripts/guards.py`` away, one at a time in a copy of the checkout, and looks whether the
test that is named for it fails. First all of these tests must pass in the copy as it is.

With words as arguments, only the guards whose sentence, file or test holds one of them.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from _ending import end_with_this
from guards import GUARDS, ROOT, Guard

_COPIED = ("service", "tests", "scripts", "benchmarks", "openapi", "pyproject.toml")
# A test that waits for what will never come gives up after this, in the copy: nobody need wait 20 s for each.
_PATIENCE_S = 6.0
_IMPATIENT = (
    "tests/batching/fake.py",
    "tests/rest/serving.py",
    "tests/batching/test_aside.py",
    "tests/batching/test_crew.py",
)
_LONGEST_S = 60
# A guard may be needed by few of the examples that hypothesis draws, or by a slow test alone.
_THOROUGH = ("--slow", "--hypothesis-profile=thorough")


def make_copy(folder: Path) -> Path:
    """A checkout in this folder, without git and without the environment, that is less patient."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, folder / name)
    for name in _IMPATIENT:
        file = folder / name
        text = file.read_text()
        if text.count("PATIENCE_S = 20.0\n") != 1:
            raise SystemExit(f"{name} no longer says how patient it is: mend scripts/prove_guards.py")
        file.write_text(text.replace("PATIENCE_S = 20.0\n", f"PATIENCE_S = {_PATIENCE_S}\n"))
    return folder


def run_tests(folder: Path, tests: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    """These tests over the copy in that folder; never the package that is installed."""
    return subprocess.run(
        [
            *(sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(f"--timeout={_LONGEST_S}", "--tb=short", "--rootdir", str(folder), *options, *tests),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "service"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=(2 + len(tests)) * _LONGEST_S,
    )


def failed_rightly(run: subprocess.CompletedProcess[str], test: str) -> bool:
    """Whether that test failed, and not only could not be run. Pytest says 1 where tests ran and some failed."""
    name = test.rpartition("::")[2]
    return run.returncode == 1 and any(
        line.startswith("FAILED ") and f"::{name}" in line for line in run.stdout.splitlines()
    )


def is_noticed(guard: Guard, folder: Path, *options: str) -> str:
    """Nothing, when the guard's test fails without the guard; else what happened instead."""
    file = folder / guard.file
    text = file.read_text()
    file.write_text(guard.removed(text))
    try:
        run = run_tests(folder, [guard.test], *options)
    except subprocess.TimeoutExpired:
        return "it hangs, which tells nobody what is wrong"
    finally:
        file.write_text(text)
    if failed_rightly(run, guard.test):
        return ""
    return f"exit code {run.returncode}\n{run.stdout[-1500:]}{run.stderr[-1500:]}"


def chosen(words: Sequence[str]) -> list[Guard]:
    """The guards that these words name; all where there are none."""
    return [
        guard
        for guard in GUARDS
        if not words or any(word in f"{guard.guard} {guard.file} {guard.test}" for word in words)
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove_guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose sentence, file or test holds one of these")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))), help="tests at once")
    given = parser.parse_args(arguments)
    guards = chosen(given.words)
    if not guards:
        parser.error("no guard is named so")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch, ThreadPoolExecutor(given.jobs) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.jobs):
            free.put(make_copy(Path(scratch) / str(number)))
        tests = sorted({guard.test for guard in guards})
        whole = free.get()
        run = run_tests(whole, tests, *_THOROUGH)
        free.put(whole)
        if run.returncode:
            print(run.stdout[-5000:], run.stderr[-5000:])
            print("the tests do not even pass with every guard in place")
            return 1
        print(f"{len(tests)} tests pass with every guard in place, {time.monotonic() - begun:.0f} s", flush=True)

        def prove(guard: Guard) -> tuple[Guard, str]:
            folder = free.get()
            try:
                return guard, is_noticed(guard, folder, *_THOROUGH)
            finally:
                free.put(folder)

        unseen = 0
        for guard, what in pool.map(prove, guards):
            print(f"{'FAIL' if what else 'ok  '} {guard.guard} ({guard.file})", flush=True)
            if what:
                unseen += 1
                print(f"     {guard.test} does not notice: {what}", flush=True)
    took_s = time.monotonic() - begun
    print(f"{len(guards) - unseen} of {len(guards)} guards are missed when they are gone, {took_s:.0f} s")
    return 1 if unseen else 0


if __name__ == "__main__":
    end_with_this()
    sys.exit(main(sys.argv[1:]))
