"""Transfers to devices: each gives the results of the CPU, and reports what is wrong with its device."""

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
from poolhouse.operators.plan import PIECE_BYTES, Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, COVERED, CPU, OPERATORS, Case, as_numbers, random_case

each_device = pytest.mark.parametrize("name", ["cpu", "fake cuda", pytest.param("cuda", marks=pytest.mark.gpu)])


HOST = torch.device("cpu")


class CopyingWorker(TorchWorker):
    """A worker that reaches the CPU through a transfer, so that the code for other devices runs without one."""

    def __init__(self, transfer: Transfer | None = None) -> None:
        super().__init__(CPU)
        self._transfer = transfer or BlockingTransfer(HOST)


class FakeStream:
    """A CUDA stream on which every operation is done at once."""

    created: ClassVar[list[FakeStream]] = []

    def __init__(self, device: object) -> None:
        self.synchronized_count = 0
        self.created.append(self)

    def synchronize(self) -> None:
        self.synchronized_count += 1


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinary memory instead of page-locked memory, and fake streams, so that the code for CUDA runs without CUDA."""
    empty = torch.empty

    def empty_unpinned(*shape: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
        return empty(*shape, **options)

    FakeStream.created.clear()
    monkeypatch.setattr(torch, "empty", empty_unpinned)
    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**20, 2**30))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)


@pytest.fixture(autouse=True)
def fake_cuda_where_named(request: pytest.FixtureRequest) -> None:
    """Use ``fake_cuda`` in the tests for each device."""
    if "fake cuda" in request.node.name:
        request.getfixturevalue("fake_cuda")


def worker_on(name: str) -> TorchWorker:
    if name == "cuda":
        return TorchWorker(choose_devices((name,))[0])
    return CopyingWorker(PinnedTransfer(HOST) if "cuda" in name else None)


def nonempty_case(seed: str, member: type[PlaneOperator]) -> Case:
    random = Random(seed)
    while (found := random_case(random, member)) is None or found.plan.is_empty:
        pass
    return found


@each_device
@pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
def test_a_batch_on_any_transfer_gives_the_results_of_the_cpu(member: type[PlaneOperator], name: str) -> None:
    """Two requests in one batch, and each gets the results of its own planes."""
    one = nonempty_case(member.name, member)
    worker = worker_on(name)
    payloads = [Payload(one.plan, one.tensors) for _ in range(2)]

    worker.run(Batch(tuple(payload.make_job().whole_slice() for payload in payloads), "full"))

    alone = run_plan(one.plan, one.tensors, CPU)
    for payload in payloads:
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
    """The old transfer may be in use by a thread that hangs."""
    worker = worker_on(name)
    before = worker._transfer
    one = nonempty_case("rebuild", OPERATORS[0])

    worker.rebuild()

    assert worker._transfer is not before
    payload = Payload(one.plan, one.tensors)
    worker.run(Batch((payload.make_job().whole_slice(),), "idle"))
    assert payload.output_tensors().keys() == one.plan.outputs.keys()
    assert worker.batch_limits.max_bytes <= PIECE_BYTES


class FailingTransfer(BlockingTransfer):
    """A transfer whose runs and probes raise an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(torch.device("cpu"))
        self._error = error
        self.freed = 0

    def run(self, spec: object, slices: object, sink: object) -> None:
        raise self._error

    def free_memory(self) -> None:
        self.freed += 1

    def piece_bytes(self, max_bytes: int) -> int:
        return max_bytes // (1 + self.freed)

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
    """The halves that are retried find more free memory, and later batches are smaller."""
    worker, transfer = (
        CopyingWorker(),
        FailingTransfer(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")),
    )
    worker._transfer = transfer

    with pytest.raises(OutOfMemory):
        worker.run(Batch((job_of(PLAN).whole_slice(),), "idle"))

    assert transfer.freed == 1
    assert worker.batch_limits.max_bytes == PIECE_BYTES // 2


def test_rebuilding_a_device_that_stays_broken_raises_each_time() -> None:
    """A broken context cannot be repaired in the process, and must not look repaired."""
    worker = CopyingWorker()
    worker._transfer = FailingTransfer(RuntimeError("CUDA error: device-side assert triggered"))

    with pytest.raises(DeviceFault):
        worker.run(Batch((job_of(PLAN).whole_slice(),), "idle"))
    for _ in range(2):
        with pytest.raises(DeviceFault):
            worker.rebuild()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), OutOfMemory),
        (RuntimeError("CUDA error: out of memory"), OutOfMemory),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), OutOfMemory),
        (RuntimeError("CUDA error: device-side assert triggered"), DeviceFault),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), DeviceFault),
        (RuntimeError("max_pool2d: not implemented for this"), RuntimeError),
        (ValueError("CUDA error: in a text from a client"), ValueError),
    ],
)
def test_exceptions_of_torch_are_classified(error: Exception, expected: type[Exception]) -> None:
    """The engine halves the batch, loses the device, or bisects the batch; a wrong choice fails other requests."""
    assert type(classify_error(error)) is expected


