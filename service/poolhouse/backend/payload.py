"""A pooling request as the worker sees it: its input arrays, and the arrays that receive the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.batching.fair_queue import Job, JobSlice
from poolhouse.buffers import empty
from poolhouse.operators.plan import Plan
from poolhouse.tensors import Tensor

Array = npt.NDArray[np.generic]

# Slices of one request may be pooled in two threads at once. Held only to allocate an array.
_lock: Final = Lock()


@dataclass(slots=True, eq=False)
class Payload:
    """Inputs and results of one request.

    Attributes:
        plan: its spec has a seed, if the operator uses one.
        tensors: the inputs by name.
        prepared: the inputs as slices are cut from them; None until the first slice.
        results: the outputs by name, in their storage types; complete when every plane was pooled.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    results: dict[str, Array] = field(default_factory=dict)
    prepared: Mapping[str, Array] | None = None

    def make_job(self) -> Job[Payload]:
        """The job for the engine; only for a plan that is not empty."""
        plan = self.plan
        return Job(plan.batch_key, plan.planes, plan.plane_bytes, plan.plane_steps, self, call_steps=plan.call_steps)

    def slice_planes(self, start: int, stop: int) -> dict[str, Array]:
        """What pooling planes ``start`` to ``stop`` needs."""
        if self.prepared is None:
            # Two threads may both prepare the first slices; the results are equal.
            arrays = {name: tensor.array for name, tensor in self.tensors.items()}
            self.prepared = self.plan.spec.prepare_inputs(arrays, self.plan.planes)
        return self.plan.slice_inputs(self.prepared, start, stop)

    def output_tensors(self) -> dict[str, Tensor]:
        """The outputs in their shapes; they share the memory of :attr:`results`."""
        outputs = self.plan.outputs
        if self.plan.is_empty:
            return {
                name: Tensor(metadata.dtype, np.empty(metadata.shape, metadata.dtype.storage))
                for name, metadata in outputs.items()
            }
        return {
            name: Tensor(metadata.dtype, self.results[name].reshape(metadata.shape))
            for name, metadata in outputs.items()
        }

    def output_chunks(self) -> tuple[memoryview, ...]:
        """The elements of :meth:`output_tensors` as flat bytes, in order, not copied."""
        if self.plan.is_empty:
            return ()
        return tuple([self.results[name].data.cast("B") for name in self.plan.outputs])

    def store(self, part: JobSlice[Payload], name: str, result: Array, *, owned: bool) -> None:
        """Store the result of a slice: as it is if it is owned and has all planes, else copied into the output."""
        plan = self.plan
        metadata = plan.outputs[name]
        if part.stop - part.start == plan.planes:
            stored = self.results[name] = result if owned else result.copy()
            plan.spec.encode_output(name, stored, plan.plane_shape, 0)
            return
        with _lock:
            whole = self.results.get(name)
            if whole is None:
                shape = (plan.planes, *result.shape[1:])
                whole = self.results[name] = empty(shape, metadata.dtype.storage)
        stored = whole[part.start : part.stop]
        stored[...] = result
        plan.spec.encode_output(name, stored, plan.plane_shape, part.start)

    def store_all(self, results: Sequence[Array]) -> None:
        """Store the results of all planes, which belong to this request."""
        plan = self.plan
        self.results = dict(zip(plan.outputs, results, strict=True))
        if plan.encodes_outputs:
            for name, result in self.results.items():
                plan.spec.encode_output(name, result, plan.plane_shape, 0)
