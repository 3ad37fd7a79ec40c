"""The number of threads follows the cores that the process may use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import Array
from poolhouse.backend.cores import available_cores
from poolhouse.backend.torch_worker import pool_on_cpu
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.plan import Plan
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_cgroup(root: Path, version: int, quota: str, period: int = 100_000) -> Path:
    """Write the files of a control group, as the kernel shows them."""
    if version == 2:
        (root / "cpu.max").write_text(f"{quota} {period}\n")
    else:
        (root / "cpu").mkdir(exist_ok=True)
        (root / "cpu/cpu.cfs_quota_us").write_text(f"{-1 if quota == 'max' else quota}\n")
        (root / "cpu/cpu.cfs_period_us").write_text(f"{period}\n")
    return root


@pytest.mark.parametrize("version", [1, 2])
def test_without_a_cgroup_limit_the_affinity_counts(tmp_path: Path, version: int) -> None:
    """The kernel writes no limit as the word ``max`` or as -1, which must not be read as a number of cores."""
    assert available_cores(make_cgroup(tmp_path, version, "max")) == ALLOWED
    assert available_cores(tmp_path / "absent") == ALLOWED


@pytest.mark.parametrize("version", [1, 2])
@given(quota=st.integers(1_000, 10_000_000), period=st.integers(1_000, 1_000_000))
def test_a_cgroup_limit_is_rounded_up_to_at_most_the_affinity(
    tmp_path_factory: pytest.TempPathFactory, version: int, quota: int, period: int
) -> None:
    """With 64 threads on two cores, the threads would only wait for each other."""
    found = available_cores(make_cgroup(tmp_path_factory.mktemp("group"), version, str(quota), period))

    assert 1 <= found <= ALLOWED
    assert found == ALLOWED or found - 1 < quota / period <= found or quota < period


@pytest.mark.parametrize(("setting", "expected"), [(0, available_cores()), (3, 3)])
def test_a_large_batch_uses_the_configured_or_available_cores(
    setting: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default the limit of the container counts, not the number of cores of the machine."""
    used: list[int] = []

    def record_threads(plan: Plan, planes: Mapping[str, Array], threads: int) -> Sequence[Array]:
        used.append(threads)
        return pool_on_cpu(plan, planes, threads)

    monkeypatch.setattr("poolhouse.backend.torch_worker.pool_on_cpu", record_threads)

    async def pool_one(side: int) -> None:
        pooling = PoolingService.from_settings(Settings(cpu_threads=setting, device=("cpu",)))
        array = np.zeros((1, 1, side, side), np.float32)
        prepared = pooling.prepare("max_pool2d", Message({"input": Tensor(FLOAT32, array)}, {"kernel_size": 2}))
        lease = pooling.admission.admit(array.nbytes)
        await pooling.pool(prepared, lease)
        lease.release()
        await pooling.stop()

    asyncio.run(pool_one(2048))
    asyncio.run(pool_one(4))

    assert used == [expected, 1], "a small batch has one thread"
