"""Load or compile the kernels before the first request, and log what the administrator should know."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from poolhouse.backend.cores import available_cores
from poolhouse.kernels.loading import LoopsUnavailable, ProgressCallback, load_loops

_log = logging.getLogger("poolhouse.kernels")

_PROGRESS_INTERVAL_S: Final = 2.0


def load_kernels() -> bool:
    """Load the kernels for this processor, or compile them and log the progress; False if they are unavailable."""
    try:
        problems = load_loops(available_cores(), _progress_logger())
    except LoopsUnavailable as missing:
        _log.warning("pooling runs without compiled kernels, which is slower: %s; install the extra 'server'", missing)
        return False
    if problems:
        _log.warning("compiled kernels cannot be saved, so each start compiles them: %s", "; ".join(problems))
    return True


def _progress_logger() -> ProgressCallback:
    started_s = reported_s = monotonic()

    def report(done: int, of: int) -> None:
        nonlocal reported_s
        if done in (0, of) or monotonic() - reported_s > _PROGRESS_INTERVAL_S:
            reported_s = monotonic()
            text = "compiling kernels for this processor, only at the first start: %d of %d after %.0f s"
            _log.info(text, done, of, reported_s - started_s)

    return report
