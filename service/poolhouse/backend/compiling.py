"""Makes the compiled loops ready before the first request, and says what that means for the operator of the service."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from poolhouse.kernels.compiling import AVAILABLE
from poolhouse.kernels.warming import steps

_log = logging.getLogger("poolhouse.kernels")

_TELL_EVERY_S: Final = 2.0
"""Compiling takes a minute on a slow machine, and reading what was compiled less than a second."""


def compile_kernels() -> None:
    """Compiles the loops for the CPU, or reads them from disk; logs its progress where it takes long."""
    if not AVAILABLE:
        _log.debug("numba is not installed: torch pools on the CPU; the kernels extra brings compiled loops")
        return
    begun = told_s = monotonic()
    for step, compile_it in steps():
        compile_it()
        if monotonic() - told_s > _TELL_EVERY_S:
            told_s = monotonic()
            _log.info("compiling for this CPU, only at the first start: %s done after %.0f s", step, told_s - begun)
