"""Runs batches on one device: wire arrays in, wire arrays out, many requests in one launch or one cut into several.

Bytes are not copied on the CPU where a batch is one whole request: torch looks at the request's own buffer, and the
answer is torch's own memory. Elements are copied where requests are joined, where an answer is put together from
pieces, where a buffer is read-only (torch has no such tensors), and on the way to and from another device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.dlpack import from_dlpack

from poolhouse.backend.devices import Device, use_threads
from poolhouse.backend.staging import joined, way_to
from poolhouse.batching.backlog import Backlog, Batch, Budget, Job, Part
from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.buffers import empty
from poolhouse.dtypes import BFLOAT16, ElementType
from poolhouse.kernels.planes import Kernel
from poolhouse.operators.operator import PIECE_BYTES, PIECE_STEPS, Operator, Plan
from poolhouse.tensors import Tensor

THREADED_FROM_BYTES: Final = 4 * 2**20
"""Below this a batch gets one thread: two of them wait for each other longer than the other one helps, as soon as
anything else wants the core."""
_COPIED_BYTES: Final = 64 * 2**10
"""Up to here a copy costs less than to do without one."""
JOIN_BYTES: Final = 256 * 2**10
"""Up to here requests are joined on a CPU; ``benchmarks/joining.py`` shows what it saves. Above it saves little more,
and all of a batch wait for its last plane."""


@dataclass(slots=True, eq=False)
class Load:
    """One request for the backend: what comes in, and where the answer is put.

    Attributes:
        plan: with a settled spec.
        tensors: the inputs by name.
        results: the outputs by name, whole once every plane was pooled.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    results: dict[str, torch.Tensor] = field(default_factory=dict)
    _planes: dict[str, torch.Tensor] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    """Pieces of one request may be pooled in two threads at once."""

    def job(self) -> Job[Load]:
        """This request for the engine. Its plan has planes and outputs that are not empty."""
        plan = self.plan
        return Job(plan.batch_key, plan.planes, plan.plane_bytes, plan.plane_steps, self, call_steps=plan.call_steps)

    def planes(self, start: int, stop: int) -> Mapping[str, torch.Tensor]:
        """Some planes of the inputs, and what belongs to each beside them, as ``(P, …)``."""
        with self._lock:
            if not self._planes:
                plan = self.plan
                self._planes = {
                    # Numpy lays it out: its reshape costs a fifth of torch's.
                    name: _as_torch(tensor.array.reshape(plan.planes, *plan.spatial), tensor.dtype)
                    for name, tensor in self.tensors.items()
                }
        planes = self._planes
        if stop - start < self.plan.planes:
            planes = {name: tensor[start:stop] for name, tensor in planes.items()}
        # Drawn a piece at a time: two numbers for each of a hundred million planes are gigabytes.
        drawn = self.plan.spec.draw(stop - start, start)
        return {**planes, **{name: torch.from_numpy(array) for name, array in drawn.items()}} if drawn else planes

    def answer(self) -> dict[str, Tensor]:
        """The outputs as the wire has them; their memory is the caller's."""
        outputs = self.plan.outputs
        if self.plan.nothing_to_pool:
            return {
                name: Tensor(outline.dtype, np.empty(outline.shape, outline.dtype.storage))
                for name, outline in outputs.items()
            }
        return {
            name: Tensor(outline.dtype, _as_numpy(self.results[name], outline.dtype).reshape(outline.shape))
            for name, outline in outputs.items()
        }

    def put(self, part: Part[Load], name: str, result: torch.Tensor, *, ours: bool) -> None:
        """Takes the result of some planes: as it is where it is all of them and ours, else into the answer's memory."""
        outline = self.plan.outputs[name]
        if part.stop - part.start == self.plan.planes:
            self.results[name] = result if ours else result.clone()
            return
        with self._lock:
            whole = self.results.get(name)
            if whole is None:
                shape = (self.plan.planes, *outline.shape[-self.plan.spec.rank :])
                whole = self.results[name] = _as_torch(empty(shape, outline.dtype.storage), outline.dtype)
        whole[part.start : part.stop].copy_(result)


