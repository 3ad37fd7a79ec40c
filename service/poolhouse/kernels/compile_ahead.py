"""Compiles every loop ahead of time and prints its progress: ``python -m poolhouse.kernels.compile_ahead``.

Without options it fills the cache of this user, as before the tests. With ``--into`` it fills a directory for all
processors of an image.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from poolhouse.kernels.code_cache import file_name, modules_of, write_file
from poolhouse.kernels.linking import this_processor
from poolhouse.kernels.loading import ProgressCallback, build, load_loops
from poolhouse.kernels.registry import LOOPS
from poolhouse.kernels.targets import X86_LEVELS

MODULES: Final = (
    "poolhouse.kernels.bin_loops",
    "poolhouse.kernels.box_loops",
    "poolhouse.kernels.half_maxima",
    "poolhouse.kernels.halves",
    "poolhouse.kernels.histograms",
    "poolhouse.kernels.integer_sums",
    "poolhouse.kernels.interpolation",
    "poolhouse.kernels.keys",
    "poolhouse.kernels.line_extremes",
    "poolhouse.kernels.long_sums",
    "poolhouse.kernels.means",
    "poolhouse.kernels.ranks",
    "poolhouse.kernels.windows",
    "poolhouse.kernels.scatter",
    "poolhouse.kernels.segment_loops",
    "poolhouse.kernels.skipping_extremes",
    "poolhouse.kernels.skipping_loops",
    "poolhouse.kernels.span_blocks",
    "poolhouse.kernels.sums",
    "poolhouse.kernels.variances",
    "poolhouse.kernels.vector_norms",
    "poolhouse.kernels.global_maxima",
    "poolhouse.wire.json.base64_loops",
    "poolhouse.wire.json.list_printer",
    "poolhouse.wire.json.repeated_text",
    "poolhouse.wire.json.scanner",
)
"""Every module that declares loops."""

_PROGRESS_INTERVAL_S: Final = 2.0


def progress_printer() -> ProgressCallback:
    """A callback that prints a line every two seconds; it prints nothing if there is nothing to compile."""
    started = reported = time.monotonic()

    def report(done: int, of: int) -> None:
        nonlocal reported
        if done in (0, of) or time.monotonic() - reported > _PROGRESS_INTERVAL_S:
            reported = time.monotonic()
            print(
                f"poolhouse: compiling loops: {done} of {of} after {reported - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    return report


def load_all() -> list[str]:
    """Load every loop into this process; see :func:`poolhouse.kernels.loading.load_loops`."""
    for module in MODULES:
        import_module(module)
    return load_loops(os.cpu_count() or 1, progress_printer())


def main() -> None:
    """Compile the loops that are not compiled yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="fill this directory of an image, for all its processors")
    arguments = parser.parse_args()
    problems = load_all() if arguments.into is None else compile_into(arguments.into)
    for problem in problems:
        print(f"poolhouse: compiled loops cannot be cached: {problem}", file=sys.stderr)


def compile_into(directory: Path) -> list[str]:
    """Fill a directory with the loops for every processor that an image may run on."""
    for module in MODULES:
        import_module(module)
    target = this_processor()
    for each in X86_LEVELS if target.name.startswith("x86-64") else (target,):
        codes = build(LOOPS.values(), each, os.cpu_count() or 1, progress_printer())
        for module in modules_of(LOOPS.values()):
            module_codes = {loop.name: codes[loop.name] for loop in LOOPS.values() if loop.module == module}
            write_file(directory / file_name(module, each), module_codes)
    return []


if __name__ == "__main__":
    main()
