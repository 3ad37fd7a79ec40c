"""Transfer planes to a device and results back.

On CUDA, the inputs of a batch are concatenated in page-locked memory. The copy to the device, the kernels and the copy
back to page-locked memory run on one stream, and the thread waits only for their end. There are two streams, so one
batch is copied while the other computes. Each stream has its own page-locked buffers, which its batches reuse; results
are copied out of them, so that a response which is sent slowly does not occupy them.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final, Protocol

import torch

from poolhouse.backend.devices import Device
from poolhouse.errors import Unprocessable
from poolhouse.operators.operator import Operator
from poolhouse.operators.size_types import INT32_MAX

Slices = Sequence[Mapping[str, torch.Tensor]]
"""The planes of each slice of a batch by name, in host memory."""

ResultSink = Callable[[Sequence[torch.Tensor]], None]
"""Copies the results out of memory that the next batch overwrites."""

_CONCURRENCY: Final = 2
"""Batches on CUDA at once: one is copied while the other computes."""


class Transfer(Protocol):
    """Pools batches on one device other than the CPU."""

    concurrency: int
    """The number of threads that may call :meth:`run` at once."""

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """Pool all slices together, and call the sink with the results in host memory."""
        ...

    def piece_bytes(self, max_bytes: int) -> int:
        """The largest batch for the memory that is free now."""
        ...

    def free_memory(self) -> None:
        """Free the memory that torch caches."""
        ...

    def probe(self) -> None:
        """Raise if the device does not work."""
        ...

    def recreate(self) -> Transfer:
        """A new transfer; threads that hang keep this one."""
        ...


def make_transfer(device: Device) -> Transfer:
    """The transfer for a device other than the CPU."""
    target = device.torch_device
    return PinnedTransfer(target) if target.type == "cuda" else BlockingTransfer(target)


def concatenate(slices: Slices) -> Mapping[str, torch.Tensor]:
    """Concatenate the planes of all slices, by name; a single slice is not copied."""
    if len(slices) == 1:
        return slices[0]
    return {name: torch.cat([each[name] for each in slices]) for name in slices[0]}


def check_fits_int32(spec: Operator, slices: Slices) -> None:
    """Refuse planes with more elements than a 32-bit integer can index: some device kernels use such an index, and
    would read outside the plane.

    Raises:
        Unprocessable: ``output_too_large``.
    """
    largest = spec.largest_plane({name: tuple(tensor.shape) for name, tensor in slices[0].items()})
    if largest > INT32_MAX:
        raise Unprocessable(
            "output_too_large",
            f"a plane of {largest} elements is too large for this device; use planes of at most {INT32_MAX} elements.",
            limit_bytes=INT32_MAX,
        )


class BlockingTransfer:
    """Copies, computes and copies back, one after another: for devices without streams."""

    concurrency = 1

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """See :meth:`Transfer.run`."""
        # guard: planes-fit-int32
        check_fits_int32(spec, slices)
        planes = {name: tensor.to(self._device) for name, tensor in concatenate(slices).items()}
        sink([result.cpu() for result in spec.run(planes)])

    def piece_bytes(self, max_bytes: int) -> int:
        """The maximum: the device does not report its free memory."""
        return max_bytes

    def free_memory(self) -> None:
        """Free the memory that torch caches."""
        if self._device.type == "mps":
            torch.mps.empty_cache()

    def probe(self) -> None:
        """Add two numbers on the device."""
        torch.ones(1, device=self._device).add_(1).item()

    def recreate(self) -> BlockingTransfer:
        """See :meth:`Transfer.recreate`."""
        return BlockingTransfer(self._device)


class PinnedBuffer:
    """Page-locked memory that one batch after another uses; it grows to the largest batch."""

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8)

    def allocate(self, shapes: Sequence[tuple[tuple[int, ...], torch.dtype]]) -> list[torch.Tensor]:
        """Tensors of these shapes and types, one after another in the buffer; earlier contents are lost."""
        sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in shapes]
        starts = [0]
        for size in sizes:
            starts.append(-(-(starts[-1] + size) // _ALIGNED_BYTES) * _ALIGNED_BYTES)
        if starts[-1] > self._memory.numel():
            # Torch rounds up to a power of two anyway. The old memory is freed only after the new allocation succeeded.
            self._memory = torch.empty(1 << (starts[-1] - 1).bit_length(), dtype=torch.uint8, pin_memory=True)
        return [
            self._memory[start : start + size].view(dtype).view(shape)
            for start, size, (shape, dtype) in zip(starts, sizes, shapes, strict=False)
        ]

    def leak(self) -> None:
        """Never free this memory, not even at the exit of the process."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._memory))


