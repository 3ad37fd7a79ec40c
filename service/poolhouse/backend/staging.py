"""The way of planes to a device and back.

On CUDA a batch is joined straight into page-locked memory, goes to the device, through the kernels and back into
page-locked memory on a stream of its own, and only at the end somebody waits. There are two such ways, so one batch
is copied while the other computes, and neither waits for the other's copies. Page-locked memory comes from torch's
own pool of it, which remembers the stream that still reads a block; the answer is written to the caller from there.

Nothing here was run on a CUDA device by us yet: the tests with the mark ``gpu`` are the ones to run on one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Final, Protocol

import torch

from poolhouse.backend.devices import Device
from poolhouse.errors import Unprocessable
from poolhouse.operators.fields import INT32_MAX
from poolhouse.operators.operator import Operator

Slices = Sequence[Mapping[str, torch.Tensor]]
"""For each part of a batch its planes by name, in the machine's memory."""

_WAYS: Final = 2
"""Batches on CUDA at once: one is copied while the other computes."""


class Way(Protocol):
    """To one device and back."""

    width: int
    """How many threads may use it at once."""

    def run(self, spec: Operator, slices: Slices) -> Sequence[torch.Tensor]:
        """What the spec makes of all slices together, in the machine's memory."""
        ...

    def piece_bytes(self, most: int) -> int:
        """How large a batch may be, from the memory that is free now."""
        ...

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        ...

    def try_out(self) -> None:
        """Raises when the device does not work."""
        ...

    def anew(self) -> Way:
        """Another one: threads that are stuck on this one are left behind with it."""
        ...


def way_to(device: Device) -> Way:
    """The way to a device other than the CPU."""
    at = device.torch_device
    return Pinned(at) if at.type == "cuda" else Copied(at)


def joined(slices: Slices) -> Mapping[str, torch.Tensor]:
    """All planes in one tensor a name; a copy, unless there is only one slice."""
    if len(slices) == 1:
        return slices[0]
    return {name: torch.cat([each[name] for each in slices]) for name in slices[0]}


def within_int32(spec: Operator, slices: Slices) -> None:
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


class Copied:
    """For devices without streams of ours: there, compute, back, one after another."""

    width = 1

    def __init__(self, at: torch.device) -> None:
        self._at = at

    def run(self, spec: Operator, slices: Slices) -> Sequence[torch.Tensor]:
        """What the spec makes of all slices together."""
        within_int32(spec, slices)
        planes = {name: tensor.to(self._at) for name, tensor in joined(slices).items()}
        return [result.cpu() for result in spec.run(planes)]

    def piece_bytes(self, most: int) -> int:
        """As much as there may be: the device says nothing of its memory."""
        return most

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        if self._at.type == "mps":
            torch.mps.empty_cache()

    def try_out(self) -> None:
        """Adds one and one."""
        torch.ones(1, device=self._at).add_(1).item()

    def anew(self) -> Copied:
        """Another one."""
        return Copied(self._at)


class Pinned:
    """CUDA: page-locked memory at both ends, two streams."""

    width = _WAYS

    def __init__(self, at: torch.device) -> None:
        self._at = at
        self._streams: SimpleQueue[torch.cuda.Stream] = SimpleQueue()
        for _ in range(_WAYS):
            # torch has types for its streams in some releases, not in others.
            self._streams.put(torch.cuda.Stream(at))  # type: ignore[no-untyped-call, unused-ignore]

    def run(self, spec: Operator, slices: Slices) -> Sequence[torch.Tensor]:
        """What the spec makes of all slices together; page-locked."""
        within_int32(spec, slices)
        stream = self._streams.get()
        try:
            with torch.cuda.stream(stream):
                planes = {name: self._sent([each[name] for each in slices]) for name in slices[0]}
                results = [self._fetched(result) for result in spec.run(planes)]
                stream.synchronize()
                return results
        finally:
            self._streams.put(stream)

    def _sent(self, slices: Sequence[torch.Tensor]) -> torch.Tensor:
        first = slices[0]
        shape = (sum(each.shape[0] for each in slices), *first.shape[1:])
        staged = torch.empty(shape, dtype=first.dtype, pin_memory=True)
        torch.cat(tuple(slices), out=staged)
        return staged.to(self._at, non_blocking=True)

    def _fetched(self, result: torch.Tensor) -> torch.Tensor:
        fetched = torch.empty(result.shape, dtype=result.dtype, pin_memory=True)
        return fetched.copy_(result, non_blocking=True)

    def piece_bytes(self, most: int) -> int:
        """An eighth of what is free: two batches are under way, and torch's pool of memory has gaps."""
        free, _ = torch.cuda.mem_get_info(self._at)
        return min(most, max(free // 8, 1))

    def free_memory(self) -> None:
        """Gives back what torch keeps for later."""
        with torch.cuda.device(self._at):
            torch.cuda.empty_cache()

    def try_out(self) -> None:
        """Adds one and one, and asks whether anything before it failed."""
        torch.ones(1, device=self._at).add_(1).item()
        torch.cuda.synchronize(self._at)

    def anew(self) -> Pinned:
        """Another one, with streams of its own."""
        return Pinned(self._at)
