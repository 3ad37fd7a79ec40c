"""Measures the peak memory of requests in a separate process: ``python -m tests.operators.peak_memory torch 101``.

With ``loops`` compiled loops pool where they are cheaper; with ``torch`` torch pools everything. With number n about
every n-th row of the table of extremes is run.

Linux reports the peak resident memory since it was last reset (``VmHWM``). The figure is exact if every large block is
mapped from the operating system and unmapped at once, which two environment variables make the C library do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import torch

from poolhouse.backend.kernel_loading import load_kernels
from poolhouse.backend.torch_worker import run_plan
from poolhouse.operators.plan import Limits
from tests.operators.extremes import LONGEST, Extreme, extremes, plan_of
from tests.operators.random_cases import (
    CATALOGUE,
    CPU,
    OPERATORS,
    Fields,
    element_types_of,
    random_tensors,
    settled_plan,
)

ENVIRONMENT: Final = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
LIMITS: Final = Limits(max_output_bytes=2**28, max_steps=1_000_000_000)
ELEMENTS: Final = 2**19

_LARGE: Final[tuple[tuple[str, str, tuple[int, ...], Fields], ...]] = (
    # More planes than one piece has, with samples for each; outputs are concatenated from pieces.
    ("fractional_max_pool2d", "uint8", (2**20, 1, 1, 1), {"kernel_size": 1, "output_size": 1, "seed": 1}),
    ("max_unpool2d", "float32", (40, 1, 256, 256), {"kernel_size": 4}),
    ("avg_pool2d", "int64", (20, 1, 512, 512), {"kernel_size": 3, "stride": 1, "divisor_override": 2**62}),
    # More steps than one piece may have.
    ("avg_pool2d", "float32", (64, 1, 256, 256), {"kernel_size": 11, "stride": 1}),
    ("lp_pool1d", "float64", (3, 1, 2**20), {"kernel_size": 2, "norm_type": 1.7}),
    # One plane that is larger than a piece.
    ("avg_pool3d", "float16", (1, 1, 1, 4096, 4096), {"kernel_size": 1, "stride": LONGEST}),
    ("max_pool1d", "int8", (1, 1, 2**22), {"kernel_size": 100, "stride": 1, "return_indices": True}),
    ("adaptive_max_pool1d", "uint8", (1, 1, 1), {"output_size": 2**21}),
    # Outputs of one byte, beside which any other array of their shape is large.
    ("adaptive_max_pool1d", "int8", (2**17, 1, 1), {"output_size": 40}),
    # With ceil_mode slices are of an input that is padded along each axis, here to four times its size.
    ("max_pool3d", "float64", (1, 1, 2**19, 1, 1), {"kernel_size": 2, "ceil_mode": True}),
    # The result of the last axis is larger than the plane and is held while the next axis is reduced.
    ("adaptive_avg_pool3d", "float32", (1, 1, 2**18, 1, 1), {"output_size": 7}),
)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def measure_peak_bytes(run: Callable[[], object]) -> int:
    """Peak memory of a call, its result included."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    result = run()
    peak = _status("VmHWM")
    del result
    return peak - before


def rows(limits: Limits, every: int) -> Iterator[Extreme]:
    """Extreme requests of every operator, and a few large requests."""
    yield from extremes(ELEMENTS, every, limits)
    for name, dtype, shape, fields in _LARGE:
        member = CATALOGUE.find(name)
        (element_type,) = (each for each in element_types_of(member) if each.name == dtype)
        plan = plan_of(member, fields, element_type, shape, limits)
        assert plan is not None, name
        yield Extreme(f"{name} of {dtype}, large", plan)


def main() -> None:
    """Print a line for each row: its name, its peak bytes, and the planned bytes without the input."""
    torch.set_num_threads(2)
    limits = replace(LIMITS, allow_compiled_loops=sys.argv[1] == "loops")
    if limits.allow_compiled_loops:
        load_kernels()
    for member in OPERATORS:
        # Memory that torch allocates at the first call of a kind does not count.
        for dtype in element_types_of(member):
            shape = (1, 1, *member.samples[0].spatial[-member.rank :])
            plan = settled_plan(member.of(**member.samples[0].fields), dtype, shape)
            run_plan(plan, random_tensors(Random(5), plan), CPU)
    for extreme in rows(limits, int(sys.argv[2])):
        plan = extreme.plan
        tensors = random_tensors(Random(5), plan, "special" if len(extreme.name) % 2 else "plain")
        planned = plan.held_bytes - plan.input_bytes
        taken = measure_peak_bytes(lambda: run_plan(plan, tensors, CPU))  # noqa: B023, run at once
        if taken > planned:
            # The first large request of a kind starts threads, which keep memory of their own.
            taken = min(taken, measure_peak_bytes(lambda: run_plan(plan, tensors, CPU)))  # noqa: B023
        json.dump([extreme.name, taken, planned], sys.stdout)
        print()


if __name__ == "__main__":
    main()
