"""What is freed goes back to the system, and the thread that frees it is not the one that waits."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from poolhouse.pages import PageReturner

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_bytes() -> int:
    """What this process has of the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def comes_below(most: int) -> bool:
    """Whether it comes to have no more, within a generous time."""
    ends = time.monotonic() + 30
    while resident_bytes() > most and time.monotonic() < ends:
        threading.Event().wait(0.01)
    return resident_bytes() <= most


@linux
@pytest.mark.parametrize("offset", [0, 1, 4095])
def test_the_pages_of_a_block_go_back(offset: int) -> None:
    """Even where somebody forgets the block itself; wherever it begins in a page."""
    returner, before = PageReturner(), resident_bytes()
    block = np.ones(200 * MIB, np.uint8)[offset:]
    assert resident_bytes() > before + 150 * MIB

    returner.free(block)

    assert comes_below(before + 50 * MIB)


@linux
def test_only_whole_pages_are_given_back() -> None:
    """What lies in front of a block and behind it belongs to somebody else."""
    whole = np.ones(3 * MIB, np.uint8)
    before = resident_bytes()
    PageReturner().free(whole[100 : 2 * MIB + 100])
    assert comes_below(before - MIB)

    assert whole[:100].all()
    assert whole[2 * MIB + 100 :].all()


@linux
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_frees_too() -> None:
    """It has none of its parent's threads."""
    returner = PageReturner()
    returner.free(np.ones(MIB, np.uint8))
    child = os.fork()
    if child == 0:
        before = resident_bytes()
        returner.free(np.ones(200 * MIB, np.uint8))
        os._exit(0 if comes_below(before + 50 * MIB) else 1)
    assert os.waitpid(child, 0)[1] == 0
