"""Makes declared loops ready: reads what was compiled before, and compiles the rest in processes of their own.

This process needs no compiler. What is loaded stays loaded.
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
"""Is told how many loops of how many are compiled."""

_lock: Final = Lock()


class LoopsUnavailable(Exception):
    """Loops can be neither read nor compiled; the message says why."""


def load_loops(workers: int, report: ProgressCallback) -> list[str]:
    """Makes every declared loop ready.

    Args:
        workers: processes that may compile at once.
        report: is called before the first loop is compiled, and after each.

    Returns:
        what stands in the way of a quick start next time, in words; mostly nothing.

    Raises:
        LoopsUnavailable: there is no compiler, or it failed. Then no loop of this call is loaded.
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
        missed = [loop for loop in wanted if loop.name not in codes]
        problems = []
        if missed:
            codes.update(build(missed, target, workers, report))
            for module in modules_of(missed):
                problems += _write_cached(names[module], {loop.name: codes[loop.name] for loop in LOOPS.values()
                                                   if loop.module == module and loop.name in codes})  # fmt: skip
        addresses = link({loop.name: codes[loop.name] for loop in wanted})
        for loop in wanted:
            loop.load(addresses[loop.name])
        return problems


def build(loops: Iterable[Loop], target: Target, workers: int, report: ProgressCallback) -> dict[str, bytes]:
    """The object code of each loop by name, compiled in processes beside this one.

    Raises:
        LoopsUnavailable: a process failed.
    """
    waiting: SimpleQueue[Loop] = SimpleQueue()
    # What takes long first, so that no process is left with it at the end.
    ordered = sorted(loops, key=lambda loop: -len(loop.function.__code__.co_code))
    for loop in ordered:
        waiting.put(loop)
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
                    loop = waiting.get_nowait()
                    child.stdin.write(loop.name.encode() + b"\n")
                    child.stdin.flush()
                    size = int(child.stdout.readline())
                    codes[loop.name] = child.stdout.read(size)
                    report(len(codes), len(ordered))
            except Empty:
                child.stdin.close()
            except (OSError, ValueError):
                told = child.stderr.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                raise LoopsUnavailable(f"compiling failed: {told[-1]}") from None

    many = max(1, min(workers, len(ordered)))
    with ThreadPoolExecutor(many, thread_name_prefix="poolhouse-compile") as pool:
        for done in [pool.submit(work) for _ in range(many)]:
            done.result()
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
    for place in (PREBUILT_DIR, *user_cache_dirs()):
        found = read_file(place / name, trusted=place == PREBUILT_DIR)
        if found is not None:
            return found
    return None


def _write_cached(name: str, codes: dict[str, bytes]) -> list[str]:
    refused: list[str] = []
    for place in user_cache_dirs():
        try:
            write_file(place / name, codes)
        except OSError as error:
            refused.append(str(error))
        else:
            return []
    return refused
