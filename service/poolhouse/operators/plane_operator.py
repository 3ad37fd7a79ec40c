"""Operators that pool planes: every plane of the input alone, or all channels of a sample at once.

Only :meth:`PlaneOperator.check_elements`, :meth:`PlaneOperator.pool` and :meth:`PlaneOperator.reference_of_plane` read
elements or call torch. The other methods that an author writes compute with plain integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.channels_last import channels_last_warning, seems_channels_last
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.input_checks import check_inputs
from poolhouse.operators.layout import (
    CHANNELS_LAST,
    PlaneIndexKernel,
    join_shape,
    layout_field,
    moved_cost,
    moved_factory,
    pool_moved,
    pool_samples_moved,
    split_shape,
)
from poolhouse.operators.loop_costs import MAX_CACHED_WINDOWS, KernelFactory
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Operator, Planes, Sample
from poolhouse.operators.tracing import Geometry, PooledArrays, SizeFormula, TracedElement
from poolhouse.tensors import Tensor, TensorMetadata

MAX_LOOP_AXES: Final = 3
"""Axes that the compiled loops of windows take."""


@dataclass(frozen=True)
class PlaneOperator(Operator):
    """Base class of operators that pool planes."""

    pools_samples: ClassVar[bool] = False
    """Whether outputs depend on several channels. Then ``(C, *spatial)`` is pooled at once instead of each plane, and
    the methods that an author writes get it in the place of ``(*spatial)``, except :meth:`spatial_out`."""
    loops_take_channels: ClassVar[bool] = False
    """Whether :meth:`kernel_factory` can treat a further axis as one with windows of one element."""

    layout: str = layout_field()

    # ---- written by an author

    def spatial_out(self, spatial: Sizes) -> Sizes:
        """The output's spatial sizes.

        Raises:
            Unprocessable: the spec does not fit the input; the message says how to mend it.
        """
        raise NotImplementedError

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """The cost of :meth:`pool` for a plane, in steps and in memory."""
        raise NotImplementedError

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        """Pool planes with torch.

        Args:
            planes: ``input`` as ``(P, *spatial)`` with P ≥ 1, the other :attr:`inputs`, and :meth:`random_inputs`.

        Returns:
            one ``(P, *spatial_out)`` tensor for each output, in the order of :meth:`outputs`.
        """
        raise NotImplementedError

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Compiled loops that equal :meth:`pool` on the CPU, for planes of these sizes; None if the operator has none.

        The plan uses them where they are cheaper. ``make`` is called only for a plan within the limits.
        """
        return None

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        """Pool one plane in plain Python: slow, but obviously right. The oracle that tests compare :meth:`pool` with.

        Args:
            plane: ``(*spatial)``, numbers or booleans.
            companion: the plane's indices or random samples, if the operator has any.

        Returns:
            for each output, its elements in row-major order.
        """
        raise NotImplementedError

    def output_type(self, dtype: ElementType) -> ElementType:
        """Element type of ``output`` for this input; ``indices`` are int64, ``valid`` is float32."""
        return dtype

    def sizes_by_output(self, spatial: Sizes) -> Mapping[str, Sizes]:
        """The sizes of each output without N and C."""
        return dict.fromkeys(self.outputs(), self.spatial_out(spatial))

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        """The shape of an output with these sizes, for an input with these N and C, or C alone."""
        return join_shape(batch_shape, sizes, channels_last=self.is_channels_last)

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        """Sentences about legal requests that are probably mistakes."""
        return ()

    def type_warnings(self, dtype: ElementType) -> Sequence[str]:
        """As :meth:`warnings`, about fields that do not suit the input's element type."""
        return ()

    def pools_axis(self, axis: int, length: int) -> bool:
        """Whether a window has more than one position along this axis, padding included."""
        return True

    def window_count(self, spatial: Sizes) -> int:
        """The windows whose positions a kernel holds, summed over the axes."""
        return sum(self.spatial_out(spatial))

    def check_element_type(self, dtype: ElementType) -> None:
        """Refuse an element type that :attr:`element_types` has, but that these fields do not take."""

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        """Refuse a spec whose fields name an N or C other than the input's."""

    def random_inputs(self, planes: int, begin: int = 0) -> Mapping[str, npt.NDArray[np.float64]]:
        """Random inputs of :meth:`pool` as ``(P, …)`` arrays.

        Args:
            planes: number of planes.
            begin: index of the first of them among the request's planes; the values of a plane do not depend on it.
        """
        return {}

    def decode_planes(
        self, planes: dict[str, npt.NDArray[np.generic]], begin: int
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Inputs as :meth:`run` takes them: adapters convert indices that count through the whole request.

        Args:
            planes: ``(P, *plane_shape)`` arrays by name, which must not be written to.
            begin: index of the first of them in the request.
        """
        return planes

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        """Positions of padding before and after this axis."""
        return 0, 0

    def padding_number(self) -> Number | str | None:
        """What a position of the padding stands for; None if it does not count."""
        return None

    def size_formulas(self, spatial: Sizes) -> Sequence[SizeFormula]:
        """How the output's sizes follow from these."""
        return ()

    def traced_plane_positions(self, spatial: Sizes) -> int:
        """The positions that :meth:`trace_of_plane` lists for one channel of these sizes."""
        return math.prod(spatial) * math.prod(self.spatial_out(spatial))

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        """What each output element of a plane was pooled from; as far as is known here, from all of it.

        Args:
            plane: its inputs as for :meth:`reference_of_plane`, and its outputs.
        """
        given = plane.inputs["input"].reshape(-1)
        shown = plane.terms(given.tolist()).joined()
        for output in self.traced_outputs():
            for place in range(len(plane.outputs[output])):
                yield TracedElement(
                    output=output,
                    place=place,
                    results=(output,),
                    positions=range(len(given)),
                    arithmetic=f"{self.reduction_name()}({shown}) = {plane.result_text(output, place)}",
                )

    # ---- derived from the declaration

    @property
    def is_channels_last(self) -> bool:
        """Whether inputs and outputs have their channels last."""
        return self.layout == CHANNELS_LAST

    @property
    def _moves_planes(self) -> bool:
        return self.is_channels_last and not self.pools_samples

    def plane_shape(self, batch_shape: Sizes, spatial: Sizes) -> Sizes:
        """The shape of what is pooled at once: ``(*spatial)``, or ``(*spatial, C)`` and ``(C, *spatial)``."""
        if self.is_channels_last:
            return (*spatial, batch_shape[-1])
        return (batch_shape[-1], *spatial) if self.pools_samples else spatial

    def spatial_of(self, plane_shape: Sizes) -> Sizes:
        """The spatial sizes of :meth:`plane_shape`."""
        return plane_shape[: self.rank] if self.is_channels_last else plane_shape[-self.rank :]

    def output_metadata(self, batch_shape: Sizes, spatial: Sizes, dtype: ElementType) -> dict[str, TensorMetadata]:
        """The element type and shape of each output, in order."""
        types = {"indices": INT64, "valid": FLOAT32}
        return {
            name: TensorMetadata(types.get(name) or self.output_type(dtype), self.output_shape(batch_shape, sizes))
            for name, sizes in self.sizes_by_output(spatial).items()
        }

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        """Pool planes with torch, in the layout of the spec.

        Args:
            planes: ``(P, *plane_shape)``, and the arrays of :meth:`draw_random_inputs`.

        Returns:
            ``(P, …)`` tensors in the order of :meth:`outputs`.
        """
        if not self.is_channels_last:
            return self.pool(planes)
        if self.pools_samples:
            return pool_samples_moved(self.pool, planes)
        return pool_moved(self.pool, planes, frozenset(self.inputs))

    def draw_random_inputs(
        self, plane_shape: Sizes, planes: int, begin: int = 0
    ) -> Mapping[str, npt.NDArray[np.float64]]:
        """The random inputs of :meth:`run`: ``(P, …)``, or ``(P, C, …)`` with channels last.

        Args:
            plane_shape: what is pooled at once.
            planes: the number of those.
            begin: the index of the first of them in the request.
        """
        if not self._moves_planes:
            return self.random_inputs(planes, begin)
        channels = plane_shape[-1]
        drawn = self.random_inputs(planes * channels, begin * channels)
        return {name: array.reshape(planes, channels, *array.shape[1:]) for name, array in drawn.items()}

    def reference(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        """Pool one ``plane_shape`` in plain Python, in the layout of the spec; see :meth:`reference_of_plane`."""
        if not self.is_channels_last:
            return self.reference_of_plane(plane, companion)
        if self.pools_samples:
            found = self.reference_of_plane(np.moveaxis(plane, -1, 0), companion)
            sizes = self.sizes_by_output(self.spatial_of(plane.shape)).values()
            # The number of channels of an output may differ from the input's.
            shapes = [
                (len(column) // max(math.prod(each), 1), *each) for column, each in zip(found, sizes, strict=True)
            ]
            return tuple(_moved_last(column, shape) for column, shape in zip(found, shapes, strict=True))
        samples = [None] * plane.shape[-1] if companion is None else _by_channel(companion, self, plane.shape)
        columns = [self.reference_of_plane(plane[..., channel], samples[channel]) for channel in range(plane.shape[-1])]
        # An output with channels last has the elements of all channels at each position.
        return tuple(
            [number for numbers in zip(*column, strict=True) for number in numbers]
            for column in zip(*columns, strict=True)
        ) or tuple([] for _ in self.outputs())

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        """The cost of :meth:`run` for one ``plane_shape``."""
        if not self.is_channels_last:
            return self.cost(plane_shape, dtype)
        spatial = self.spatial_of(plane_shape)
        if self.pools_samples:
            return self._moved_cost(self.cost((plane_shape[-1], *spatial), dtype), plane_shape, 1, dtype)
        return self._moved_cost(self.cost(spatial, dtype), plane_shape, plane_shape[-1], dtype)

    def _moved_cost(self, cost: Cost, plane_shape: Sizes, channels: int, dtype: ElementType) -> Cost:
        spatial = self.spatial_of(plane_shape)
        outputs = self.output_metadata((plane_shape[-1],), spatial, dtype).values()
        pooled = Cost(cost.plane_steps * channels, cost.call_steps, cost.plane_bytes * channels, cost.call_bytes)
        itemsize = dtype.itemsize + 8 * (len(self.inputs) - 1)
        return moved_cost(pooled, math.prod(plane_shape) * itemsize, sum(each.nbytes for each in outputs))

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Compiled loops that equal :meth:`run` on the CPU, for one ``plane_shape``; None if there are none."""
        if not self.is_channels_last:
            return self.kernel_factory(plane_shape, dtype)
        spatial, channels = self.spatial_of(plane_shape), plane_shape[-1]
        if self.pools_samples:
            return None
        if self.loops_take_channels and self.rank < MAX_LOOP_AXES:
            loops = self.kernel_factory(plane_shape, dtype)
            if loops is not None and "indices" in self.outputs():
                make = loops.make
                loops = replace(loops, make=lambda: PlaneIndexKernel(make(), channels))
            if loops is not None:
                return loops
        loops = self.kernel_factory(spatial, dtype)
        if loops is None:
            return None
        cost = self._moved_cost(loops.cost, plane_shape, channels, dtype)
        return moved_factory(loops, cost, frozenset(self.inputs))

    # ---- traces

    def trace_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        """What each output element of a ``plane_shape`` was pooled from, in the layout of the spec."""
        if not self.is_channels_last:
            yield from self.trace_of_plane(plane)
        elif self.pools_samples:
            yield from self._trace_moved(plane)
        else:
            yield from self._trace_channels(plane)

    def _trace_channels(self, plane: PooledArrays) -> Iterator[TracedElement]:
        channels = plane.inputs["input"].shape[-1]
        for channel in range(channels):
            inputs = {
                name: array[..., channel] if name in self.inputs else array[channel]
                for name, array in plane.inputs.items()
            }
            outputs = {name: array.reshape(-1, channels)[:, channel] for name, array in plane.outputs.items()}
            for each in self.trace_of_plane(replace(plane, inputs=inputs, outputs=outputs)):
                positions = [position * channels + channel for position in each.positions]
                yield replace(each, place=each.place * channels + channel, positions=positions)

    def _trace_moved(self, plane: PooledArrays) -> Iterator[TracedElement]:
        given = plane.inputs["input"]
        sizes = self.sizes_by_output(self.spatial_of(given.shape))
        places = {name: _channels_first(len(array), sizes[name]) for name, array in plane.outputs.items()}
        outputs = {name: array[places[name]] for name, array in plane.outputs.items()}
        inputs = {name: np.moveaxis(array, -1, 0) for name, array in plane.inputs.items()}
        at = _channels_first(given.size, given.shape[:-1])
        for each in self.trace_of_plane(replace(plane, inputs=inputs, outputs=outputs)):
            positions = [at[position] for position in each.positions]
            yield replace(each, place=places[each.output][each.place], positions=positions)

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        given = self.slice_inputs(pooled.inputs, planes, plane_shape, 0, planes)
        found = {name: array.reshape(planes, -1) for name, array in pooled.outputs.items()}
        for number in range(planes):
            plane = PooledArrays(
                {name: array[number] for name, array in given.items()},
                {name: array[number] for name, array in found.items()},
                pooled.types,
            )
            sizes = {"input": plane.inputs["input"].size, **{name: len(each) for name, each in plane.outputs.items()}}
            for each in self.trace_plane(plane):
                begin = number * sizes[each.of]
                positions = [begin + position for position in each.positions]
                yield replace(each, place=number * sizes[each.output] + each.place, positions=positions)

    def traced_positions(self, inputs: Mapping[str, TensorMetadata]) -> int:
        batch_shape, spatial = split_shape(inputs["input"].shape, self.rank, channels_last=self.is_channels_last)
        return math.prod(batch_shape) * self.traced_plane_positions(spatial)

    def traced_geometry(self, inputs: Mapping[str, TensorMetadata]) -> Geometry:
        shape = inputs["input"].shape
        end = len(shape) - self.is_channels_last
        axes = tuple(range(end - self.rank, end))
        padding = [self.padding_at(number, shape[axis]) for number, axis in enumerate(axes)]
        before, after = (tuple(side) for side in zip(*padding, strict=True))
        return Geometry(
            axes, before, after, self.padding_number(), self.size_formulas(tuple(shape[axis] for axis in axes))
        )

    # ---- what the service asks of every operator

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        batch_shape, spatial = check_inputs(self, inputs)
        dtype = inputs["input"].dtype
        outputs = self.output_metadata(batch_shape, spatial, dtype)
        plane_shape = self.plane_shape(batch_shape, spatial)
        # Channels that are part of a plane may be 0, too.
        planes = math.prod(batch_shape) * math.prod(spatial) // max(math.prod(plane_shape), 1)
        plane_shape = plane_shape if planes else self.plane_shape((1,), spatial)
        channels = (math.prod(plane_shape) // math.prod(spatial),)
        return Arrangement(
            inputs=dict(inputs),
            outputs=outputs,
            planes=planes,
            plane_shape=plane_shape,
            plane_output_bytes=sum(each.nbytes for each in self.output_metadata(channels, spatial, dtype).values()),
            plane_sizes=spatial,
            warnings=(
                *self._layout_warnings(batch_shape, spatial),
                *self.warnings(spatial),
                *self.type_warnings(dtype),
            ),
        )

    def _layout_warnings(self, batch_shape: Sizes, spatial: Sizes) -> tuple[str, ...]:
        # Windows along some axes only are intended: a network over text pools (N, C, words, 1) by (3, 1).
        if self.is_channels_last:
            return ()
        if seems_channels_last(batch_shape[-1], spatial) and all(map(self.pools_axis, range(self.rank), spatial)):
            return (channels_last_warning(batch_shape, spatial),)
        return ()

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        return self.cost_of(arrangement.plane_shape, arrangement.inputs["input"].dtype)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        return self.loops_of(arrangement.plane_shape, arrangement.inputs["input"].dtype)

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        loops = self.loops_of(plane_shape, inputs["input"].dtype)
        return None if loops is None else loops.make()

    def keeps_kernel(self, plane_shape: Sizes) -> bool:
        return self.window_count(self.spatial_of(plane_shape)) <= MAX_CACHED_WINDOWS

    def views_inputs(self) -> bool:
        kind = type(self)
        return (
            kind.prepare_inputs is Operator.prepare_inputs
            and kind.slice_inputs is PlaneOperator.slice_inputs
            and kind.decode_planes is PlaneOperator.decode_planes
            and kind.draw_random_inputs is PlaneOperator.draw_random_inputs
            and kind.random_inputs is PlaneOperator.random_inputs
        )

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        shape = (planes, *plane_shape)
        sliced = {name: array.reshape(shape) for name, array in arrays.items()}
        if stop - start < planes:
            sliced = {name: array[start:stop] for name, array in sliced.items()}
        sliced = self.decode_planes(sliced, start)
        # Drawn per slice: two numbers for each of a hundred million planes are gigabytes.
        sliced.update(self.draw_random_inputs(plane_shape, stop - start, start))
        return sliced

    def batch_size(self, inputs: Mapping[str, TensorMetadata]) -> int:
        shape = inputs["input"].shape
        return shape[0] if len(shape) == 2 + self.rank else 1

    def largest_plane(self, shapes: Mapping[str, Sizes]) -> int:
        plane_shape = shapes["input"][1:]
        spatial = self.spatial_of(plane_shape)
        channels = math.prod(plane_shape) // math.prod(spatial)
        return max(math.prod(plane_shape), math.prod(self.spatial_out(spatial)) * channels)

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        spec = cls.of(**sample.fields)
        shape = join_shape((1, 1), sample.spatial[-cls.rank :], channels_last=spec.is_channels_last)
        dtype = ELEMENT_TYPES[sample.dtype]
        tensors = {"input": Tensor(dtype, np.zeros(shape, dtype.storage))}
        for each in filter(lambda each: each.is_required, cls.companions):
            tensors[each.name] = Tensor(each.default_type, np.zeros(shape, each.default_type.storage))
        return tensors


def _channels_first(count: int, sizes: Sizes) -> list[int]:
    """For each element with its channels first, its flat index with channels last; without sizes there is no axis."""
    indices = np.arange(count)
    moved: list[int] = (np.moveaxis(indices.reshape(*sizes, -1), -1, 0) if sizes else indices).reshape(-1).tolist()
    return moved


def _moved_last(column: list[Number], shape: Sizes) -> list[Number]:
    """The elements of ``shape`` with its first axis moved to the end."""
    numbers = np.empty(len(column), dtype=object)
    numbers[:] = column
    moved: list[Number] = np.moveaxis(numbers.reshape(shape), 0, -1).reshape(-1).tolist()
    return moved


def _by_channel(
    companion: npt.NDArray[np.generic], spec: PlaneOperator, plane_shape: Sizes
) -> list[npt.NDArray[np.generic]]:
    """The companion of each channel: of a plane's shape with channels last, or random samples with channels first."""
    axis = -1 if "indices" in spec.inputs else 0
    return [np.take(companion, channel, axis) for channel in range(plane_shape[-1])]
