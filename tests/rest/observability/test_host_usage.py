"""The use of the machine, from files as Linux has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolhouse.rest.observability.host_usage import HostUsage

MEMORY = "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\nHugePages_Total:       0\n"


def write_ticks(proc: Path, *ticks: int) -> None:
    """Write user, nice, system, idle, iowait, irq, softirq, steal, guest and guest_nice."""
    words = [str(each) for each in (*ticks, *[0] * (10 - len(ticks)))]
    (proc / "stat").write_text(f"cpu  {' '.join(words)}\ncpu0 1 1 1 1\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A folder like /proc."""
    write_ticks(tmp_path, 10, 0, 10, 60, 20)
    (tmp_path / "meminfo").write_text(MEMORY)
    return tmp_path


def test_utilization_is_that_since_the_sample_before(proc: Path) -> None:
    """The mean since boot would hide a load that began a minute ago; waiting for a disk is not work."""
    host = HostUsage(proc)
    first = host.read()
    write_ticks(proc, 40, 0, 10, 60, 30)
    second = host.read()

    assert first is not None
    assert first.utilization == 0.2
    assert second is not None
    assert second.utilization == 0.75


def test_guests_are_counted_once(proc: Path) -> None:
    """Linux counts the time of virtual machines as user time, too."""
    host = HostUsage(proc)
    host.read()
    write_ticks(proc, 20, 0, 10, 70, 20, 0, 0, 0, 10)
    sample = host.read()

    assert sample is not None
    assert sample.utilization == 0.5


def test_two_samples_within_a_tick_are_the_same(proc: Path) -> None:
    """There is no time between them to divide by; the counter of waiting may even go back."""
    host = HostUsage(proc)
    first = host.read()
    write_ticks(proc, 10, 0, 10, 60, 19)

    assert host.read() == first


def test_memory_that_caches_can_free_is_not_used(proc: Path) -> None:
    """Linux fills free memory with caches, so that it always seems to be used up."""
    sample = HostUsage(proc).read()

    assert sample is not None
    assert (sample.total_bytes, sample.used_bytes) == (1000 * 1024, 600 * 1024)


@pytest.mark.parametrize(
    ("name", "text"),
    [("stat", None), ("meminfo", None), ("stat", ""), ("stat", "cpu  1 2 3\n"), ("stat", "cpu x\n"), ("meminfo", "a")],
)
def test_other_systems_have_no_sample(proc: Path, name: str, text: str | None) -> None:
    """A page of metrics must not fail where the files are missing or of another form."""
    if text is None:
        (proc / name).unlink()
    else:
        (proc / name).write_text(text)

    assert HostUsage(proc).read() is None
