"""Memory of another process on a GPU, opened by its CUDA handle, through the functions of CUDA's driver.

The elements are copied to and from the service's own memory, like those of POSIX objects: a batch is put together there
anyway, and a client cannot change them while they are checked.

Source: the CUDA driver API, "Memory Management", functions ``cuIpcOpenMemHandle`` and those beside it.
"""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from typing import Any, Final

import numpy as np

from poolhouse.buffers import BUFFER_POOL
from poolhouse.errors import Unprocessable, Unsupported
from poolhouse.wire.open_inference.request import field_error

HANDLE_BYTES: Final = 64
"""The size of a ``cudaIpcMemHandle_t``."""
_LAZY_ENABLE_PEER_ACCESS: Final = 1


class _Handle(ctypes.Structure):
    """``CUipcMemHandle``, which is passed by value."""

    _fields_ = (("reserved", ctypes.c_ubyte * HANDLE_BYTES),)


class DriverError(Exception):
    """A function of the driver failed.

    Args:
        name: of the function.
        code: its ``CUresult``.
    """

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} failed with the CUDA error {code}")


class CudaDriver:
    """The functions of the driver that are needed here, on one GPU after another; thread-safe.

    Args:
        library: ``libcuda``; tests replace it.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._call("cuInit", ctypes.c_uint(0))

    def _call(self, name: str, *arguments: Any) -> None:
        code: int = getattr(self._library, name)(*arguments)
        if code:
            raise DriverError(name, code)

    def retain_context(self, ordinal: int) -> ctypes.c_void_p:
        """The primary context of a GPU, which torch uses too; never released, as torch does not release it either."""
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.pointer(device), ctypes.c_int(ordinal))
        self._call("cuDevicePrimaryCtxRetain", ctypes.pointer(context), device)
        return context

    def open(self, context: ctypes.c_void_p, handle: bytes) -> int:
        """Map memory of another process; returns its address on the GPU."""
        address = ctypes.c_uint64()
        given = _Handle.from_buffer_copy(handle)
        flags = ctypes.c_uint(_LAZY_ENABLE_PEER_ACCESS)
        self._in(context, "cuIpcOpenMemHandle_v2", ctypes.pointer(address), given, flags)
        return address.value

    def close(self, context: ctypes.c_void_p, address: int) -> None:
        """Unmap memory; an error changes nothing, since nobody uses it any more."""
        try:
            self._in(context, "cuIpcCloseMemHandle", ctypes.c_uint64(address))
        except DriverError:
            return

    def bytes_from(self, context: ctypes.c_void_p, address: int) -> int:
        """The bytes from an address to the end of its allocation."""
        base, size = ctypes.c_uint64(), ctypes.c_size_t()
        self._in(
            context, "cuMemGetAddressRange_v2", ctypes.pointer(base), ctypes.pointer(size), ctypes.c_uint64(address)
        )
        return base.value + size.value - address

    def copy_to_host(self, context: ctypes.c_void_p, target: memoryview, address: int) -> None:
        """Copy from the GPU; returns when that is done."""
        arguments = ctypes.c_void_p(_address_of(target)), ctypes.c_uint64(address), ctypes.c_size_t(len(target))
        self._in(context, "cuMemcpyDtoH_v2", *arguments)

    def copy_to_device(self, context: ctypes.c_void_p, address: int, source: memoryview) -> None:
        """Copy to the GPU; returns when that is done."""
        arguments = ctypes.c_uint64(address), ctypes.c_void_p(_address_of(source)), ctypes.c_size_t(len(source))
        self._in(context, "cuMemcpyHtoD_v2", *arguments)

    def _in(self, context: ctypes.c_void_p, name: str, *arguments: Any) -> None:
        """Call a function with a context that is current in this thread meanwhile."""
        self._call("cuCtxPushCurrent_v2", context)
        try:
            self._call(name, *arguments)
        finally:
            self._call("cuCtxPopCurrent_v2", ctypes.pointer(ctypes.c_void_p()))


@cache
def cuda_driver() -> CudaDriver:
    """The driver of this machine.

    Raises:
        Unsupported: it has none.
    """
    try:
        return CudaDriver(ctypes.CDLL("libcuda.so.1"))
    except (OSError, AttributeError, DriverError):
        raise Unsupported(
            "unsupported",
            "The machine of the service has no CUDA driver, so it cannot open memory on a GPU; use system shared "
            "memory, or send the tensors as binary data.",
        ) from None


class CudaObject:
    """Memory of another process on a GPU. It is unmapped with the last reference to this object.

    Args:
        handle: the ``cudaIpcMemHandle_t`` of the memory.
        ordinal: of the GPU.
        driver: of the machine.

    Raises:
        Unprocessable: no memory can be opened by the handle.
    """

    def __init__(self, handle: bytes, ordinal: int, driver: CudaDriver) -> None:
        self._driver = driver
        try:
            self._context = driver.retain_context(ordinal)
            self._address = driver.open(self._context, handle)
        except DriverError as error:
            raise field_error(
                "/raw_handle/b64",
                f"The memory of the handle cannot be opened: {error}. Make the handle with cudaIpcGetMemHandle in "
                f"another process, for memory on the GPU {ordinal} that is not freed meanwhile.",
                "range",
            ) from None
        weakref.finalize(self, driver.close, self._context, self._address).atexit = False
        try:
            self.nbytes = driver.bytes_from(self._context, self._address)
        except DriverError as error:
            raise _transfer_error(error) from None

    def read(self, offset: int, nbytes: int) -> memoryview:
        """Copy a range into a buffer of its own; thread-safe.

        Raises:
            Unprocessable: the memory cannot be read.
        """
        buffer = BUFFER_POOL.acquire(nbytes)
        if nbytes:
            try:
                self._driver.copy_to_host(self._context, buffer, self._address + offset)
            except DriverError as error:
                raise _transfer_error(error) from None
        return buffer

    def write(self, offset: int, elements: memoryview) -> None:
        """Write a range; thread-safe.

        Raises:
            Unprocessable: the memory cannot be written.
        """
        if len(elements):
            try:
                self._driver.copy_to_device(self._context, self._address + offset, elements)
            except DriverError as error:
                raise _transfer_error(error) from None


def _address_of(buffer: memoryview) -> int:
    return int(np.frombuffer(buffer, np.uint8).ctypes.data)


def _transfer_error(error: DriverError) -> Unprocessable:
    return Unprocessable(
        "invalid_data", f"The memory of the region on the GPU cannot be used any more: {error}. Register it again."
    )
