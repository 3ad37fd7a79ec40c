"""Runs batches on one device: wire arrays in, wire arrays out, many requests in one launch or one cut into several.

Bytes are not copied on the CPU where a batch is one whole request: torch looks at the request's own buffer, and the
answer is torch's own memory. Elements are copied where requests are joined, where an answer is put together from
pieces, where a buffer is read-only (torch has no such tensors), and on the way to and from another device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.backend.devices import Device
from poolhouse.batching.backlog import Backlog, Batch, Budget, Job, Part
from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.dtypes import BFLOAT16, ElementType
from poolhouse.operators.operator import Plan
from poolhouse.tensors import Tensor

PIECE_BYTES: Final = 64 * 2**20
"""Planes of one piece stay within this, input, output and intermediate results together."""
JOIN_BYTES: Final = 64 * 2**10
"""Up to here requests are joined on a CPU. Above, copying costs more than a call does."""


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

    def job(self) -> Job[Load]:
        """This request for the engine. Its plan has planes and outputs that are not empty."""
        plan = self.plan
        plane_bytes = (plan.input_bytes + plan.output_bytes) // plan.planes + plan.workspace_bytes
        return Job(plan.batch_key, plan.planes, max(1, plane_bytes), max(1, plan.work // plan.planes), self)

    def planes(self) -> Mapping[str, torch.Tensor]:
        """The inputs, and what belongs to each plane beside them, as ``(P, …)``; made once, on the device's thread."""
        if not self._planes:
            plan = self.plan
            self._planes = {
                name: _as_torch(tensor.array, tensor.dtype).reshape(plan.planes, *plan.spatial)
                for name, tensor in self.tensors.items()
            }
            drawn = plan.spec.draw(plan.planes)
            self._planes |= {name: torch.from_numpy(array) for name, array in drawn.items()}
        return self._planes

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

    def put(self, part: Part[Load], name: str, result: torch.Tensor) -> None:
        """Takes the result of some planes: as it is where it is all of them, else into the answer's own memory."""
        outline = self.plan.outputs[name]
        if part.stop - part.start == self.plan.planes:
            self.results[name] = result
            return
        whole = self.results.get(name)
        if whole is None:
            shape = (self.plan.planes, *outline.shape[-self.plan.spec.rank :])
            whole = self.results[name] = torch.empty(shape, dtype=torch_dtype(outline.dtype))
        whole[part.start : part.stop].copy_(result)


class TorchWorker:
    """A device driven by torch; the engine calls it from one thread.

    Args:
        device: where to run.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        join_bytes = JOIN_BYTES if device.name == "cpu" else PIECE_BYTES
        self.budget = Budget(piece_bytes=PIECE_BYTES, join_bytes=join_bytes, planes=device.most_planes)

    @torch.inference_mode()
    def run(self, batch: Batch[Load]) -> None:
        """Pools the planes of every part into its load. See :class:`poolhouse.batching.worker.Worker`."""
        try:
            planes = {
                name: tensor.to(self._device.torch_device, non_blocking=True)
                for name, tensor in _joined(batch.parts).items()
            }
            plan = batch.parts[0].job.load.plan
            results = [result.cpu() for result in plan.spec.run(planes)]
        except Exception as error:
            raise _sorted(error) from error
        start = 0
        for part in batch.parts:
            stop = start + part.stop - part.start
            for name, result in zip(plan.outputs, results, strict=True):
                # A slice of a joined result would keep the whole of it alive until the last answer is written.
                alone = len(batch.parts) == 1
                part.job.load.put(part, name, result if alone else result[start:stop].clone())
            start = stop

    def rebuild(self) -> None:
        """Tries the device with a small operation; a CUDA context that broke stays broken, and says so here."""
        try:
            torch.zeros(1, device=self._device.torch_device).add_(1).item()
        except Exception as error:
            raise DeviceFault(str(error)) from error


def _joined(parts: Sequence[Part[Load]]) -> Mapping[str, torch.Tensor]:
    slices = [
        {name: tensor[part.start : part.stop] for name, tensor in part.job.load.planes().items()} for part in parts
    ]
    if len(slices) == 1:
        return slices[0]
    return {name: torch.cat([each[name] for each in slices]) for name in slices[0]}


def _sorted(error: Exception) -> Exception:
    """What an exception of torch means to the engine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(str(error))
    if isinstance(error, RuntimeError):
        text = str(error)
        if "can't allocate memory" in text or "not enough memory" in text:
            return OutOfMemory(text)
        # After an assert in a kernel or a lost device, every later call in this process fails the same way.
        if isinstance(error, torch.AcceleratorError) or "CUDA error" in text:
            return DeviceFault(text)
    return error


def torch_dtype(dtype: ElementType) -> torch.dtype:
    """Torch's name for an element type; they are spelled alike."""
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def _as_torch(array: npt.NDArray[np.generic], dtype: ElementType) -> torch.Tensor:
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
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
