"""The way to a device and back: each device that is here gives what the CPU gives, and says what is wrong with it."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from poolhouse.backend.devices import Device, choose_devices
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker, classify_error, run_plan
from poolhouse.backend.transfer import (
    BlockingTransfer,
    PinnedBuffer,
    PinnedTransfer,
    Transfer,
    check_fits_int32,
    concatenate,
)
from poolhouse.batching.fair_queue import Batch, Job
from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import PIECE_BYTES, Limits, Plan, make_plan
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, CPU, OPERATORS, Case, as_numbers, random_case

each_device = pytest.mark.parametrize("name", ["cpu", "pretended cuda", pytest.param("cuda", marks=pytest.mark.gpu)])


HOST = torch.device("cpu")


class CopyingWorker(TorchWorker):
    """The CPU reached as if it were another device, so that the lines for those run here too."""

    def __init__(self, transfer: Transfer | None = None) -> None:
        super().__init__(CPU)
        self._transfer = transfer or BlockingTransfer(HOST)


class FakeStream:
    """What CUDA's stream is asked for, where nothing runs beside the caller."""

    made: ClassVar[list[FakeStream]] = []

    def __init__(self, at: object) -> None:
        self.waited_for = 0
        self.made.append(self)

    def synchronize(self) -> None:
        self.waited_for += 1


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is called page-locked, and streams that are none: the CUDA way runs line by line without CUDA."""
    empty = torch.empty

    def unpinned(*shape: Any, pin_memory: bool = False, **how: Any) -> torch.Tensor:
        return empty(*shape, **how)

    FakeStream.made.clear()
    monkeypatch.setattr(torch, "empty", unpinned)
    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**20, 2**30))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)


@pytest.fixture(autouse=True)
def fake_cuda_where_named(request: pytest.FixtureRequest) -> None:
    """For the tests that run on each device."""
    if "pretended" in request.node.name:
        request.getfixturevalue("fake_cuda")


def worker_on(name: str) -> TorchWorker:
    if name == "cuda":
        return TorchWorker(choose_devices((name,))[0])
    return CopyingWorker(PinnedTransfer(HOST) if "cuda" in name else None)


def usable_case(seed: str, member: type[Operator]) -> Case:
    random = Random(seed)
    while (found := random_case(random, member)) is None or found.plan.is_empty:
        pass
    return found


@each_device
@pytest.mark.parametrize("member", OPERATORS, ids=lambda member: member.name)
def test_a_batch_on_any_transfer_gives_the_results_of_the_cpu(member: type[Operator], name: str) -> None:
    """Two requests of one key go there together and each gets its own planes back."""
    one = usable_case(member.name, member)
    worker = worker_on(name)
    loads = [Payload(one.plan, one.tensors) for _ in range(2)]

    worker.run(Batch(tuple(payload.make_job().whole_slice() for payload in loads), "full"))

    alone = run_plan(one.plan, one.tensors, CPU)
    for payload in loads:
        for output, tensor in payload.output_tensors().items():
            given, expected = as_numbers(tensor), as_numbers(alone[output])
            assert tensor.metadata == alone[output].metadata
            if name != "cuda" or output == "indices":
                np.testing.assert_array_equal(given, expected)
            else:
                near = 1e-2 if tensor.dtype.itemsize == 2 else 1e-5
                np.testing.assert_allclose(given.astype(np.float64), expected.astype(np.float64), rtol=near)


@each_device
def test_a_rebuilt_worker_has_a_new_transfer_and_works(name: str) -> None:
    """Rebuilding leaves nothing behind that the old way held."""
    worker = worker_on(name)
    before = worker._transfer
    one = usable_case("rebuild", OPERATORS[0])

    worker.rebuild()

    assert worker._transfer is not before
    payload = Payload(one.plan, one.tensors)
    worker.run(Batch((payload.make_job().whole_slice(),), "idle"))
    assert payload.output_tensors().keys() == one.plan.outputs.keys()
    assert worker.batch_limits.piece_bytes <= PIECE_BYTES


class FailingTransfer(BlockingTransfer):
    """A way on which everything raises."""

    def __init__(self, error: Exception) -> None:
        super().__init__(torch.device("cpu"))
        self._error = error
        self.freed = 0

    def run(self, spec: object, slices: object, take: object) -> None:
        raise self._error

    def free_memory(self) -> None:
        self.freed += 1

    def piece_bytes(self, most: int) -> int:
        return most // (1 + self.freed)

    def probe(self) -> None:
        raise self._error

    def recreate(self) -> FailingTransfer:
        return self


def job_of(plan: Plan) -> Job[Payload]:
    return Payload(plan, {"input": Tensor(FLOAT32, np.zeros((1, 2, 4, 4), np.float32))}).make_job()


PLAN = make_plan(
    CATALOGUE.find("max_pool2d").of(kernel_size=2),
    {"input": Tensor(FLOAT32, np.zeros((1, 2, 4, 4), np.float32)).metadata},
    Limits(2**30, 2**30),
)


def test_out_of_memory_frees_the_cache_and_shrinks_batches() -> None:
    """The halves that are tried next find what can be found, and later batches are smaller."""
    worker, transfer = (
        CopyingWorker(),
        FailingTransfer(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")),
    )
    worker._transfer = transfer

    with pytest.raises(OutOfMemory):
        worker.run(Batch((job_of(PLAN).whole_slice(),), "idle"))

    assert transfer.freed == 1
    assert worker.batch_limits.piece_bytes == PIECE_BYTES // 2


def test_rebuilding_a_device_that_stays_broken_raises_each_time() -> None:
    """A broken context cannot be mended in the process: it must not look as if it had been."""
    worker = CopyingWorker()
    worker._transfer = FailingTransfer(RuntimeError("CUDA error: device-side assert triggered"))

    with pytest.raises(DeviceFault):
        worker.run(Batch((job_of(PLAN).whole_slice(),), "idle"))
    for _ in range(2):
        with pytest.raises(DeviceFault):
            worker.rebuild()


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), OutOfMemory),
        (RuntimeError("CUDA error: out of memory"), OutOfMemory),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), OutOfMemory),
        (RuntimeError("CUDA error: device-side assert triggered"), DeviceFault),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), DeviceFault),
        (RuntimeError("max_pool2d: not implemented for this"), RuntimeError),
        (ValueError("CUDA error: as text of a caller"), ValueError),
    ],
)
def test_exceptions_of_torch_are_classified(error: Exception, meant: type[Exception]) -> None:
    """Try half, give the device up, or look for the culprit: each wrong choice harms somebody innocent."""
    assert type(classify_error(error)) is meant


def test_a_plane_beyond_32_bit_indices_is_refused() -> None:
    """CUDA kernels count a plane in 32 bits and read elsewhere beyond it (pytorch#176784)."""
    side = math.isqrt(2**31) + 1
    plane = torch.empty(1, dtype=torch.int8).expand(1, side, side)
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=2)

    with pytest.raises(Unprocessable) as refused:
        check_fits_int32(spec, [{"input": plane}])

    assert refused.value.code == "output_too_large"
    check_fits_int32(spec, [{"input": plane[:, :-2]}])


