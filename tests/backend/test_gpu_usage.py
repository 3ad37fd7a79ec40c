"""The use of a GPU: as the driver tells it, and nothing where there is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from poolhouse.backend.gpu_usage import read_gpu_usage

UUID = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver of a GPU with 10 bytes, of which 3 are free."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3, 10))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=UUID))
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 25)


@pytest.mark.usefixtures("driver")
def test_the_use_is_what_the_driver_says() -> None:
    """Used memory is that of all processes, and NVIDIA's tools write the prefix before the UUID."""
    assert read_gpu_usage("cuda:0") == (f"GPU-{UUID}", 10, 7, 0.25)


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("error", [ModuleNotFoundError("pynvml does not seem to be installed"), RuntimeError("lost")])
def test_utilization_needs_a_library(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """It is no dependency of the service; the memory is known without it."""

    def fail(device: torch.device) -> int:
        raise error

    monkeypatch.setattr(torch.cuda, "utilization", fail)
    usage = read_gpu_usage("cuda:0")

    assert usage is not None
    assert (usage.used_bytes, usage.utilization) == (7, None)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: device lost"), AssertionError("not compiled with CUDA")])
def test_a_device_that_does_not_answer_has_no_use(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A page of metrics must not fail because of a lost GPU."""

    def fail(device: torch.device) -> tuple[int, int]:
        raise error

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)

    assert read_gpu_usage("cuda:0") is None


@pytest.mark.gpu
def test_a_real_gpu_has_a_use() -> None:
    """Whatever the versions of the driver and of torch."""
    held = torch.empty(2**24, device="cuda")
    usage = read_gpu_usage("cuda:0")

    assert usage is not None
    assert usage.uuid.startswith("GPU-")
    assert held.nbytes <= usage.used_bytes <= usage.total_bytes
