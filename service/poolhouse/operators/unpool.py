"""max_unpool1d, max_unpool2d, max_unpool3d."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.kernels.unpooling import UnpoolKernel
from poolhouse.operators.costs import STEPS_PER_BYTE, STEPS_PER_CALL, Cost, byte_steps
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.inputs import INDICES, TensorInput
from poolhouse.operators.layout import split_shape
from poolhouse.operators.loop_costs import KernelFactory, unpool_loops_cost
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.padding import SAME, SAME_LOWER, Padding, padding_at_axis
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.operators.sliding import dilation_field, kernel_size_field, padding_field, stride_field
from poolhouse.operators.tracing import PooledArrays, SizeFormula, TracedElement, number_text, shortened
from poolhouse.operators.unsigned import as_bits
from poolhouse.tensors import Tensor


@operator("max_unpool")
class MaxUnpool(PlaneOperator):
    """Puts each value back to the position that max pooling took it from, and zero everywhere else.

    If an index occurs more than once in a plane, the last value in row-major order is kept.
    The fields are those of the pooling that is undone. Indices refer to a plane of its input, so its sizes must be
    right: give them as ``output_size`` if pooling had rounded.
    """

    shape_rule: ClassVar[str] = (
        "input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and ``after`` are the "
        'padding, or ``L·stride`` with padding "same"; or ``output_size``, which may differ by less than stride; '
        "without a dilation it may be up to twice as large, in case pooling had one."
    )
    source: ClassVar[str] = "torch.nn.functional.max_unpool1d, max_unpool2d, max_unpool3d"
    companions: ClassVar[tuple[TensorInput, ...]] = (INDICES,)
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Moved, never changed.",
        "integer": "Moved, never changed.",
        "boolean": "Moved, never changed; all other elements are false.",
    }
    padding_value: ClassVar[str] = "padding is that of the pooling; it only determines the output's size."
    index_meaning: ClassVar[str] = "int64, flat within one output plane, counted from 0 for each n and c."

    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    padding: Padding = padding_field("Positions that pooling had added before and after its input")
    output_size: Sizes | None = field(
        IntegerPerAxis(1, allows_batch_sizes=True),
        "Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.",
        default=None,
        example=None,
    )
    dilation: Sizes = dilation_field()
    ceil_mode: bool = field(
        Flag(),
        "Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in any case.",
        default=False,
        example=False,
    )

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return "kernel_size", "stride", "padding", "output_size"

    samples = (
        Sample((3, 4, 5), {"kernel_size": 2}),
        Sample((3, 4, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Sample((3, 4, 5), {"kernel_size": 2, "stride": 3, "dilation": 3, "ceil_mode": True}),
        Sample((3, 4, 5), {"kernel_size": 3, "stride": 2, "padding": "same"}),
        Sample((3, 4, 5), {"kernel_size": 2}, dtype="bfloat16"),
        Sample((3, 4, 5), {"kernel_size": 2}, dtype="uint8"),
    )
    refusals = (
        Refusal((8, 8, 8), {}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "stride": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "padding": -1}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_size": 20000}, "shape_mismatch"),
        Refusal((8, 8, 8), {"kernel_size": 2, "output_size": 14}, "shape_mismatch"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 2, "output_size": 19}, "shape_mismatch"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 2**31 - 1}, "output_too_large"),
        Refusal((1, 1, 1), {"kernel_size": 2, "padding": 1}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"kernel_size": 2**31 - 1}, "output_too_large"),
    )

    def spatial_out(self, spatial: Sizes) -> Sizes:
        sizes = tuple(self._default_output_size(axis, length) for axis, length in enumerate(spatial))
        if self.output_size is None:
            asked = sizes
        else:
            asked = self.output_size[-self.rank :]
            for axis, size in enumerate(sizes):
                self._check_output_size(axis, asked[axis], size, spatial[axis])
        for axis, size in enumerate(asked):
            if size < 1:
                raise Unprocessable(
                    "window_does_not_fit",
                    f"the output would have {size} positions on axis {axis_names(self.rank)[axis]}; "
                    "use less padding or a larger kernel_size.",
                )
        return asked

    def _default_output_size(self, axis: int, length: int) -> int:
        """The least input length that pooling reduces to this length; the largest with padding "same"."""
        if self._is_same:
            return length * self.stride[axis]
        span = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
        sides = padding_at_axis(self.padding, axis, length, stride=self.stride[axis], span=span)
        return (length - 1) * self.stride[axis] + span - sum(sides)

    @property
    def _is_same(self) -> bool:
        return self.padding in (SAME, SAME_LOWER)

    def _check_output_size(self, axis: int, asked: int, size: int, length: int) -> None:
        """Refuse an ``output_size`` that pooling, rounding either way, cannot have reduced to the input's length."""
        least, most = max(size - self.stride[axis] + 1, 1), size + self.stride[axis] - 1
        if self._is_same:
            most = size
        elif self.dilation[axis] == 1 < self.kernel_size[axis]:
            # Torch's unpooling has no dilation, but its pooling has, so the client may have left one out. The bound
            # prevents a small request from asking for all memory.
            most = max(most, 2 * size)
        if not least <= asked <= most:
            raise Unprocessable(
                "shape_mismatch",
                f"output_size {asked} on axis {axis_names(self.rank)[axis]} cannot have been pooled to {length}: "
                f"with these fields it lies between {least} and {most}. "
                "Give all fields of the pooling that is undone, including its dilation, and the sizes of its input.",
            )

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.kernel_size[axis] > 1

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        """Refuse N and C in ``output_size`` that are not the input's; torch ignores wrong ones."""
        given = () if self.output_size is None else self.output_size[: -self.rank]
        if given and given != batch_shape:
            raise Unprocessable(
                "shape_mismatch",
                f"output_size begins with {list(given)}, but the input with {list(batch_shape)}; leave N and C out.",
            )

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        # The output is filled with zeros. Each value is written by index, in large planes with a cache miss.
        nbytes = math.prod(self.spatial_out(spatial)) * dtype.itemsize
        write_steps = 2.5 + 25 * (byte_steps(nbytes) - STEPS_PER_BYTE)
        return Cost(math.prod(spatial) * write_steps + nbytes * byte_steps(nbytes), 10 * STEPS_PER_CALL, 0.0)

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        indices = tensors["indices"].array
        if indices.size == 0:
            return
        spatial = split_shape(indices.shape, self.rank, channels_last=self.is_channels_last)[1]
        plane = math.prod(self.spatial_out(spatial))
        least, most = int(indices.min()), int(indices.max())
        if least < 0 or most >= plane:
            wrong = least if least < 0 else most
            raise Unprocessable(
                "index_out_of_range",
                f"index {wrong} lies outside its output plane of {plane} elements (0 to {plane - 1}); "
                "send the indices of the pooling that is undone, with the same fields and output_size.",
            )

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        assert companion is not None, "unpooling needs indices"
        flat: list[Number] = [0] * math.prod(self.spatial_out(plane.shape))
        for index, value in zip(companion.reshape(-1).tolist(), plane.reshape(-1).tolist(), strict=True):
            flat[index] = value
        return (flat,)

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return math.prod(spatial)

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        values, dtype = plane.inputs["input"].reshape(-1).tolist(), plane.types["input"]
        sources: dict[int, list[int]] = {}
        for position, index in enumerate(plane.inputs["indices"].reshape(-1).tolist()):
            sources.setdefault(index, []).append(position)
        for place in range(len(plane.outputs["output"])):
            # The last of equal indices is kept.
            positions = sources.get(place, [])
            result = plane.result_text("output", place)
            found = shortened(positions, lambda position: number_text(values[position], dtype))
            text = f"no index is {place}: {result}" if not found else f"index {place}: {result}"
            if len(found) > 1:
                text = f"index {place} of {', '.join(found)}: the last, {result}"
            yield TracedElement(
                output="output",
                place=place,
                results=self.outputs(),
                positions=positions,
                arithmetic=text,
                counted=[position == positions[-1] for position in positions],
                winner=len(positions) - 1 if positions else None,
            )

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        out = self.spatial_out(spatial)
        return [
            SizeFormula(axis, length, outputs, self._size_text(axis, length, outputs))
            for axis, (length, outputs) in enumerate(zip(spatial, out, strict=True))
        ]

    def _size_text(self, axis: int, length: int, outputs: int) -> str:
        stride, kernel, apart = self.stride[axis], self.kernel_size[axis], self.dilation[axis]
        size = self._default_output_size(axis, length)
        if self._is_same:
            text = f"{length}·{stride} = {size}"
        else:
            span = apart * (kernel - 1) + 1
            before, after = padding_at_axis(self.padding, axis, length, stride=stride, span=span)
            text = f"({length} - 1)·{stride} + {apart}·({kernel} - 1) + 1 - {before} - {after} = {size}"
        return text if size == outputs else f"{text}, {outputs} by output_size"

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        out = self.spatial_out(spatial)
        return KernelFactory(unpool_loops_cost(spatial, out, dtype), lambda: UnpoolKernel(out))

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        given, indices = planes["input"], planes["indices"]
        values = as_bits(given)
        spatial = tuple(values.shape[1:])
        out = self.spatial_out(spatial)
        count, size = values.shape[0], math.prod(out)
        flat_values = values.reshape(count, -1)
        flat_indices = indices.reshape(count, -1)
        output = values.new_zeros((count, size))
        if is_on_cpu(values):
            # On the CPU a row is scattered in order, so the last of equal indices is kept. 16-bit floats are scattered
            # as integers, because torch scatters floats through two more tensors of the output's size.
            short = values.is_floating_point() and values.element_size() == 2
            bits = torch.int16 if short else values.dtype
            output.view(bits).scatter_(1, flat_indices, flat_values.view(bits))
        else:
            # On other devices the order is undefined. First find the last position of each index; then all positions
            # with one index write the same value. Only elements that have an index are written and read again.
            position = torch.arange(flat_indices.shape[1], device=values.device).expand_as(flat_indices)
            last = torch.empty((count, size), dtype=torch.int64, device=values.device)
            last.scatter_(1, flat_indices, -1).scatter_reduce_(1, flat_indices, position, reduce="amax")
            output.scatter_(1, flat_indices, flat_values.gather(1, last.gather(1, flat_indices)))
        return (output.view(given.dtype).reshape(count, *out),)
