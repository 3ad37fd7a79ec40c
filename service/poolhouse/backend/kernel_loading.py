"""Makes the compiled loops ready before the first request, and says what that means for the operator of the service."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from poolhouse.backend.cores import available_cores
from poolhouse.kernels.loading import LoopsUnavailable, ProgressCallback, load_loops

_log = logging.getLogger("poolhouse.kernels")

_PROGRESS_INTERVAL_S: Final = 2.0


def load_kernels() -> bool:
    """Loads the loops for this processor, or compiles them, and logs its progress; whether they are ready."""
    try:
        problems = load_loops(available_cores(), _progress_logger())
    except LoopsUnavailable as missing:
        _log.warning(
            "pooling runs without compiled loops, and slower: %s; the server extra brings all that is needed", missing
        )
        return False
    if problems:
        _log.warning("compiled loops cannot be kept, so each start compiles them: %s", "; ".join(problems))
    return True


def _progress_logger() -> ProgressCallback:
    begun = reported_s = monotonic()

    def report(done: int, of: int) -> None:
        nonlocal reported_s
        if done in (0, of) or monotonic() - reported_s > _PROGRESS_INTERVAL_S:
            reported_s = monotonic()
            told = "compiling loops for this processor, only at the first start: %d of %d after %.0f s"
            _log.info(told, done, of, reported_s - begun)

    return report
