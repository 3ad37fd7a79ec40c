"""A proof that is told to stop ends what it has started, and what that has started in turn."""

from __future__ import annotations

import atexit
import signal
import sys
from contextlib import suppress
from types import FrameType

import psutil

_GRACE_S = 10.0


def terminate_children_on_sigterm() -> None:
    """From now on SIGTERM ends this process as an error would, so that what tidies up is run, and all its children.

    Python's own way is to end at once: nothing is tidied up, and children go on for ever.
    """
    signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    # Threads may wait for them, and what tidies up waits for the threads.
    left = _children()
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    atexit.register(_kill_remaining, left)
    sys.exit("told to stop")


def _kill_remaining(terminated: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(terminated, timeout=_GRACE_S)
    for child in {*alive, *_children()}:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _children() -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process().children(recursive=True)
    return children
