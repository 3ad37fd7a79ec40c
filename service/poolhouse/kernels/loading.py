"""Loads declared loops: reads cached code, and compiles the other loops in separate processes.

This process needs no compiler. Loaded loops stay loaded.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Final

from poolhouse.kernels.code_cache import PREBUILT_DIR, file_name, modules_of, read_file, user_cache_dirs, write_file
from poolhouse.kernels.registry import LOOPS, Loop
from poolhouse.kernels.targets import Target

try:
    from poolhouse.kernels.linking import link, this_processor
except ImportError:
    _MISSING = "llvmlite"
else:
    _MISSING = ""

ProgressCallback = Callable[[int, int], None]
"""Called with the number of compiled loops and the number of all loops."""

_lock: Final = Lock()


class LoopsUnavailable(Exception):
    """Loops can be neither read nor compiled; the message gives the reason."""


def load_loops(workers: int, report: ProgressCallback) -> list[str]:
    """Load every declared loop.

    Args:
        workers: processes that compile in parallel.
        report: called before the first loop is compiled and after each.

    Returns:
        Why the code could not be cached, so that the next start compiles again; usually empty.

    Raises:
        LoopsUnavailable: there is no compiler, or it failed. No loop of this call is loaded.
    """
    with _lock:
        wanted = [loop for loop in LOOPS.values() if loop.entry is None]
        if not wanted:
            return []
        if missing := _missing_package():
            raise LoopsUnavailable(f"{missing} is not installed")
        target = this_processor()
        names = {module: file_name(module, target) for module in modules_of(wanted)}
        codes: dict[str, bytes] = {}
        for name in names.values():
            codes.update(_read_cached(name) or {})
        uncached = [loop for loop in wanted if loop.name not in codes]
        problems = []
        if uncached:
            codes.update(build(uncached, target, workers, report))
            for module in modules_of(uncached):
                problems += _write_cached(names[module], {loop.name: codes[loop.name] for loop in LOOPS.values()
                                                   if loop.module == module and loop.name in codes})  # fmt: skip
        addresses = link({loop.name: codes[loop.name] for loop in wanted})
        for loop in wanted:
            loop.load(addresses[loop.name])
        return problems


def build(loops: Iterable[Loop], target: Target, workers: int, report: ProgressCallback) -> dict[str, bytes]:
    """Compile loops in parallel processes; returns the object code by name.

    Raises:
        LoopsUnavailable: a process failed.
    """
    pending: SimpleQueue[Loop] = SimpleQueue()
    # The longest loops first, so that no process starts one of them at the end.
    ordered = sorted(loops, key=lambda loop: -len(loop.function.__code__.co_code))
    for loop in ordered:
        pending.put(loop)
    codes: dict[str, bytes] = {}
    report(0, len(ordered))

    def work() -> None:
        child = _start_compiler(modules_of(ordered), target)
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stderr is not None
            try:
                while True:
                    loop = pending.get_nowait()
                    child.stdin.write(loop.name.encode() + b"\n")
                    child.stdin.flush()
                    size = int(child.stdout.readline())
                    codes[loop.name] = child.stdout.read(size)
                    report(len(codes), len(ordered))
            except Empty:
                child.stdin.close()
            except (OSError, ValueError):
                lines = child.stderr.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                raise LoopsUnavailable(f"compiling failed: {lines[-1]}") from None

    processes = max(1, min(workers, len(ordered)))
    with ThreadPoolExecutor(processes, thread_name_prefix="poolhouse-compile") as pool:
        for future in [pool.submit(work) for _ in range(processes)]:
            future.result()
    return codes


def _missing_package() -> str:
    if _MISSING:
        return _MISSING
    try:
        return "" if importlib.util.find_spec("numba") else "numba"
    except ImportError:
        return "numba"


def _start_compiler(modules: Sequence[str], target: Target) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {
        "NUMBA_CPU_NAME": target.name,
        "NUMBA_CPU_FEATURES": target.features,
        "NUMBA_OPT": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONWARNINGS": "ignore",
    }
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "poolhouse.kernels.building", *modules]
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def _read_cached(name: str) -> dict[str, bytes] | None:
    for directory in (PREBUILT_DIR, *user_cache_dirs()):
        found = read_file(directory / name, trusted=directory == PREBUILT_DIR)
        if found is not None:
            return found
    return None


def _write_cached(name: str, codes: dict[str, bytes]) -> list[str]:
    errors: list[str] = []
    for directory in user_cache_dirs():
        try:
            write_file(directory / name, codes)
        except OSError as error:
            errors.append(str(error))
        else:
            return []
    return errors
