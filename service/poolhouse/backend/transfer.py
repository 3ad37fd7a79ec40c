"""Transfer planes to a device and results back.

On CUDA a batch is joined straight into page-locked memory, goes to the device, through the kernels and back into
page-locked memory on a stream of its own; the thread waits only at the end. There are two slots, so one batch
is copied while the other computes, and neither waits for the other's copies. Each has page-locked memory of its own
that batch after batch is laid into; answers are copied out of it, so that no slow caller holds it.
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
from poolhouse.operators.fields import INT32_MAX
from poolhouse.operators.operator import Operator

Slices = Sequence[Mapping[str, torch.Tensor]]
"""For each part of a batch its planes by name, in host memory."""

ResultSink = Callable[[Sequence[torch.Tensor]], None]
"""Copies the results out of memory that the next batch reuses."""

_CONCURRENCY: Final = 2
"""Batches on CUDA at once: one is copied while the other computes."""


class Transfer(Protocol):
    """Transfers to one device and back."""

    concurrency: int
    """How many threads may use it at once."""

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """Pool all slices together by the spec, and hand the results over in host memory."""
        ...

    def piece_bytes(self, max_bytes: int) -> int:
        """How large a batch may be, from the memory that is free now."""
        ...

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        ...

    def probe(self) -> None:
        """Raise if the device does not work."""
        ...

    def recreate(self) -> Transfer:
        """A new transfer; threads that hang in this one are abandoned with it."""
        ...


def make_transfer(device: Device) -> Transfer:
    """The transfer for a device other than the CPU."""
    at = device.torch_device
    return PinnedTransfer(at) if at.type == "cuda" else BlockingTransfer(at)


def concatenate(slices: Slices) -> Mapping[str, torch.Tensor]:
    """All planes in one tensor a name; a copy, unless there is only one slice."""
    if len(slices) == 1:
        return slices[0]
    return {name: torch.cat([each[name] for each in slices]) for name in slices[0]}


def check_fits_int32(spec: Operator, slices: Slices) -> None:
    """Refuses a plane whose elements a 32-bit integer cannot count: some kernels on devices count so, and
    then read somewhere else.

    Raises:
        Unprocessable: ``output_too_large``.
    """
    spatial = tuple(slices[0]["input"].shape[1:])
    largest = max(math.prod(spatial), math.prod(spec.spatial_out(spatial)))
    if largest > INT32_MAX:
        raise Unprocessable(
            "output_too_large",
            f"a plane of {largest} elements is more than this device counts; use one of at most {INT32_MAX}.",
            limit_bytes=INT32_MAX,
        )


class BlockingTransfer:
    """Copy, compute and copy back, one after another: for devices without streams."""

    concurrency = 1

    def __init__(self, at: torch.device) -> None:
        self._device = at

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """Hands over what the spec makes of all slices together."""
        # guard: planes-fit-int32
        check_fits_int32(spec, slices)
        planes = {name: tensor.to(self._device) for name, tensor in concatenate(slices).items()}
        sink([result.cpu() for result in spec.run(planes)])

    def piece_bytes(self, max_bytes: int) -> int:
        """As much as there may be: the device says nothing of its memory."""
        return max_bytes

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        if self._device.type == "mps":
            torch.mps.empty_cache()

    def probe(self) -> None:
        """Add two numbers on the device."""
        torch.ones(1, device=self._device).add_(1).item()

    def recreate(self) -> BlockingTransfer:
        """A new transfer."""
        return BlockingTransfer(self._device)


class PinnedBuffer:
    """Page-locked bytes that batches reuse one after another; they grow to the largest batch."""

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8)

    def allocate(self, shapes: Sequence[tuple[tuple[int, ...], torch.dtype]]) -> list[torch.Tensor]:
        """Tensors of these shapes and types, side by side; whatever was here before is lost."""
        sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in shapes]
        starts = [0]
        for size in sizes:
            starts.append(-(-(starts[-1] + size) // _ALIGNED_BYTES) * _ALIGNED_BYTES)
        if starts[-1] > self._memory.numel():
            # A power of two is what torch takes anyway. The old bytes are let go only when there are new ones.
            self._memory = torch.empty(1 << (starts[-1] - 1).bit_length(), dtype=torch.uint8, pin_memory=True)
        return [
            self._memory[start : start + size].view(dtype).view(shape)
            for start, size, (shape, dtype) in zip(starts, sizes, shapes, strict=False)
        ]

    def leak(self) -> None:
        """Never frees these bytes, not even when the process ends."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._memory))


_ALIGNED_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class StreamSlot:
    """The stream and buffers of one batch in flight."""

    stream: torch.cuda.Stream
    upload: PinnedBuffer = field(default_factory=PinnedBuffer)
    download: PinnedBuffer = field(default_factory=PinnedBuffer)


class PinnedTransfer:
    """CUDA: page-locked memory at both ends, two streams."""

    concurrency = _CONCURRENCY

    def __init__(self, at: torch.device) -> None:
        self._device = at
        # torch has types for its streams in some releases, not in others.
        self._slots = [StreamSlot(torch.cuda.Stream(at)) for _ in range(_CONCURRENCY)]  # type: ignore[no-untyped-call, unused-ignore]
        self._free_slots: SimpleQueue[StreamSlot] = SimpleQueue()
        for slot in self._slots:
            self._free_slots.put(slot)

    def run(self, spec: Operator, slices: Slices, sink: ResultSink) -> None:
        """Hands over what the spec makes of all slices together."""
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
        count = sum(len(each["input"]) for each in slices)
        parts = {name: tuple(each[name] for each in slices) for name in slices[0]}
        buffers = buffer.allocate([((count, *parts[name][0].shape[1:]), parts[name][0].dtype) for name in spec.inputs])
        for name, staged in zip(spec.inputs, buffers, strict=True):
            torch.cat(parts[name], out=staged)
        sent = {
            name: staged.to(self._device, non_blocking=True) for name, staged in zip(spec.inputs, buffers, strict=True)
        }
        # What a spec draws beside its inputs is read on this side.
        return {name: sent[name] if name in sent else torch.cat(parts[name]) for name in parts}

    def _fetch(self, results: Sequence[torch.Tensor], buffer: PinnedBuffer) -> list[torch.Tensor]:
        buffers = buffer.allocate([(tuple(result.shape), result.dtype) for result in results])
        return [fetched.copy_(result, non_blocking=True) for fetched, result in zip(buffers, results, strict=True)]

    def _leak_buffers_if_broken(self, slot: StreamSlot) -> None:
        """Where the context broke: torch ends the process at once when it frees page-locked memory there, since it
        records an event then and may not raise. So a broken card would cost everybody's requests, and its own answer.
        """
        try:
            slot.stream.synchronize()
        except RuntimeError:
            for each in self._slots:
                each.upload.leak()
                each.download.leak()

    def piece_bytes(self, max_bytes: int) -> int:
        """An eighth of what is free: two batches are under way, and torch's pool of memory has gaps."""
        free, _ = torch.cuda.mem_get_info(self._device)
        return min(max_bytes, max(free // 8, 1))

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        with torch.cuda.device(self._device):
            torch.cuda.empty_cache()

    def probe(self) -> None:
        """Adds one and one, and asks whether anything before it failed."""
        torch.ones(1, device=self._device).add_(1).item()
        torch.cuda.synchronize(self._device)

    def recreate(self) -> PinnedTransfer:
        """Another one, with streams of its own."""
        return PinnedTransfer(self._device)
