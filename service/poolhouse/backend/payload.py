"""One request for the backend: its input arrays, and the arrays that its results are stored in."""

from __future__ import annotations

from collections.abc import Mapping
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

# Pieces of one request may be pooled in two threads at once. It is held to make an array, and never for long.
_lock: Final = Lock()


@dataclass(slots=True, eq=False)
class Payload:
    """One request for the backend: inputs and results.

    Attributes:
        plan: with a settled spec.
        tensors: the inputs by name.
        results: the outputs by name, in their storage types, whole once every plane was pooled.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    results: dict[str, Array] = field(default_factory=dict)

    def make_job(self) -> Job[Payload]:
        """This request for the engine. Its plan has planes and outputs that are not empty."""
        plan = self.plan
        return Job(plan.batch_key, plan.planes, plan.plane_bytes, plan.plane_steps, self, call_steps=plan.call_steps)

    def slice_planes(self, start: int, stop: int) -> dict[str, Array]:
        """Some planes of the inputs, and what belongs to each beside them, as ``(P, …)``."""
        plan = self.plan
        shape = plan.planes_shape
        planes = {name: tensor.array.reshape(shape) for name, tensor in self.tensors.items()}
        if stop - start < plan.planes:
            planes = {name: array[start:stop] for name, array in planes.items()}
        # Drawn a piece at a time: two numbers for each of a hundred million planes are gigabytes.
        planes.update(plan.spec.random_inputs(stop - start, start))
        return planes

    def output_tensors(self) -> dict[str, Tensor]:
        """The outputs as the wire has them; their memory is the caller's."""
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
        """Takes the result of some planes: as it is where it is all of them and ours, else into the answer's memory."""
        metadata = self.plan.outputs[name]
        if part.stop - part.start == self.plan.planes:
            self.results[name] = result if owned else result.copy()
            return
        with _lock:
            whole = self.results.get(name)
            if whole is None:
                shape = (self.plan.planes, *metadata.shape[-self.plan.spec.rank :])
                whole = self.results[name] = empty(shape, metadata.dtype.storage)
        whole[part.start : part.stop] = result