@pytest.mark.usefixtures("fake_cuda")
@pytest.mark.parametrize("name", ["cpu", "pretended cuda"])
def test_every_transfer_refuses_planes_beyond_32_bit_indices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way looks for itself, whatever was planned before."""
    monkeypatch.setattr("poolhouse.backend.transfer.INT32_MAX", 15)

    with pytest.raises(Unprocessable) as refused:
        worker_on(name).run(Batch((job_of(PLAN).whole_slice(),), "idle"))

    assert refused.value.code == "output_too_large"


@pytest.mark.usefixtures("fake_cuda")
def test_a_failed_transfer_returns_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two failures would else leave no stream, and the third request waits for ever."""
    transfer, spec = PinnedTransfer(HOST), PLAN.spec

    def fails(*_: object) -> None:
        raise RuntimeError("of a kernel")

    with monkeypatch.context() as patch:
        patch.setattr(type(spec), "run", fails)
        for _ in range(transfer.concurrency):
            with pytest.raises(RuntimeError):
                transfer.run(spec, [{"input": torch.zeros(2, 4, 4)}], lambda _: None)

    assert transfer._free_slots.qsize() == transfer.concurrency


@pytest.mark.usefixtures("fake_cuda")
def test_a_result_is_read_after_its_stream_was_synchronized() -> None:
    """Copies back are asked for and not waited for: before that the memory holds whatever was there."""
    transfer, waited = PinnedTransfer(HOST), list[int]()

    transfer.run(
        PLAN.spec,
        [{"input": torch.zeros(2, 4, 4)}],
        lambda _: waited.extend(stream.waited_for for stream in FakeStream.made),
    )

    assert waited == [1, 0]