_ALIGNED_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class StreamSlot:
    """The stream and the buffers of one in-flight batch."""

    stream: torch.cuda.Stream
    upload: PinnedBuffer = field(default_factory=PinnedBuffer)
    download: PinnedBuffer = field(default_factory=PinnedBuffer)


class PinnedTransfer:
    """Copies asynchronously through page-locked memory, on two CUDA streams."""

    concurrency = _CONCURRENCY

    def __init__(self, device: torch.device) -> None:
        self._device = device
        # Only some releases of torch have types for streams.
        self._slots = [StreamSlot(torch.cuda.Stream(device)) for _ in range(_CONCURRENCY)]  # type: ignore[no-untyped-call, unused-ignore]
        self._free_slots: SimpleQueue[StreamSlot] = SimpleQueue()
        for slot in self._slots:
            self._free_slots.put(slot)

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """See :meth:`Transfer.run`."""
        check_fits_int32(spec, slices)
        slot = self._free_slots.get()
        try:
            with torch.cuda.stream(slot.stream):
                results = self._fetch(spec.run(self._send(spec, slices, slot.upload)), slot.download)
                # guard: result-is-read-after-synchronize
                slot.stream.synchronize()
            sink(results)
        except BaseException:
            # guard: pinned-memory-of-broken-context-is-kept
            self._leak_buffers_if_broken(slot)
            raise
        finally:
            # guard: failed-transfer-returns-stream
            self._free_slots.put(slot)

    def _send(self, spec: Operator, slices: Slices, buffer: PinnedBuffer) -> dict[str, torch.Tensor]:
        parts = {name: tuple(each[name] for each in slices) for name in slices[0]}
        names = [name for name in parts if name not in spec.host_inputs]
        shapes = [((sum(map(len, parts[name])), *parts[name][0].shape[1:]), parts[name][0].dtype) for name in names]
        buffers = dict(zip(names, buffer.allocate(shapes), strict=True))
        for name, staged in buffers.items():
            torch.cat(parts[name], out=staged)
        sent = {name: staged.to(self._device, non_blocking=True) for name, staged in buffers.items()}
        return {name: sent[name] if name in sent else torch.cat(parts[name]) for name in parts}

    def _fetch(self, results: Sequence[torch.Tensor], buffer: PinnedBuffer) -> list[torch.Tensor]:
        buffers = buffer.allocate([(tuple(result.shape), result.dtype) for result in results])
        return [fetched.copy_(result, non_blocking=True) for fetched, result in zip(buffers, results, strict=True)]

    def _leak_buffers_if_broken(self, slot: StreamSlot) -> None:
        """Leak the page-locked memory if the CUDA context is broken. On freeing it torch records an event, which fails
        there in code that must not raise: the process would abort, and with it every request."""
        try:
            slot.stream.synchronize()
        except RuntimeError:
            for each in self._slots:
                each.upload.leak()
                each.download.leak()

    def piece_bytes(self, max_bytes: int) -> int:
        """An eighth of the free memory: two batches are in flight, and torch's memory pool is fragmented."""
        free, _ = torch.cuda.mem_get_info(self._device)
        return min(max_bytes, max(free // 8, 1))

    def free_memory(self) -> None:
        """Free the memory that torch caches."""
        with torch.cuda.device(self._device):
            torch.cuda.empty_cache()

    def probe(self) -> None:
        """Add two numbers on the device, and raise errors of earlier asynchronous operations."""
        torch.ones(1, device=self._device).add_(1).item()
        torch.cuda.synchronize(self._device)

    def recreate(self) -> PinnedTransfer:
        """See :meth:`Transfer.recreate`."""
        return PinnedTransfer(self._device)
