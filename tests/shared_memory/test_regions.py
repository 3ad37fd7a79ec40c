"""The registered regions: their bounds, their names, their number, and their life."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound, PoolhouseError, TooLarge, Unavailable, Unprocessable, Unsupported
from poolhouse.shared_memory import regions
from poolhouse.shared_memory.cuda_object import CudaDriver
from poolhouse.shared_memory.regions import MAX_NAME_CHARS, SharedMemory
from poolhouse.wire.open_inference.request import InferInput, RegionRange
from tests.shared_memory.fake_cuda import HANDLE, FakeCuda
from tests.shared_memory.shared_object import SharedObject, shared_object

BYTES = bytes(range(64))
WHOLE = RegionRange("r", 64, 0)
LIMIT_BYTES = 2**21


@pytest.fixture
def client_object() -> Iterator[SharedObject]:
    """An object of 64 different bytes."""
    with shared_object(len(BYTES)) as made:
        made.write(BYTES)
        yield made


@pytest.fixture
def shared_memory() -> SharedMemory:
    """No regions yet."""
    return SharedMemory(enabled=True, max_input_bytes=LIMIT_BYTES)


def check(memory: SharedMemory, *ranges: RegionRange) -> None:
    """Check inputs in these ranges."""
    dtype = ELEMENT_TYPES["uint8"]
    memory.check_inputs([InferInput("input", dtype, (each.nbytes,), region=each) for each in ranges])


USES: list[Callable[[SharedMemory], object]] = [
    lambda memory: memory.register("r", "/none", 0, 64),
    lambda memory: check(memory, WHOLE),
    lambda memory: memory.read(WHOLE),
    lambda memory: memory.writer(WHOLE, 64),
]


@pytest.mark.parametrize("use", USES)
def test_shared_memory_is_refused_where_it_is_off(use: Callable[[SharedMemory], object]) -> None:
    """A client that reaches the service over a network must not read the memory of its machine."""
    with pytest.raises(Unsupported, match="POOLHOUSE_SHARED_MEMORY"):
        use(SharedMemory(enabled=False, max_input_bytes=LIMIT_BYTES))


@pytest.mark.parametrize("use", USES)
def test_shared_memory_is_refused_where_there_is_none(use: Callable[[SharedMemory], object], tmp_path: Path) -> None:
    """Other systems keep these objects where no file leads to them."""
    with pytest.raises(Unsupported, match="Linux"):
        use(SharedMemory(enabled=True, max_input_bytes=LIMIT_BYTES, directory=tmp_path / "none"))


def test_a_region_is_a_part_of_its_object(shared_memory: SharedMemory, client_object: SharedObject) -> None:
    """Offsets count from the start of the region, so that a client need not know where it begins."""
    shared_memory.register("r", client_object.key, 16, 32)

    assert bytes(shared_memory.read(RegionRange("r", 8, 4))) == BYTES[20:28]
    shared_memory.writer(RegionRange("r", 8, 24), 4).write(memoryview(b"abcd"))
    assert client_object.read() == BYTES[:40] + b"abcd" + BYTES[44:]


@pytest.mark.parametrize(
    ("offset", "nbytes"),
    [
        *((0, 65), (1, 64), (63, 2), (64, 1), (65, 1), (0, 0), (64, 0), (-1, 1), (-1, 65), (0, -1)),
        *((2**63 - 1, 1), (2**64 - 32, 64), (2**64 - 1, 2), (0, 2**64 + 1), (2**64, 1), (32, 2**64 - 16)),
    ],
)
def test_a_region_outside_its_object_is_refused(
    offset: int, nbytes: int, shared_memory: SharedMemory, client_object: SharedObject
) -> None:
    """A sum that overflows 64 bits would look small."""
    with pytest.raises(Unprocessable, match="not inside"):
        shared_memory.register("r", client_object.key, offset, nbytes)

    assert not shared_memory.regions()
    assert not client_object.descriptors


@pytest.mark.parametrize(
    ("offset", "nbytes"),
    [
        *((0, 33), (1, 32), (31, 2), (32, 1), (33, 0), (-1, 1), (-16, 32)),
        *((2**63 - 1, 1), (2**64 - 32, 64), (2**64 - 16, 32), (0, 2**64 + 1)),
    ],
)
def test_a_range_outside_its_region_is_refused(
    offset: int, nbytes: int, shared_memory: SharedMemory, client_object: SharedObject
) -> None:
    """The rest of the object may hold tensors that the client did not mean to share."""
    shared_memory.register("r", client_object.key, 16, 32)
    wrong = RegionRange("r", nbytes, offset)

    for use in (partial(check, shared_memory), shared_memory.read, lambda target: shared_memory.writer(target, 0)):
        with pytest.raises(Unprocessable, match="not inside"):
            use(wrong)

    assert client_object.read() == BYTES


def test_the_inputs_of_a_request_have_a_limit(shared_memory: SharedMemory) -> None:
    """An object of gigabytes takes no memory until it is written, so a client can make one for nothing."""
    with shared_object(2**40) as huge:
        shared_memory.register("r", huge.key, 0, 2**40)
        half = RegionRange("r", LIMIT_BYTES // 2, 2**39)
        check(shared_memory, half, half)

        for ranges in ([half, half, RegionRange("r", 1, 0)], [RegionRange("r", 2**40, 0)]):
            with pytest.raises(TooLarge) as raised:
                check(shared_memory, *ranges)
            assert raised.value.limit_bytes == LIMIT_BYTES


def test_a_name_is_taken_until_it_is_unregistered(shared_memory: SharedMemory, client_object: SharedObject) -> None:
    """Another client's region must not be replaced while requests rely on it."""
    shared_memory.register("r", client_object.key, 0, 64)
    with pytest.raises(Unprocessable, match="already"):
        shared_memory.register("r", client_object.key, 0, 32)
    assert [each.nbytes for each in shared_memory.regions()] == [64]

    shared_memory.unregister("r")
    shared_memory.register("r", client_object.key, 0, 32)

    assert shared_memory.find("r").nbytes == 32