@pytest.mark.usefixtures("fake_cuda")
def test_page_locked_memory_of_a_broken_context_is_not_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch ends the process when it frees such memory after a fault: nobody would be told anything."""
    transfer = PinnedTransfer(HOST)
    transfer.run(PLAN.spec, [{"input": torch.zeros(2, 4, 4)}], lambda _: None)

    def breaks(*_: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    # The second stage has had no batch yet; the first is the one that is used next but one.
    rooms = [room for stage in transfer._slots for room in (stage.upload, stage.download)]
    before = [sys.getrefcount(room._memory) for room in rooms]
    monkeypatch.setattr(FakeStream, "synchronize", breaks)
    with pytest.raises(RuntimeError):
        transfer.run(PLAN.spec, [{"input": torch.zeros(0, 4, 4)}], lambda _: None)

    assert [sys.getrefcount(room._memory) for room in rooms] == [count + 1 for count in before]


@each_device
def test_a_result_is_not_overwritten_by_the_next_batch(name: str) -> None:
    """What one batch brings back is laid where the next one's will be."""
    worker = worker_on(name)
    first, *others = [Payload(PLAN, {"input": filled_buffer(number)}) for number in range(1 + 2 * worker.concurrency)]

    for payload in (first, *others):
        worker.run(Batch((payload.make_job().whole_slice(),), "idle"))

    np.testing.assert_array_equal(first.output_tensors()["output"].array, np.zeros((1, 2, 2, 2), np.float32))


def filled_buffer(number: int) -> Tensor:
    return Tensor(FLOAT32, np.full((1, 2, 4, 4), number, np.float32))


@pytest.mark.usefixtures("fake_cuda")
def test_tensors_in_a_pinned_buffer_do_not_overlap() -> None:
    """Two inputs of one batch share its bytes, and each starts where any element type may."""
    room = PinnedBuffer()
    metadata_by_name = [((3,), torch.uint8), ((2, 2), torch.float64), ((0, 5), torch.int64), ((7,), torch.bool)]

    bytes_, doubles, none, flags = room.allocate(metadata_by_name)
    for each, value in ((bytes_, 1), (doubles, 2), (flags, 1)):
        each.fill_(value)

    assert [(tuple(each.shape), each.dtype) for each in (bytes_, doubles, none, flags)] == metadata_by_name
    assert (bytes_ == 1).all()
    assert (doubles == 2).all()
    held = room._memory
    room.allocate(metadata_by_name)
    assert room._memory is held


def test_one_slice_is_not_copied() -> None:
    """A lone request pays for no joining."""
    alone = {"input": torch.zeros(3, 2)}

    assert concatenate([alone]) is alone
    assert concatenate([alone, alone])["input"].shape == (6, 2)


def test_only_the_cpu_has_no_limit_of_planes() -> None:
    """Some CUDA kernels put planes on a grid axis of 65,535."""
    devices = {device.name: device for device in choose_devices(("auto", "cpu"))}

    for device in devices.values():
        assert (device.max_planes is None) == (device.name == "cpu")
    assert TorchWorker(Device("cpu", "", None)).batch_limits.planes is None
    # Making it touches no device, so it need not be here.
    assert TorchWorker(Device("mps", "", 65_535)).batch_limits.planes == 65_535