class TorchWorker:
    """A device driven by torch; the engine calls it from :attr:`width` threads.

    Args:
        device: where to run.
        threads: how many one large batch may take on the CPU; None for as many as torch has.
    """

    def __init__(self, device: Device, threads: int | None = None) -> None:
        self._threads = threads or torch.get_num_threads()
        self._way = None if device.name == "cpu" else way_to(device)
        self.width = 1 if self._way is None else self._way.width
        self._most_planes = device.most_planes
        self.budget = self._budget()

    def _budget(self) -> Budget:
        if self._way is None:
            return Budget(PIECE_BYTES, JOIN_BYTES, piece_steps=PIECE_STEPS)
        piece_bytes = self._way.piece_bytes(PIECE_BYTES)
        return Budget(piece_bytes, join_bytes=piece_bytes, planes=self._most_planes, piece_steps=PIECE_STEPS)

    def run(self, batch: Batch[Load]) -> None:
        """Pools the planes of every part into its load. See :class:`poolhouse.batching.worker.Worker`."""
        try:
            # No inference_mode: nothing here asks for a gradient, and entering it costs a tiny request more than
            # it saves.
            spec = batch.parts[0].job.load.plan.spec
            planes = _slices(batch.parts)
            if self._way is None:
                threads = 1 if batch.nbytes < THREADED_FROM_BYTES else self._threads
                kernel = batch.parts[0].job.load.plan.kernel()
                results = run_on_cpu(spec, kernel, joined(planes), threads)
                _give_back(batch.parts, results, ours=len(batch.parts) == 1)
            else:
                self._way.run(spec, planes, partial(_give_back, batch.parts, ours=False))
        except Exception as error:
            raise self._sorted(error) from error

    def rebuild(self) -> None:
        """Tries the device with a small operation, over a way of its own; a thread that is stuck keeps the old one.

        A CUDA context that broke stays broken until the process ends: then this raises every time, the device stays
        lost, and once every device is, ``/readyz`` says so and the platform restarts the process.
        """
        try:
            if self._way is not None:
                self._way = self._way.anew()
                self._way.try_out()
            self.budget = self._budget()
        except Exception as error:
            raise DeviceFault(str(error)) from error

    def _sorted(self, error: Exception) -> Exception:
        """What an exception of torch means to the engine."""
        meant = meaning(error)
        if self._way is not None and isinstance(meant, OutOfMemory):
            try:
                self._way.free_memory()
                self.budget = self._budget()
            except RuntimeError as worse:
                return meaning(worse)
        return meant


def _slices(parts: Sequence[Part[Load]]) -> Sequence[Mapping[str, torch.Tensor]]:
    return [part.job.load.planes(part.start, part.stop) for part in parts]


def _give_back(parts: Sequence[Part[Load]], results: Sequence[torch.Tensor], *, ours: bool) -> None:
    """Puts each part's results where they belong.

    Args:
        parts: of the batch, in order.
        results: of all of them together.
        ours: whether the results' memory is theirs to keep. A slice of a joined result would keep the whole of it
            alive until the last answer is written, and staging lays the next batch into its own.
    """
    start = 0
    for part in parts:
        stop = start + part.stop - part.start
        for name, result in zip(part.job.load.plan.outputs, results, strict=True):
            # A slice of all of it would cost a tiny request as much as the pooling.
            own = result if len(parts) == 1 else result[start:stop]
            part.job.load.put(part, name, own, ours=ours)
        start = stop


def run_on_cpu(
    spec: Operator, kernel: Kernel | None, planes: Mapping[str, torch.Tensor], threads: int
) -> tuple[torch.Tensor, ...]:
    """Pools planes by the compiled loops where there are some for them, else by torch."""
    if kernel is None:
        use_threads(threads)
        return spec.run(planes)
    wide = planes["input"].dtype is torch.bfloat16
    arrays = {name: _numbers(tensor) for name, tensor in planes.items()}
    values, *rest = map(torch.from_numpy, kernel(arrays, threads))
    return (values.view(torch.bfloat16) if wide else values, *rest)


def _numbers(tensor: torch.Tensor) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()
    return array


_NO_MEMORY: Final = ("out of memory", "can't allocate memory", "not enough memory")
_BROKEN: Final = ("CUDA error", "HIP error", "device-side assert", "MPS backend")


def meaning(error: Exception) -> Exception:
    """What an exception of torch says of the device: too little memory, broken for good, or nothing.

    By its words: torch raises RuntimeError for most, and has classes for some since releases newer than we need.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(str(error))
    if isinstance(error, RuntimeError):
        text = str(error)
        # First, since "CUDA error: out of memory" breaks nothing.
        if any(words in text for words in _NO_MEMORY):
            return OutOfMemory(text)
        # After an assert in a kernel or a lost device, every later call in this process fails the same way.
        if any(words in text for words in _BROKEN):
            return DeviceFault(text)
    return error


def torch_dtype(dtype: ElementType) -> torch.dtype:
    """Torch's name for an element type; they are spelled alike."""
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def _as_torch(array: npt.NDArray[np.generic], dtype: ElementType) -> torch.Tensor:
    if array.flags.writeable:
        tensor = torch.from_numpy(array)
    elif array.nbytes <= _COPIED_BYTES:
        tensor = torch.from_numpy(array.copy())
    else:
        # Torch has no tensors that are read-only, and warns of such an array; nothing here writes to an input.
        try:
            tensor = from_dlpack(array)
        except BufferError:  # a numpy before 2.1 hands out no array that is read-only
            tensor = torch.from_numpy(array.copy())
    return tensor.view(torch.bfloat16) if dtype is BFLOAT16 else tensor


def _as_numpy(tensor: torch.Tensor, dtype: ElementType) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic]
    if dtype is BFLOAT16:
        array = tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    else:
        array = tensor.contiguous().numpy()
    assert array.dtype == dtype.storage, (array.dtype, dtype)
    return array


def run_plan(plan: Plan, tensors: Mapping[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Pools one request alone, here and now, cut into the same pieces as the engine would: for the warm-up.

    Args:
        plan: the plan made from these tensors' outlines; its spec is settled.
        tensors: the inputs by name.
        device: where to run.
    """
    load = Load(plan, tensors)
    if not plan.nothing_to_pool:
        worker, backlog = TorchWorker(device), Backlog[Load]()
        backlog.push(load.job())
        while batch := backlog.take(worker.budget):
            worker.run(batch)
    return load.answer()