def test_a_plane_beyond_32_bit_indices_is_refused() -> None:
    """CUDA kernels index a plane with 32 bits, and read outside a larger one (pytorch#176784)."""
    side = math.isqrt(2**31) + 1
    plane = torch.empty(1, dtype=torch.int8).expand(1, side, side)
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=2)

    with pytest.raises(Unprocessable) as refused:
        check_fits_int32(spec, [{"input": plane}])

    assert refused.value.code == "output_too_large"
    check_fits_int32(spec, [{"input": plane[:, :-2]}])


@pytest.mark.usefixtures("fake_cuda")
@pytest.mark.parametrize("name", ["cpu", "fake cuda"])
def test_every_transfer_refuses_planes_beyond_32_bit_indices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transfer checks for itself, whatever was planned before."""
    monkeypatch.setattr("poolhouse.backend.transfer.INT32_MAX", 15)

    with pytest.raises(Unprocessable) as refused:
        worker_on(name).run(Batch((job_of(PLAN).whole_slice(),), "idle"))

    assert refused.value.code == "output_too_large"


@pytest.mark.usefixtures("fake_cuda")
def test_a_failed_transfer_returns_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise two failures would leave no stream, and the third request would wait for ever."""
    transfer, spec = PinnedTransfer(HOST), PLAN.spec

    def fail(*_: object) -> None:
        raise RuntimeError("a kernel failed")

    with monkeypatch.context() as patch:
        patch.setattr(type(spec), "run", fail)
        for _ in range(transfer.concurrency):
            with pytest.raises(RuntimeError):
                transfer.run(spec, [{"input": torch.zeros(2, 4, 4)}], lambda _: None)

    assert transfer._free_slots.qsize() == transfer.concurrency


@pytest.mark.usefixtures("fake_cuda")
def test_a_result_is_read_after_its_stream_was_synchronized() -> None:
    """Copies to the host are asynchronous; before their end, the memory has its old contents."""
    transfer, synchronized = PinnedTransfer(HOST), list[int]()

    transfer.run(
        PLAN.spec,
        [{"input": torch.zeros(2, 4, 4)}],
        lambda _: synchronized.extend(stream.synchronized_count for stream in FakeStream.created),
    )

    assert synchronized == [1, 0]


@pytest.mark.usefixtures("fake_cuda")
def test_page_locked_memory_of_a_broken_context_is_not_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch aborts the process when it frees such memory after a fault, so no client would get a response."""
    transfer = PinnedTransfer(HOST)
    transfer.run(PLAN.spec, [{"input": torch.zeros(2, 4, 4)}], lambda _: None)

    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    # The second slot has had no batch yet; the failing batch uses it.
    buffers = [buffer for slot in transfer._slots for buffer in (slot.upload, slot.download)]
    before = [sys.getrefcount(buffer._memory) for buffer in buffers]
    monkeypatch.setattr(FakeStream, "synchronize", fail)
    with pytest.raises(RuntimeError):
        transfer.run(PLAN.spec, [{"input": torch.zeros(0, 4, 4)}], lambda _: None)

    assert [sys.getrefcount(buffer._memory) for buffer in buffers] == [count + 1 for count in before]


@each_device
def test_a_result_is_not_overwritten_by_the_next_batch(name: str) -> None:
    """The results of all batches of a stream pass through the same buffer."""
    worker = worker_on(name)
    first, *others = [Payload(PLAN, {"input": filled_tensor(number)}) for number in range(1 + 2 * worker.concurrency)]

    for payload in (first, *others):
        worker.run(Batch((payload.make_job().whole_slice(),), "idle"))

    np.testing.assert_array_equal(first.output_tensors()["output"].array, np.zeros((1, 2, 2, 2), np.float32))


def filled_tensor(number: int) -> Tensor:
    return Tensor(FLOAT32, np.full((1, 2, 4, 4), number, np.float32))


@pytest.mark.usefixtures("fake_cuda")
def test_tensors_in_a_pinned_buffer_do_not_overlap() -> None:
    """The inputs of a batch share the buffer, and each is aligned for every element type."""
    buffer = PinnedBuffer()
    layout = [((3,), torch.uint8), ((2, 2), torch.float64), ((0, 5), torch.int64), ((7,), torch.bool)]

    bytes_, doubles, none, flags = buffer.allocate(layout)
    for each, value in ((bytes_, 1), (doubles, 2), (flags, 1)):
        each.fill_(value)

    assert [(tuple(each.shape), each.dtype) for each in (bytes_, doubles, none, flags)] == layout
    assert (bytes_ == 1).all()
    assert (doubles == 2).all()
    memory = buffer._memory
    buffer.allocate(layout)
    assert buffer._memory is memory


def test_one_slice_is_not_copied() -> None:
    """A request that is alone in its batch needs no concatenation."""
    alone = {"input": torch.zeros(3, 2)}

    assert concatenate([alone]) is alone
    assert concatenate([alone, alone])["input"].shape == (6, 2)


def test_only_the_cpu_has_no_limit_of_planes() -> None:
    """Some CUDA kernels use a grid axis of at most 65,535 for planes."""
    devices = {device.name: device for device in choose_devices(("auto", "cpu"))}

    for device in devices.values():
        assert (device.max_planes is None) == (device.name == "cpu")
    assert TorchWorker(Device("cpu", "", None)).batch_limits.max_planes is None
    # The constructor does not use the device, so the device need not exist.
    assert TorchWorker(Device("mps", "", 65_535)).batch_limits.max_planes == 65_535
