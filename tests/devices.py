"""The devices that a test runs on: the CPU everywhere, and CUDA where there is one."""

from __future__ import annotations

from typing import Final

import pytest

from poolhouse.backend.devices import Device, choose_devices

each_device: Final = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
"""Runs a test with the name of each, so that a machine without CUDA runs the same lines."""


def device_named(name: str) -> Device:
    """The device of that name, as the settings would choose it."""
    (chosen,) = choose_devices((name,))
    return chosen