def test_unknown_regions(shared_memory: SharedMemory) -> None:
    """Unregistering twice is no error, and everything else says which name is unknown."""
    shared_memory.unregister("r")
    shared_memory.unregister_all()
    with pytest.raises(NotFound, match="'r'"):
        shared_memory.find("r")
    for use in USES[1:]:
        with pytest.raises(Unprocessable, match="'r'"):
            use(shared_memory)


@pytest.mark.parametrize("name", ["", "a\nb", "\0", "\ud800", "x" * (MAX_NAME_CHARS + 1)])
def test_names_are_short_and_printable(name: str, shared_memory: SharedMemory, client_object: SharedObject) -> None:
    """The names of all regions are kept, and shown in errors and logs."""
    with pytest.raises(Unprocessable, match="printable"):
        shared_memory.register(name, client_object.key, 0, 64)


def test_the_number_of_open_objects_has_a_limit(
    shared_memory: SharedMemory, client_object: SharedObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each object takes a descriptor; without any left, no connection would be accepted. Requests count too."""
    monkeypatch.setattr(regions, "MAX_OBJECTS", 2)
    shared_memory.register("a", client_object.key, 0, 64)
    shared_memory.register("b", client_object.key, 0, 64)
    writer = shared_memory.writer(RegionRange("a", 4, 0), 4)
    shared_memory.unregister("a")
    with pytest.raises(Unavailable, match="2 shared memory regions"):
        shared_memory.register("c", client_object.key, 0, 64)

    writer.write(memoryview(b"done"))
    del writer

    shared_memory.register("c", client_object.key, 0, 64)
    assert client_object.descriptors == 2


@pytest.mark.parametrize("everything", [False, True])
def test_a_writer_outlives_the_registration(
    everything: bool, shared_memory: SharedMemory, client_object: SharedObject
) -> None:
    """A request in flight ends as it began, and then the memory of the object is free."""
    shared_memory.register("r", client_object.key, 0, 64)
    writer = shared_memory.writer(WHOLE, 4)

    shared_memory.unregister_all() if everything else shared_memory.unregister("r")

    with pytest.raises(Unprocessable, match="no shared memory region"):
        shared_memory.read(WHOLE)
    writer.write(memoryview(b"done"))
    assert client_object.read(0, 4) == b"done"
    # Deterministically: not by the garbage collector.
    gc.disable()
    try:
        del writer
        assert not client_object.descriptors
    finally:
        gc.enable()


def test_regions_may_be_used_by_many_threads(shared_memory: SharedMemory) -> None:
    """Large ranges are read in threads while the event loop registers and unregisters."""
    with shared_object(2**20) as large:

        def work(number: int) -> int:
            name, refused = f"r{number % 3}", 0
            for _ in range(50):
                try:
                    shared_memory.register(name, large.key, 0, 2**20)
                    assert len(shared_memory.read(RegionRange(name, 2**20, 0))) == 2**20
                except Unprocessable:
                    refused += 1
                shared_memory.unregister(name)
            return refused

        with ThreadPoolExecutor(6) as threads:
            refused = sum(threads.map(work, range(6)))

        assert refused < 300
        assert not shared_memory.regions()
        assert not large.descriptors


def with_gpu(library: FakeCuda) -> SharedMemory:
    """No regions yet, in a service that pools on the GPU 1."""
    return SharedMemory(enabled=True, max_input_bytes=LIMIT_BYTES, gpus=[1], driver=lambda: CudaDriver(library))


def test_memory_of_a_gpu_is_a_region_like_others() -> None:
    """Inputs and outputs refer to it by its name and an offset, and each kind of path sees its own kind."""
    library = FakeCuda()
    regions = with_gpu(library)
    regions.register_cuda("gpu", HANDLE, 1, 1000)

    regions.writer(RegionRange("gpu", 4, 8), 4).write(memoryview(b"abcd"))

    assert bytes(regions.read(RegionRange("gpu", 2, 9))) == b"bc"
    assert [(each.name, each.device_id, each.nbytes) for each in regions.regions("cuda")] == [("gpu", 1, 1000)]
    assert regions.find("gpu", "cuda").device_id == 1
    assert not regions.regions()
    with pytest.raises(NotFound):
        regions.find("gpu")
    regions.unregister("gpu")
    regions.unregister_all("system")
    assert regions.regions("cuda"), "other paths do not forget it"
    regions.unregister_all("cuda")
    assert not regions.regions("cuda")
    gc.collect()
    assert library.opened == 0


@pytest.mark.parametrize(
    ("name", "handle", "device_id", "nbytes", "expected"),
    [
        ("gpu", HANDLE, 0, 4, (Unsupported, "its GPUs are 1")),
        ("gpu", HANDLE, -1, 4, (Unsupported, "GPU -1")),
        ("gpu", bytes(64), 1, 4, (Unprocessable, "cannot be opened")),
        ("gpu", HANDLE, 1, 1025, (Unprocessable, "not inside its object of 1024 bytes")),
        ("gpu", HANDLE, 1, 0, (Unprocessable, "at least 1")),
        ("", HANDLE, 1, 4, (Unprocessable, "name")),
    ],
)
def test_memory_of_a_gpu_that_cannot_be_used_is_refused(
    name: str, handle: bytes, device_id: int, nbytes: int, expected: tuple[type[PoolhouseError], str]
) -> None:
    """Before anything refers to it; what was opened is closed again."""
    library = FakeCuda()
    regions = with_gpu(library)

    with pytest.raises(expected[0], match=expected[1]):
        regions.register_cuda(name, handle, device_id, nbytes)

    gc.collect()
    assert not regions.regions("cuda")
    assert library.opened == 0


def test_a_service_without_gpu_opens_none() -> None:
    """The message says that it uses none."""
    with pytest.raises(Unsupported, match="it uses no GPU"):
        SharedMemory(enabled=True, max_input_bytes=1).register_cuda("gpu", HANDLE, 0, 4)
    with pytest.raises(Unsupported, match="turned off"):
        SharedMemory(enabled=False, max_input_bytes=1, gpus=[0]).register_cuda("gpu", HANDLE, 0, 4)
