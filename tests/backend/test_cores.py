"""As many threads as there are cores to run them, and no more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.cores import cores
from poolhouse.pooling import Pooling
from poolhouse.settings import Settings

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture
def threads() -> Iterator[None]:
    """Torch's threads are the process's; other tests get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def mounted(root: Path, version: int, quota: str, period: int = 100_000) -> Path:
    """A folder as the kernel shows a control group."""
    if version == 2:
        (root / "cpu.max").write_text(f"{quota} {period}\n")
    else:
        (root / "cpu").mkdir(exist_ok=True)
        (root / "cpu/cpu.cfs_quota_us").write_text(f"{-1 if quota == 'max' else quota}\n")
        (root / "cpu/cpu.cfs_period_us").write_text(f"{period}\n")
    return root


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_without_a_limit_has_what_it_may_run_on(tmp_path: Path, version: int) -> None:
    """No limit is written in words or as -1, and neither is a number of cores."""
    assert cores(mounted(tmp_path, version, "max")) == ALLOWED
    assert cores(tmp_path / "absent") == ALLOWED


@pytest.mark.parametrize("version", [1, 2])
@given(quota=st.integers(1_000, 10_000_000), period=st.integers(1_000, 1_000_000))
def test_a_limit_is_rounded_up_and_never_beyond_what_there_is(
    tmp_path_factory: pytest.TempPathFactory, version: int, quota: int, period: int
) -> None:
    """A container limited to two cores of 64 sees 64; as many threads on two cores only wait for each other."""
    found = cores(mounted(tmp_path_factory.mktemp("group"), version, str(quota), period))

    assert 1 <= found <= ALLOWED
    assert found == ALLOWED or found - 1 < quota / period <= found or quota < period


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("setting", "expected"), [(0, cores()), (3, 3)])
def test_the_service_takes_the_threads_that_it_is_told_or_has(setting: int, expected: int) -> None:
    """The setting wins; without one, the container's limit does, and not the machine's number of cores."""
    torch.set_num_threads(7)

    Pooling.from_settings(Settings(cpu_threads=setting, device=("cpu",)))

    assert torch.get_num_threads() == expected
