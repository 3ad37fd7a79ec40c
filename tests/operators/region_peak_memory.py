"""Measures the peak memory of requests for regions: ``python -m tests.operators.region_peak_memory loops 101``.

As :mod:`tests.operators.peak_memory`, for the operators that pool regions.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Final

import torch

from poolhouse.backend.kernel_loading import load_kernels
from poolhouse.backend.torch_worker import run_plan
from tests.operators.peak_memory import LIMITS, measure_peak_bytes
from tests.operators.random_cases import CPU
from tests.operators.region_extremes import region_extremes

_ELEMENTS: Final = 2**22


def main() -> None:
    """Print a line for each row: its name, its peak bytes, and the planned bytes without the inputs."""
    torch.set_num_threads(2)
    limits = replace(LIMITS, allow_compiled_loops=sys.argv[1] == "loops")
    if limits.allow_compiled_loops:
        load_kernels()
    for small in region_extremes(2**10, 97, limits):
        # Memory that torch allocates at the first call of a kind does not count.
        run_plan(small.plan, small.tensors, CPU)
    for row in region_extremes(_ELEMENTS, int(sys.argv[2]), limits):
        plan = row.plan
        planned = plan.held_bytes - plan.input_bytes
        taken = measure_peak_bytes(lambda: run_plan(plan, row.tensors, CPU))  # noqa: B023, run at once
        if taken > planned:
            # The first large request of a kind starts threads, which keep memory of their own.
            taken = min(taken, measure_peak_bytes(lambda: run_plan(plan, row.tensors, CPU)))  # noqa: B023
        json.dump([row.name, taken, planned], sys.stdout)
        print(flush=True)


if __name__ == "__main__":
    main()
