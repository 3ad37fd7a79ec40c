"""A CUDA driver without a GPU: the functions that are called, on memory of this process."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

FAILED = 1
HANDLE = bytes(range(64))
BASE = 0x7000_0000
OFFSET = 512
"""Of the handle's address in its allocation."""


class FakeCuda:
    """Stands for ``libcuda``, with one allocation that another process has exported.

    Args:
        nbytes: from the address of the handle to the end of the allocation.
        failures: the code that each of these functions returns.
    """

    def __init__(self, nbytes: int = 1024, failures: Mapping[str, int] | None = None) -> None:
        self.memory = bytearray(OFFSET + nbytes)
        self.failures = dict(failures or {})
        self.contexts: list[int] = []
        self.opened = 0

    def _fails(self, name: str) -> int:
        return self.failures.get(name, 0)

    def cuInit(self, flags: Any) -> int:
        assert flags.value == 0
        return self._fails("cuInit")

    def cuDeviceGet(self, device: Any, ordinal: Any) -> int:
        device.contents.value = 10 + ordinal.value
        return self._fails("cuDeviceGet")

    def cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> int:
        context.contents.value = 100 + device.value
        return self._fails("cuDevicePrimaryCtxRetain")

    def cuCtxPushCurrent_v2(self, context: Any) -> int:
        self.contexts.append(context.value)
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        context.contents.value = self.contexts.pop()
        return 0

    def cuIpcOpenMemHandle_v2(self, address: Any, handle: Any, flags: Any) -> int:
        assert self.contexts, "a context is current"
        if bytes(handle.reserved) != HANDLE or flags.value != 1:
            return FAILED
        self.opened += 1
        address.contents.value = BASE + OFFSET
        return self._fails("cuIpcOpenMemHandle_v2")

    def cuIpcCloseMemHandle(self, address: Any) -> int:
        assert self.contexts, "a context is current"
        assert address.value == BASE + OFFSET
        self.opened -= 1
        return self._fails("cuIpcCloseMemHandle")

    def cuMemGetAddressRange_v2(self, base: Any, size: Any, address: Any) -> int:
        assert address.value == BASE + OFFSET
        base.contents.value, size.contents.value = BASE, len(self.memory)
        return self._fails("cuMemGetAddressRange_v2")

    def cuMemcpyDtoH_v2(self, target: Any, address: Any, count: Any) -> int:
        assert self.contexts, "a context is current"
        begin = address.value - BASE
        ctypes.memmove(target.value, bytes(self.memory[begin : begin + count.value]), count.value)
        return self._fails("cuMemcpyDtoH_v2")

    def cuMemcpyHtoD_v2(self, address: Any, source: Any, count: Any) -> int:
        assert self.contexts, "a context is current"
        begin = address.value - BASE
        self.memory[begin : begin + count.value] = ctypes.string_at(source.value, count.value)
        return self._fails("cuMemcpyHtoD_v2")
