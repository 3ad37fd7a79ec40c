"""Operators that are composed of other operators: what they pool, cost and compile to follows from their parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import torch

from poolhouse.dtypes import ElementType
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.operator import Planes, at_rank
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.tracing import PooledArrays, TracedElement

_Class = TypeVar("_Class", bound=PlaneOperator)


def part_class(cls: type[_Class], rank: int) -> type[_Class]:
    """The operator of a declared class for one number of spatial axes, typed as that class."""
    found = at_rank(cls, rank)
    assert issubclass(found, cls), "at_rank() makes a subclass"
    return found


class ChannelsKernel:
    """A kernel of ``(P, *spatial)`` planes, applied to ``(P, C, *spatial)`` samples.

    Args:
        kernel: of planes.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        count, channels = planes["input"].shape[:2]
        flat = {name: array.reshape(count * channels, *array.shape[2:]) for name, array in planes.items()}
        return tuple(found.reshape(count, channels, *found.shape[1:]) for found in self._kernel(flat, threads))


class JoinedKernel:
    """Kernels that pool the same planes, and a function of their outputs.

    Args:
        kernels: of the parts.
        join: gets the first output of each part.
    """

    def __init__(self, kernels: Sequence[Kernel], join: Callable[[Sequence[Array]], Array]) -> None:
        self._kernels = kernels
        self._join = join

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        return (self._join([kernel(planes, threads)[0] for kernel in self._kernels]),)


class JoinedOperator(PlaneOperator):
    """Base of operators that join the outputs of others, which pool the same windows or the same planes."""

    @cached_property
    def parts(self) -> tuple[PlaneOperator, ...]:
        """The specs of the others, in this spec's layout; each has one output."""
        raise NotImplementedError

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join the outputs of the parts.

        Args:
            parts: ``(P, *spatial)``, or ``(P, C, *spatial)`` for samples, or with channels last ``(P, *spatial, C)``.
        """
        raise NotImplementedError

    def join_arrays(self, parts: Sequence[Array], dtype: ElementType) -> Array:
        """The same for arrays in the storage type; the bits are equal."""
        raise NotImplementedError

    def joining_cost(self, elements: int, dtype: ElementType) -> Cost:
        """Cost of :meth:`join` for a plane, in which the parts have this many elements."""
        raise NotImplementedError

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        return (self.join([self._run_part(part, planes["input"]) for part in self.parts]),)

    def _run_part(self, part: PlaneOperator, x: torch.Tensor) -> torch.Tensor:
        if not self._splits_channels:
            return part.run({"input": x})[0]
        found = part.run({"input": x.reshape(-1, *x.shape[2:])})[0]
        return found.reshape(*x.shape[:2], *found.shape[1:])

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        costs = [
            _of_channels(part.cost_of(plane_shape[1:], dtype), plane_shape[0])
            if self._splits_channels
            else part.cost_of(plane_shape, dtype)
            for part in self.parts
        ]
        return self._joined_cost(costs, plane_shape, dtype)

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        shape = plane_shape[1:] if self._splits_channels else plane_shape
        loops = [each for part in self.parts if (each := part.loops_of(shape, dtype)) is not None]
        if len(loops) < len(self.parts):
            return None
        costs = [each.cost for each in loops]
        if self._splits_channels:
            costs = [_of_channels(each, plane_shape[0]) for each in costs]

        def make() -> Kernel:
            kernels = [each.make() for each in loops]
            if self._splits_channels:
                kernels = [ChannelsKernel(kernel) for kernel in kernels]
            return JoinedKernel(kernels, lambda parts: self.join_arrays(parts, dtype))

        return KernelFactory(
            self._joined_cost(costs, plane_shape, dtype), make, is_bit_exact=all(each.is_bit_exact for each in loops)
        )

    def _joined_cost(self, costs: Sequence[Cost], plane_shape: Sizes, dtype: ElementType) -> Cost:
        spatial = self.spatial_of(plane_shape)
        planes = math.prod(plane_shape) // math.prod(spatial)
        total, held, elements = Cost(0.0, 0.0, 0.0), 0, 0
        for part, cost in zip(self.parts, costs, strict=True):
            (output,) = part.output_metadata((planes,), spatial, dtype).values()
            # Each part keeps its window positions.
            call_bytes = total.call_bytes + cost.call_bytes
            total = replace(total.then(cost.with_held_bytes(held)), call_bytes=call_bytes)
            held, elements = held + output.nbytes, elements + output.element_count
        return total.then(self.joining_cost(elements, dtype).with_held_bytes(held))

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        if not self.pools_samples:
            yield from super().trace_of_plane(plane)
            return
        given, begin = plane.inputs["input"], 0
        elements = math.prod(given.shape[1:])
        for part in self.parts:
            cells = math.prod(part.spatial_out(given.shape[1:]))
            for channel, x in enumerate(given):
                outputs = {"output": plane.outputs["output"][begin : begin + cells]}
                for each in part.trace_of_plane(replace(plane, inputs={"input": x}, outputs=outputs)):
                    positions = [channel * elements + position for position in each.positions]
                    yield replace(each, place=begin + each.place, positions=positions)
                begin += cells

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return (
            sum(part.traced_plane_positions(spatial) for part in self.parts)
            if self.pools_samples
            else (self.parts[0].traced_plane_positions(spatial))
        )

    @property
    def _splits_channels(self) -> bool:
        """Whether the channels of a plane ``(C, *spatial)`` are planes of the parts."""
        return self.pools_samples and not self.is_channels_last


def _of_channels(cost: Cost, channels: int) -> Cost:
    return Cost(cost.plane_steps * channels, cost.call_steps, cost.plane_bytes * channels, cost.call_bytes)
