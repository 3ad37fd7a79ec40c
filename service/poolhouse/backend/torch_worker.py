"""Runs batches on one device: arrays in, arrays out, many requests in one launch or one cut into several.

Bytes are not copied on the CPU where a batch is one whole request: the loops, or torch, look at the request's own
buffer, and the answer is the memory that they wrote. Elements are copied where requests are joined, where an answer is
put together from pieces, and on the way to and from another device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import torch

from poolhouse.backend.conversion import Array, as_array, as_torch
from poolhouse.backend.devices import Device, set_thread_count
from poolhouse.backend.payload import Payload
from poolhouse.backend.transfer import make_transfer
from poolhouse.batching.fair_queue import Batch, BatchLimits, FairQueue, JobSlice
from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.operators.plan import PIECE_BYTES, PIECE_STEPS, Plan
from poolhouse.tensors import Tensor

MIN_THREADED_BYTES: Final = 4 * 2**20
"""Below this a batch gets one thread: two of them wait for each other longer than the other one helps, as soon as
anything else wants the core."""
JOIN_BYTES: Final = 256 * 2**10
"""Up to here requests are joined on a CPU; ``benchmarks/joining.py`` shows what it saves. Above it saves little more,
and all of a batch wait for its last plane."""


class TorchWorker:
    """A device driven by torch; the engine calls it from :attr:`concurrency` threads.

    Args:
        device: where to run.
        threads: how many one large batch may take on the CPU; None for as many as torch has.
    """

    def __init__(self, device: Device, threads: int | None = None) -> None:
        self._threads = threads or torch.get_num_threads()
        self._transfer = None if device.name == "cpu" else make_transfer(device)
        self.concurrency = 1 if self._transfer is None else self._transfer.concurrency
        self._max_planes = device.max_planes
        self.batch_limits = self._budget()

    def _budget(self) -> BatchLimits:
        if self._transfer is None:
            return BatchLimits(PIECE_BYTES, JOIN_BYTES, piece_steps=PIECE_STEPS)
        piece_bytes = self._transfer.piece_bytes(PIECE_BYTES)
        # guard: budget-has-grid-limit
        return BatchLimits(piece_bytes, join_bytes=piece_bytes, planes=self._max_planes, piece_steps=PIECE_STEPS)

    def run(self, batch: Batch[Payload]) -> None:
        """Pools the planes of every part into its load. See :class:`poolhouse.batching.worker.Worker`."""
        try:
            parts = batch.slices
            plan = parts[0].job.payload.plan
            if self._transfer is not None:
                dtype = plan.inputs["input"].dtype
                tensors = [as_torch(part.job.payload.slice_planes(part.start, part.stop), dtype) for part in parts]
                self._transfer.run(plan.spec, tensors, partial(_store_device_results, parts))
            else:
                threads = 1 if batch.nbytes < MIN_THREADED_BYTES else self._threads
                slices = [part.job.payload.slice_planes(part.start, part.stop) for part in parts]
                if len(parts) == 1:
                    _store_part(parts[0], pool_on_cpu(plan, slices[0], threads), owned=True)
                else:
                    _store_results(parts, pool_on_cpu(plan, _concatenate(slices), threads))
        except Exception as error:
            raise self._classify(error) from error

    def run_single(self, payload: Payload) -> None:
        """See :class:`poolhouse.batching.worker.Worker`. Only on the CPU."""
        plan = payload.plan
        try:
            results = pool_on_cpu(plan, payload.slice_planes(0, plan.planes), 1)
        except Exception as error:  # raised again, as what it means to the engine
            raise self._classify(error) from error
        payload.results.update(zip(plan.outputs, results, strict=True))

    def rebuild(self) -> None:
        """Tries the device with a small operation, over a way of its own; a thread that is stuck keeps the old one.

        A CUDA context that broke stays broken until the process ends: then this raises every time, the device stays
        lost, and once every device is, ``/readyz`` says so and the platform restarts the process.
        """
        try:
            if self._transfer is not None:
                # guard: rebuilt-device-gets-new-streams
                self._transfer = self._transfer.recreate()
                # guard: device-is-probed
                self._transfer.probe()
            self.batch_limits = self._budget()
        except Exception as error:
            raise DeviceFault(str(error)) from error

    def _classify(self, error: Exception) -> Exception:
        """What an exception of torch means to the engine."""
        meant = classify_error(error)
        if self._transfer is not None and isinstance(meant, OutOfMemory):
            try:
                # guard: out-of-memory-frees-cache
                self._transfer.free_memory()
                # guard: out-of-memory-shrinks-batches
                self.batch_limits = self._budget()
            except RuntimeError as worse:
                return classify_error(worse)
        return meant


def _concatenate(slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
    """All planes in one array a name."""
    return {name: np.concatenate([each[name] for each in slices]) for name in slices[0]}


def _store_device_results(parts: Sequence[JobSlice[Payload]], results: Sequence[torch.Tensor]) -> None:
    """Puts results of a device where they belong; the next batch is laid into their memory."""
    _store_results(parts, [as_array(result) for result in results])


def _store_results(parts: Sequence[JobSlice[Payload]], results: Sequence[Array]) -> None:
    """Puts a copy of each part's results where it belongs.

    A slice of a joined result would keep the whole of it alive until the last answer is written, and staging lays the
    next batch into its own.

    Args:
        parts: of the batch, in order.
        results: of all of them together.
    """
    start = 0
    for part in parts:
        stop = start + part.stop - part.start
        # guard: result-is-copied
        _store_part(part, [result[start:stop] for result in results], owned=False)
        start = stop


def _store_part(part: JobSlice[Payload], results: Sequence[Array], *, owned: bool) -> None:
    payload = part.job.payload
    for name, result in zip(payload.plan.outputs, results, strict=True):
        payload.store(part, name, result, owned=owned)


def pool_on_cpu(plan: Plan, planes: Mapping[str, Array], threads: int) -> Sequence[Array]:
    """Pools ``(P, *spatial)`` arrays by the compiled loops where there are some for them, else by torch.

    Args:
        plan: of any request that they are of.
        planes: by name.
        threads: at most so many.
    """
    kernel = plan.kernel()
    if kernel is not None:
        return kernel(planes, threads)
    set_thread_count(threads)
    return [as_array(result) for result in plan.spec.run(as_torch(planes, plan.inputs["input"].dtype))]


_OUT_OF_MEMORY_TEXTS: Final = ("out of memory", "can't allocate memory", "not enough memory")
_DEVICE_FAULT_TEXTS: Final = ("CUDA error", "HIP error", "device-side assert", "MPS backend")


def classify_error(error: Exception) -> Exception:
    """What an exception of torch says of the device: too little memory, broken for good, or nothing.

    By its words: torch raises RuntimeError for most, and has classes for some since releases newer than we need.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(str(error))
    if isinstance(error, RuntimeError):
        text = str(error)
        # First, since "CUDA error: out of memory" breaks nothing.
        # guard: out-of-memory-is-recognized
        if any(words in text for words in _OUT_OF_MEMORY_TEXTS):
            return OutOfMemory(text)
        # After an assert in a kernel or a lost device, every later call in this process fails the same way.
        # guard: broken-device-is-recognized
        if any(words in text for words in _DEVICE_FAULT_TEXTS):
            return DeviceFault(text)
    return error


def run_plan(plan: Plan, tensors: Mapping[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Pools one request alone, here and now, cut into the same pieces as the engine would: for the warm-up.

    Args:
        plan: the plan made from these tensors' metadata_by_name; its spec is settled.
        tensors: the inputs by name.
        device: where to run.
    """
    payload = Payload(plan, tensors)
    if not plan.is_empty:
        worker, queue = TorchWorker(device), FairQueue[Payload]()
        queue.push(payload.make_job())
        while batch := queue.next_batch(worker.batch_limits):
            worker.run(batch)
    return payload.output_tensors()
