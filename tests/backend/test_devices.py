"""The choice of devices, for every setting and kind of machine."""

from __future__ import annotations

import pytest

from poolhouse.backend import devices
from poolhouse.backend.devices import Device, choose_devices

CPU = Device("cpu", "AVX2", None)
CUDA = tuple(Device(f"cuda:{index}", "H100", 65_535) for index in range(2))
MPS = Device("mps", "Apple GPU", 65_535)


@pytest.mark.parametrize(
    ("present", "wanted", "chosen"),
    [
        ((CPU,), ("auto",), (CPU,)),
        ((CPU, *CUDA), ("auto",), CUDA),
        ((CPU, MPS), ("auto",), (MPS,)),
        ((CPU, *CUDA), ("cpu",), (CPU,)),
        ((CPU, *CUDA), ("cuda",), CUDA[:1]),
        ((CPU, *CUDA), ("cuda:1",), CUDA[1:]),
        ((CPU, *CUDA), ("cuda:1", "cpu"), (CUDA[1], CPU)),
        ((CPU, *CUDA), ("cuda", "cuda:0"), CUDA[:1]),
        ((CPU, MPS), ("mps", "cpu"), (MPS, CPU)),
    ],
)
def test_the_named_devices_are_chosen_once_each_in_order(
    present: tuple[Device, ...], wanted: tuple[str, ...], chosen: tuple[Device, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``auto`` chooses the fastest kind of device that is present."""
    monkeypatch.setattr(devices, "_present_devices", lambda: present)

    assert choose_devices(wanted) == chosen


@pytest.mark.parametrize("wanted", ["cuda", "cuda:2", "mps"])
def test_a_missing_device_is_an_error_that_lists_the_present_ones(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the error, the service would pool on another device than the configured one, unnoticed."""
    monkeypatch.setattr(devices, "_present_devices", lambda: (CPU,))

    with pytest.raises(ValueError, match=rf"there is no device '{wanted}' on this machine; use one of cpu"):
        choose_devices((wanted,))


def test_this_machine_has_a_cpu() -> None:
    """All other tests need this device."""
    (cpu,) = choose_devices(("cpu",))

    assert (cpu.name, cpu.max_planes) == ("cpu", None)
    assert cpu.model
    assert cpu.torch_device.type == "cpu"
