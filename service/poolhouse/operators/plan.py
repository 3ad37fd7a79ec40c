"""Plans: what a spec, shapes and element types determine before any data is read.

Everything here is arithmetic on plain integers: no memory is allocated and torch is not called.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from poolhouse.errors import Unprocessable
from poolhouse.kernels.registry import loops_are_loaded
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import STEPS_PER_BYTE, Cost, byte_steps
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes
from poolhouse.operators.numbers import Array
from poolhouse.operators.operator import Operator
from poolhouse.tensors import Tensor, TensorMetadata

_MAX_ARRAY_BYTES: Final = 2**63 - 1
"""Limit of numpy for one array; it leaves sizes of 0 out of the product."""
_MAX_PLANE_WORKSPACE_BYTES: Final = 4 * 2**30
"""Limit of the workspace of one plane. A plane is never split, and ten bytes of input can ask for a billion windows."""
PIECE_BYTES: Final = 64 * 2**20
"""Input, output and workspace of the planes that are pooled in one call; a call has at least one plane."""
PIECE_STEPS: Final = 200_000_000
"""Steps of one call, a fifth of a second of one core: other requests wait until the call returns."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request.

    Attributes:
        max_output_bytes: of all outputs.
        max_steps: the steps of the plan.
        allow_compiled_loops: whether compiled loops may pool on the CPU, if they are loaded; else torch pools
            everything.
    """

    max_output_bytes: int
    max_steps: int
    allow_compiled_loops: bool = True


@dataclass(frozen=True)
class Plan:
    """The plan of a request. Plans are cached and used for every equal request, so derived values are cached too.

    Attributes:
        spec: the operator with its fields.
        inputs: metadata by name.
        outputs: metadata by name, in the order of the response.
        planes: number of planes, which are pooled independently: N·C, or N if all channels of a sample are pooled at
            once, or the number of regions; 0 for an empty batch.
        plane_shape: what requests of a batch agree in: the shape of a plane, ``(*spatial)``, ``(*spatial, C)`` or
            ``(C, *spatial)``; of regions, the sizes that they share.
        plane_steps: steps of the chosen algorithm for one plane; a step is about a nanosecond of one core.
        call_steps: steps for a batch, independent of the number of its planes.
        plane_workspace_bytes: workspace of one plane.
        call_bytes: memory that all planes of a batch share.
        uses_compiled_loops: whether compiled loops are cheaper than torch on the CPU.
        warnings: sentences for the client.
    """

    spec: Operator
    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]
    planes: int
    plane_shape: Sizes
    plane_steps: int
    call_steps: int
    plane_workspace_bytes: int
    call_bytes: int
    uses_compiled_loops: bool
    warnings: tuple[str, ...]

    def with_seed(self) -> Plan:
        """This plan with a seed drawn where the spec needs one and has none."""
        spec = self.spec.with_seed()
        return self if spec is self.spec else dataclasses.replace(self, spec=spec)

    @cached_property
    def has_notes(self) -> bool:
        """Whether a response tells more than the outputs: the seed, or warnings."""
        return getattr(self.with_seed().spec, "seed", None) is not None or bool(self.warnings)

    @cached_property
    def batch_size(self) -> int:
        """Size of the leading axis N; 1 if the input has no such axis."""
        return self.spec.batch_size(self.inputs)

    @cached_property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(metadata.nbytes for metadata in self.inputs.values())

    @cached_property
    def checked_bytes(self) -> int:
        """Bytes that the check of the elements reads and makes."""
        return self.input_bytes + self.planes * self.spec.region_bytes

    @cached_property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(metadata.nbytes for metadata in self.outputs.values())

    @cached_property
    def steps(self) -> int:
        """Steps of all planes in one batch."""
        return 0 if self.is_empty else self.planes * self.plane_steps + self.call_steps

    @cached_property
    def plane_bytes(self) -> int:
        """Input, output and workspace of one plane. Only for a plan with planes."""
        return -(-(self.input_bytes + self.output_bytes) // self.planes) + self.plane_workspace_bytes

    @cached_property
    def is_empty(self) -> bool:
        """Whether the batch or the output is empty."""
        return self.planes == 0 or 0 in next(iter(self.outputs.values())).shape

    def kernel(self) -> Kernel | None:
        """The compiled loops for this plan on the CPU; None where torch pools, and for an empty plan."""
        if self.is_empty or not self.uses_compiled_loops:
            return None
        if self._keeps_kernel:
            return self._cached_kernel
        return self.spec.make_kernel(self.plane_shape, self.inputs)

    @cached_property
    def _keeps_kernel(self) -> bool:
        return self.spec.keeps_kernel(self.plane_shape)

    @cached_property
    def _cached_kernel(self) -> Kernel | None:
        return self.spec.make_kernel(self.plane_shape, self.inputs)

    @cached_property
    def _views_inputs(self) -> bool:
        return self.spec.views_inputs()

    @cached_property
    def encodes_outputs(self) -> bool:
        """Whether the operator changes its outputs once they are pooled."""
        return type(self.spec).encode_output is not Operator.encode_output

    def whole_inputs(self, tensors: Mapping[str, Tensor]) -> dict[str, Array]:
        """What pooling all planes needs; a random spec must have its seed."""
        arrays = {name: tensor.array for name, tensor in tensors.items()}
        if not self._views_inputs:
            return self.slice_inputs(self.spec.prepare_inputs(arrays, self.planes), 0, self.planes)
        shape = (self.planes, *self.plane_shape)
        for name, array in arrays.items():
            arrays[name] = array.reshape(shape)
        return arrays

    def slice_inputs(self, arrays: Mapping[str, Array], start: int, stop: int) -> dict[str, Array]:
        """What pooling planes ``start`` to ``stop`` needs; a random spec must have its seed."""
        return self.spec.slice_inputs(arrays, self.planes, self.plane_shape, start, stop)

    @cached_property
    def workspace_bytes(self) -> int:
        """Memory for intermediate results of the planes of one call, in addition to inputs and outputs.

        Planes beyond one piece are pooled piece by piece, and the outputs of each piece are copied.
        """
        if self.is_empty:
            return 0
        fits = min(PIECE_BYTES // max(self.plane_bytes, 1), PIECE_STEPS // max(self.plane_steps, 1))
        piece = max(1, min(fits, self.planes))
        copied = 0 if piece == self.planes else piece * (self.output_bytes // self.planes)
        return piece * self.plane_workspace_bytes + self.call_bytes + copied

    @cached_property
    def held_bytes(self) -> int:
        """Input, output and workspace: what the request holds until its response is sent."""
        return self.input_bytes + self.output_bytes + self.workspace_bytes

    @cached_property
    def batch_key(self) -> Hashable:
        """Requests with equal keys can share a batch. N is not part of the key, and C only if it is in a plane."""
        return (self.spec.spec_key(), self.inputs["input"].dtype.name, self.plane_shape)


def make_plan(
    spec: Operator,
    inputs: Mapping[str, TensorMetadata],
    limits: Limits,
    tensors: Mapping[str, Tensor] | None = None,
) -> Plan:
    """The plan for inputs with this metadata.

    Args:
        spec: the operator with its fields.
        inputs: their metadata.
        limits: of the request.
        tensors: the inputs, where their elements are known and determine the work; else the plan has the most.

    Raises:
        Unprocessable: the spec does not fit the inputs, or the request is beyond the limits.
    """
    arrangement = spec.arrange(inputs)
    if tensors is not None:
        arrangement = spec.measure(arrangement, tensors)
    # An empty batch is checked as one plane, so that a spec is refused or accepted whatever the number of planes is.
    counted, plane_output_bytes = max(arrangement.planes, 1), arrangement.plane_output_bytes
    for metadata in arrangement.outputs.values():
        _check_output(metadata.shape, counted * plane_output_bytes, limits)
    cost, loops = Cost(0.0, 0.0, 0.0), None
    if plane_output_bytes:
        cost = spec.arranged_cost(arrangement)
        loops = spec.arranged_loops(arrangement) if limits.allow_compiled_loops and loops_are_loaded() else None
        if loops is not None and loops.is_cheaper(cost, counted):
            cost = loops.cost
    # The pages of large outputs are new to the process, which costs more for each byte.
    fresh_page_steps = plane_output_bytes * (byte_steps(counted * plane_output_bytes) - STEPS_PER_BYTE)
    plane_steps, call_steps = math.ceil(cost.plane_steps + fresh_page_steps), math.ceil(cost.call_steps)
    plane_workspace = math.ceil(cost.plane_bytes)
    call_bytes = math.ceil(cost.call_bytes) + counted * spec.region_bytes
    _check_work(spec, counted * plane_steps + call_steps, limits)
    _check_workspace(plane_workspace + call_bytes, arrangement.plane_sizes)
    return Plan(
        spec=spec,
        inputs=arrangement.inputs,
        outputs=arrangement.outputs,
        planes=arrangement.planes,
        plane_shape=arrangement.plane_shape,
        plane_steps=plane_steps,
        call_steps=call_steps,
        plane_workspace_bytes=plane_workspace,
        call_bytes=call_bytes,
        uses_compiled_loops=loops is not None and cost is loops.cost,
        warnings=arrangement.warnings,
    )


def _check_output(shape: Sizes, nbytes: int, limits: Limits) -> None:
    if nbytes > limits.max_output_bytes:
        raise Unprocessable(
            "output_too_large",
            f"the outputs of shape {list(shape)} would take {nbytes} bytes; the limit is {limits.max_output_bytes}. "
            "Ask for a smaller output, or send fewer planes at once.",
            limit_bytes=limits.max_output_bytes,
        )
    if math.prod(size for size in shape if size) * 8 > _MAX_ARRAY_BYTES:
        raise Unprocessable(
            "output_too_large",
            f"the outputs of shape {describe_value(list(shape))} have no elements, but sizes that no array can have; "
            "ask for smaller sizes.",
            limit_bytes=limits.max_output_bytes,
        )


def _check_work(spec: Operator, steps: int, limits: Limits) -> None:
    if steps > limits.max_steps:
        raise Unprocessable(
            "work_too_large",
            f"this would take about {steps} steps of a nanosecond; the limit is {limits.max_steps}. {spec.less_work}",
        )


def _check_workspace(plane_workspace: int, sizes: Sizes) -> None:
    if plane_workspace > _MAX_PLANE_WORKSPACE_BYTES:
        raise Unprocessable(
            "work_too_large",
            f"the intermediate results of one plane of {describe_value(list(sizes))} would take {plane_workspace} "
            f"bytes; the limit is {_MAX_PLANE_WORKSPACE_BYTES}. "
            "Ask for a smaller output, or split the input into smaller ones.",
        )
