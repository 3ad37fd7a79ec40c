"""Run batches on one device: many requests in one launch, or one request cut into several.

On the CPU, a batch that is one whole request is not copied: the kernel, or torch, reads the request's own buffer, and
the memory that it writes is the output. Elements are copied to join requests, to assemble an output from slices, and
to and from other devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

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
"""A smaller batch gets one thread: when other work uses the cores, two threads lose more by waiting for each other
than the second one saves."""
JOIN_BYTES: Final = 256 * 2**10
"""Limit for joining requests on a CPU; ``benchmarks/joining.py`` measures the gain. A higher limit gains little, and
all requests of a batch wait for its last plane."""


class TorchWorker:
    """A device driven by torch; the engine calls it from :attr:`concurrency` threads.

    Args:
        device: the device.
        threads: the number of threads for a large batch on the CPU; None for torch's number.
    """

    def __init__(self, device: Device, threads: int | None = None) -> None:
        self._threads = threads or torch.get_num_threads()
        self._transfer = None if device.name == "cpu" else make_transfer(device)
        self.concurrency = 1 if self._transfer is None else self._transfer.concurrency
        self._max_planes = device.max_planes
        self.batch_limits = self._current_limits()

    def _current_limits(self) -> BatchLimits:
        if self._transfer is None:
            return BatchLimits(PIECE_BYTES, JOIN_BYTES, max_steps=PIECE_STEPS)
        piece_bytes = self._transfer.piece_bytes(PIECE_BYTES)
        # guard: budget-has-grid-limit
        return BatchLimits(piece_bytes, max_join_bytes=piece_bytes, max_planes=self._max_planes, max_steps=PIECE_STEPS)

    def run(self, batch: Batch[Payload]) -> None:
        """See :meth:`poolhouse.batching.worker.Worker.run`."""
        try:
            parts = batch.slices
            plan = parts[0].job.payload.plan
            if self._transfer is not None:
                slices = [part.job.payload.slice_planes(part.start, part.stop) for part in parts]
                if not plan.spec.concatenates_slices:
                    slices = [dict(plan.spec.join_slices(slices))]
                tensors = [as_torch(each, plan.inputs["input"].dtype) for each in slices]
                self._transfer.run(plan.spec, tensors, partial(_store_device_results, parts))
            else:
                threads = 1 if batch.nbytes < MIN_THREADED_BYTES else self._threads
                slices = [part.job.payload.slice_planes(part.start, part.stop) for part in parts]
                if len(parts) == 1:
                    _store_part(parts[0], pool_on_cpu(plan, slices[0], threads), owned=True)
                else:
                    _store_results(parts, pool_on_cpu(plan, plan.spec.join_slices(slices), threads))
        except Exception as error:  # raised again, as a class that the engine handles
            raise self._classify(error) from error

    def run_single(self, payload: Payload) -> None:
        """See :meth:`poolhouse.batching.worker.Worker.run_single`. Only on the CPU."""
        plan = payload.plan
        try:
            results = pool_on_cpu(plan, plan.whole_inputs(payload.tensors), 1)
        except Exception as error:  # raised again, as a class that the engine handles
            raise self._classify(error) from error
        payload.store_all(results)

    def rebuild(self) -> None:
        """Probe the device with a small operation, through a new transfer; a thread that hangs keeps the old one.

        A broken CUDA context stays broken until the process ends: then this raises every time, and the device stays
        lost. When all devices are lost, ``/readyz`` responds 503, and the platform restarts the process.
        """
        try:
            if self._transfer is not None:
                # guard: rebuilt-device-gets-new-streams
                self._transfer = self._transfer.recreate()
                # guard: device-is-probed
                self._transfer.probe()
            self.batch_limits = self._current_limits()
        except Exception as error:  # whatever fails here, the device does not work yet; the engine retries
            raise DeviceFault(str(error)) from error

    def _classify(self, error: Exception) -> Exception:
        """Classify an exception of torch; after out of memory, free torch's cache and lower the limits."""
        classified = classify_error(error)
        if self._transfer is not None and isinstance(classified, OutOfMemory):
            try:
                # guard: out-of-memory-frees-cache
                self._transfer.free_memory()
                # guard: out-of-memory-shrinks-batches
                self.batch_limits = self._current_limits()
            except RuntimeError as later:
                return classify_error(later)
        return classified


def _store_device_results(parts: Sequence[JobSlice[Payload]], results: Sequence[torch.Tensor]) -> None:
    """Store results of another device; they are copied, since the next batch overwrites their memory."""
    _store_results(parts, [as_array(result) for result in results])


def _store_results(parts: Sequence[JobSlice[Payload]], results: Sequence[Array]) -> None:
    """Store a copy of the results of each slice in its payload.

    A view of a joined result would keep all of it in memory until the last response is sent, and the memory of a pinned
    buffer is overwritten by the next batch.

    Args:
        parts: the slices of the batch, in order.
        results: the outputs of the batch, each with the planes of all slices.
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
    """Pool ``(P, *spatial)`` arrays with a compiled kernel if there is one for the plan, else with torch.

    Args:
        plan: of any request of the batch.
        planes: the inputs by name.
        threads: the largest number of threads.
    """
    kernel = plan.kernel()
    if kernel is not None:
        return kernel(planes, threads)
    set_thread_count(threads)
    return [as_array(result) for result in plan.spec.run(as_torch(planes, plan.inputs["input"].dtype))]


_OUT_OF_MEMORY_TEXTS: Final = ("out of memory", "can't allocate memory", "not enough memory")
_DEVICE_FAULT_TEXTS: Final = ("CUDA error", "HIP error", "device-side assert", "MPS backend")


def classify_error(error: Exception) -> Exception:
    """Map an exception of torch to :class:`OutOfMemory` or :class:`DeviceFault`, or return it as it is.

    By its text: torch raises RuntimeError for most errors, and the oldest supported release lacks its newer classes.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(str(error))
    if isinstance(error, RuntimeError):
        text = str(error)
        # First, since "CUDA error: out of memory" does not break the device.
        # guard: out-of-memory-is-recognized
        if any(part in text for part in _OUT_OF_MEMORY_TEXTS):
            return OutOfMemory(text)
        # After an assert in a kernel, or the loss of the device, every later call of this process fails the same way.
        # guard: broken-device-is-recognized
        if any(part in text for part in _DEVICE_FAULT_TEXTS):
            return DeviceFault(text)
    return error


def run_plan(plan: Plan, tensors: Mapping[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Pool one request in the calling thread, in the batches that the engine would form: for the warm-up.

    Args:
        plan: made from the metadata of these tensors; its spec has a seed, if the operator uses one.
        tensors: the inputs by name.
        device: the device.
    """
    payload = Payload(plan, tensors)
    if not plan.is_empty:
        worker, queue = TorchWorker(device), FairQueue[Payload]()
        queue.push(payload.make_job())
        while batch := queue.next_batch(worker.batch_limits):
            worker.run(batch)
    return payload.output_tensors()
