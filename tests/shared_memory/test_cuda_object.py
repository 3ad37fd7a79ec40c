"""Memory of another process on a GPU: opened by its handle, copied, closed; with a fake driver, and with a real one."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys

import pytest

from poolhouse.errors import PoolhouseError, Unprocessable, Unsupported
from poolhouse.shared_memory import cuda_object
from poolhouse.shared_memory.cuda_object import CudaDriver, CudaObject, cuda_driver
from tests.shared_memory.fake_cuda import HANDLE, OFFSET, FakeCuda

EXPORTER = """
import ctypes, sys, torch
torch.cuda.init(); torch.zeros(1, device="cuda")
cuda = ctypes.CDLL("libcuda.so.1")
class Handle(ctypes.Structure):
    _fields_ = (("reserved", ctypes.c_ubyte * 64),)
address, handle, elements = ctypes.c_uint64(), Handle(), bytes(range(256)) * 4
assert cuda.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(1024)) == 0
assert cuda.cuMemcpyHtoD_v2(address, ctypes.c_char_p(elements), ctypes.c_size_t(1024)) == 0
assert cuda.cuIpcGetMemHandle(ctypes.byref(handle), address) == 0
print(bytes(handle.reserved).hex(), flush=True)
sys.stdin.readline()
found = ctypes.create_string_buffer(4)
assert cuda.cuMemcpyDtoH_v2(found, address, ctypes.c_size_t(4)) == 0
print(found.raw.hex(), flush=True)
"""


def test_a_range_is_copied_and_written_at_its_offset() -> None:
    """The address of a handle may be inside of an allocation, and a region inside of the memory from there on."""
    library = FakeCuda()
    library.memory[OFFSET + 100 : OFFSET + 104] = b"abcd"
    opened = CudaObject(HANDLE, 1, CudaDriver(library))

    copy = opened.read(100, 4)
    opened.write(102, memoryview(b"xyz"))

    assert opened.nbytes == 1024
    assert bytes(copy) == b"abcd", "a copy, which the client cannot change"
    assert library.memory[OFFSET + 100 : OFFSET + 105] == b"abxyz"
    assert not copy.readonly
    assert bytes(opened.read(7, 0)) == b""
    opened.write(7, memoryview(b""))
    assert not library.contexts, "each call restores the context of its thread"


def test_the_memory_is_closed_with_the_last_reference() -> None:
    """A request may use it longer than it is registered, and the other process can then free it."""
    library = FakeCuda(failures={"cuIpcCloseMemHandle": 201})
    opened = CudaObject(HANDLE, 0, CudaDriver(library))
    assert library.opened == 1

    del opened
    gc.collect()

    assert library.opened == 0


@pytest.mark.parametrize("failing", ["cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuIpcOpenMemHandle_v2"])
def test_a_handle_that_opens_nothing_is_refused(failing: str) -> None:
    """It may be of this process, of another GPU, or freed."""
    with pytest.raises(Unprocessable, match=f"{failing} failed with the CUDA error 201") as caught:
        CudaObject(HANDLE, 0, CudaDriver(FakeCuda(failures={failing: 201})))

    assert caught.value.problems[0].pointer == "/raw_handle/b64"


def test_memory_that_disappears_is_refused() -> None:
    """The request of that client fails, and no other."""
    library = FakeCuda()
    opened = CudaObject(HANDLE, 0, CudaDriver(library))
    library.failures = {"cuMemcpyDtoH_v2": 700, "cuMemcpyHtoD_v2": 700}

    for use in (lambda: opened.read(0, 4), lambda: opened.write(0, memoryview(b"abcd"))):
        with pytest.raises(Unprocessable, match="Register it again"):
            use()
    assert not library.contexts


def test_without_a_driver_it_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most machines have none; the refusal says what to do instead."""

    def load(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    cuda_driver.cache_clear()
    with pytest.raises(Unsupported, match="use system shared memory"):
        cuda_driver()

    monkeypatch.setattr(ctypes, "CDLL", lambda name: FakeCuda(failures={"cuInit": 100}))
    with pytest.raises(PoolhouseError, match="no CUDA driver"):
        cuda_driver()
    cuda_driver.cache_clear()


@pytest.mark.gpu
def test_memory_of_another_process_is_read_and_written() -> None:
    """With the real driver."""
    with subprocess.Popen(
        [sys.executable, "-c", EXPORTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as exporter:
        assert exporter.stdin is not None
        assert exporter.stdout is not None
        opened = cuda_object.CudaObject(bytes.fromhex(exporter.stdout.readline()), 0, cuda_driver())
        copy = bytes(opened.read(5, 3))
        opened.write(0, memoryview(b"\x09\x08\x07\x06"))
        nbytes = opened.nbytes
        exporter.stdin.write("\n")
        exporter.stdin.flush()
        written = exporter.stdout.readline()
        del opened

    assert copy == b"\x05\x06\x07"
    assert nbytes >= 1024
    assert written.strip() == "09080706"
