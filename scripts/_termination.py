"""Make a proof end its child processes and their children when it is terminated."""

from __future__ import annotations

import atexit
import signal
import sys
from contextlib import suppress
from types import FrameType

import psutil

_GRACE_S = 10.0


def terminate_children_on_sigterm() -> None:
    """Make SIGTERM terminate all children and end this process by an exception, so that it cleans up.

    By default Python ends at once, without cleaning up, and its children keep running.
    """
    signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    # Terminate the children first: threads may wait for them, and the cleanup for the threads.
    children = _children()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    atexit.register(_kill_remaining, children)
    sys.exit("terminated")


def _kill_remaining(terminated: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(terminated, timeout=_GRACE_S)
    for child in {*alive, *_children()}:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _children() -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process().children(recursive=True)
    return children
