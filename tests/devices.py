"""The devices on which tests run: the CPU, and CUDA if available."""

from __future__ import annotations

from typing import Final

import pytest

from poolhouse.backend.devices import Device, choose_devices

each_device: Final = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
"""Runs a test with the name of each device, so that a machine without CUDA runs the same code."""


def device_named(name: str) -> Device:
    """The device of this name, as the settings choose it."""
    (chosen,) = choose_devices((name,))
    return chosen
