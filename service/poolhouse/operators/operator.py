"""What an operator declares, and what follows from the declaration for all of them.

An author writes one class under :func:`operator`: its fields in torch's order, a docstring, which element types
mean what, the shape rule, what happens to one window (the oracle), and how torch does it.
:class:`Operator` turns that into a validated spec, a plan with exact bytes, and the refusals.

Everything up to :meth:`Operator.check_elements` is plain integers: it allocates nothing and calls no torch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse import dtypes
from poolhouse.dtypes import ElementType, Kind
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.registry import loops_are_loaded
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.channels_last import channels_last_warning, seems_channels_last
from poolhouse.operators.costs import STEPS_PER_BYTE, Cost, byte_steps
from poolhouse.operators.field_problems import invalid_fields_error
from poolhouse.operators.fields import INT32_MAX, Field, FieldError, Sizes, describe_value, fields_of
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.tensors import Note, Tensor, TensorMetadata

Number = int | float | bool

Planes = Mapping[str, torch.Tensor]
"""Tensors by name with N and C folded into one leading axis: ``(P, *spatial)``."""


@dataclass(frozen=True)
class Sample:
    """A case that must work: for the laws, the warm-up, the documents and the benchmarks.

    Attributes:
        spatial: three sizes; an operator of rank r takes the last r.
        fields: the spec.
        dtype: element type of the input.
    """

    spatial: tuple[int, int, int]
    fields: Mapping[str, object]
    dtype: str = "float32"


@dataclass(frozen=True)
class Refusal:
    """A case that must be refused, and the code it is refused with."""

    spatial: tuple[int, int, int]
    fields: Mapping[str, object]
    code: str
    dtype: str = "float32"


_MAX_ARRAY_BYTES: Final = 2**63 - 1
"""Of one array, sizes of 0 left out: numpy counts so."""

WORKSPACE_BYTES: Final = 4 * 2**30
"""Intermediate results of one plane may take this much: a plane is never cut, and ten bytes of input can ask for a
billion windows."""


_MAX_CACHED_WINDOWS: Final = 4096
"""The places of so many windows are kept with a plan. Thousands of plans are."""
PIECE_BYTES: Final = 64 * 2**20
"""Planes that are pooled together stay within this, input, output and intermediate results; one plane always goes."""
PIECE_STEPS: Final = 200_000_000
"""And within this, a fifth of a second of one core: other requests wait until a piece is done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for at most, and by what it may be pooled.

    Attributes:
        output_bytes: of all outputs.
        work: steps.
        loops: whether compiled loops may pool on the CPU, where they are loaded; else torch does everything.
    """

    max_output_bytes: int
    max_steps: int
    allow_compiled_loops: bool = True


@dataclass(frozen=True)
class Plan:
    """All that is known of a request before it runs, from its spec and its metadata_by_name alone.

    Plans are remembered and asked again for each request like them, so what follows from one is worked out once.

    Attributes:
        spec: the operator with its fields.
        inputs: metadata_by_name by name.
        outputs: metadata_by_name by name, in the order they are answered.
        planes: how many (n, c) planes; 0 for an empty batch.
        spatial: the input's spatial sizes.
        plane_steps: steps of the algorithm that will run, for one plane; about a nanosecond of a core each.
        call_steps: steps for a batch, however many planes are in it.
        plane_workspace_bytes: memory for intermediate results of one plane.
        call_bytes: memory for what all planes of a batch share.
        by_loops: whether compiled loops are the cheaper way on the CPU.
        warnings: what a caller may want to know.
    """

    spec: Operator
    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]
    planes: int
    spatial: Sizes
    plane_steps: int
    call_steps: int
    plane_workspace_bytes: int
    call_bytes: int
    uses_compiled_loops: bool
    warnings: tuple[str, ...]

    def with_seed(self) -> Plan:
        """This plan with whatever chance has to decide decided."""
        spec = self.spec.with_seed()
        return self if spec is self.spec else dataclasses.replace(self, spec=spec)

    @cached_property
    def planes_shape(self) -> Sizes:
        """Of all planes: ``(P, *spatial)``."""
        return (self.planes, *self.spatial)

    @cached_property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(metadata.nbytes for metadata in self.inputs.values())

    @cached_property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(metadata.nbytes for metadata in self.outputs.values())

    @cached_property
    def steps(self) -> int:
        """Steps of all planes pooled together."""
        return 0 if self.is_empty else self.planes * self.plane_steps + self.call_steps

    @cached_property
    def plane_bytes(self) -> int:
        """Input, output and intermediate results of one plane; there is one."""
        return -(-(self.input_bytes + self.output_bytes) // self.planes) + self.plane_workspace_bytes

    @cached_property
    def is_empty(self) -> bool:
        """Whether the batch or the output is empty."""
        return self.planes == 0 or 0 in next(iter(self.outputs.values())).shape

    def kernel(self) -> Kernel | None:
        """The compiled loops that pool this on the CPU; None where torch does, or where there is nothing to pool."""
        if self.is_empty or not self.uses_compiled_loops:
            return None
        if sum(self.outputs["output"].shape[-self.spec.rank :]) <= _MAX_CACHED_WINDOWS:
            return self._cached_kernel
        return self.spec.make_kernel(self.spatial, self.inputs["input"].dtype)

    @cached_property
    def _cached_kernel(self) -> Kernel | None:
        return self.spec.make_kernel(self.spatial, self.inputs["input"].dtype)

    @cached_property
    def workspace_bytes(self) -> int:
        """Memory for intermediate results, beside input and outputs, of all planes that are pooled together.

        Planes that do not fit into one piece are pooled piece after piece, and a piece's outputs are copied.
        """
        if self.is_empty:
            return 0
        fits = min(PIECE_BYTES // max(self.plane_bytes, 1), PIECE_STEPS // max(self.plane_steps, 1))
        piece = max(1, min(fits, self.planes))
        copied = 0 if piece == self.planes else piece * (self.output_bytes // self.planes)
        return piece * self.plane_workspace_bytes + self.call_bytes + copied

    @cached_property
    def held_bytes(self) -> int:
        """Input, output and intermediate results: what the request keeps until it is answered."""
        return self.input_bytes + self.output_bytes + self.workspace_bytes

    @cached_property
    def batch_key(self) -> Hashable:
        """Requests of one key can be pooled in one batch: N and C are not in it."""
        return (self.spec.spec_key(), self.inputs["input"].dtype.name, self.spatial)


class Operator:
    """Base of every operator; an instance is a validated spec. Frozen, hashable."""

    family: ClassVar[str]
    """Torch's functional name without the rank: ``max_pool``."""
    ranks: ClassVar[tuple[int, ...]]
    rank: ClassVar[int]
    """Number of spatial axes."""
    name: ClassVar[str]
    """Torch's functional name: ``max_pool2d``."""
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    declared_fields: ClassVar[tuple[Field, ...]]
    element_types: ClassVar[Mapping[Kind, str]]
    """Which kinds of element type are taken, and what each means here, in one sentence."""
    padding_value: ClassVar[str] = "There is no padding."
    index_meaning: ClassVar[str] = ""
    source: ClassVar[str] = ""
    shape_rule: ClassVar[str]
    """Shapes of the inputs, and what becomes of each axis, in one sentence."""
    samples: ClassVar[tuple[Sample, ...]]
    refusals: ClassVar[tuple[Refusal, ...]]

    # ---- what an author writes

    def spatial_out(self, spatial: Sizes) -> Sizes:
        """The output's spatial sizes, or an Unprocessable that says how to mend the spec."""
        raise NotImplementedError

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """What the algorithm costs that :meth:`run` will take, in steps and in memory."""
        raise NotImplementedError

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        """Pools planes, the torch way.

        Args:
            planes: ``input`` as ``(P, *spatial)`` with P ≥ 1, and what :attr:`inputs` and :meth:`random_inputs` add.

        Returns:
            one ``(P, *spatial_out)`` tensor an output, in the order of :meth:`outputs`.
        """
        raise NotImplementedError

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """The compiled loops that equal :meth:`run` on the CPU, for planes of these sizes; None where it has none.

        They are taken where they cost no more. What makes them is called only after the plan is within the limits.
        """
        return None

    def reference(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        """One plane pooled in plain Python: slow, and meant to be obviously right. The oracle of :meth:`run`.

        Args:
            plane: ``(*spatial)``, numbers or booleans.
            beside: what belongs to the plane beside its elements: its indices, or its random samples.

        Returns:
            for each output, its elements in row-major order.
        """
        raise NotImplementedError

    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that this spec gives, in order."""
        return ("output",)

    def output_type(self, dtype: ElementType) -> ElementType:
        """Element type of ``output`` for this input; ``indices`` are int64."""
        return dtype

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        """What is wrong between fields that are each right alone."""
        return ()

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        """Things that are legal and seldom meant."""
        return ()

    def pools_axis(self, axis: int, length: int) -> bool:
        """Whether a window holds more than one position of this axis, those of the padding counted."""
        return True

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        """Refuses a spec that names an N or C other than the input's."""

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuses elements that must not reach a kernel (indices out of their plane)."""

    def random_inputs(self, planes: int, begin: int = 0) -> Mapping[str, npt.NDArray[np.float64]]:
        """Further ``(P, …)`` arrays for :meth:`run` that belong to each plane, such as random samples.

        Args:
            planes: how many planes.
            begin: the first of them among the planes of the request; each plane's are the same wherever one begins.
        """
        return {}

    def with_seed(self) -> Operator:
        """The spec with whatever chance has to decide decided; the same spec where nothing is left to chance."""
        return self

    # ---- what follows

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The declared fields, in torch's order."""
        return cls.declared_fields

    @classmethod
    def parse(
        cls,
        json_fields: Mapping[str, object],
        text_fields: Mapping[str, str] | None = None,
        notes: Mapping[str, Note] | None = None,
    ) -> Operator:
        """A validated spec from JSON values, from texts of a query still to be read, and from those of a file.

        Raises:
            Unprocessable: ``invalid_fields``, with the problems that were found, the first of many, and how to mend
                each.
        """
        text_fields = {**(text_fields or {}), **{name: note.text for name, note in (notes or {}).items()}}
        pointers = {name: notes[name].pointer if notes and name in notes else f"?{name[:80]}" for name in text_fields}
        given: dict[str, object] = {}
        known = {field.name: field for field in cls.fields()}
        faults: dict[str, FieldError] = {}
        for name, field in known.items():
            try:
                if name in text_fields:
                    value = field.read(text_fields[name])
                elif name in json_fields:
                    value = json_fields[name]
                elif field.is_required:
                    raise FieldError("missing", f"has no default; give {field.field_type.describe(cls.rank)}")
                else:
                    value = given.get(field.default_from) if field.default_from else field.default
                unset = value is None and (field.default is None or field.default_from is not None)
                if unset and field.default_from is not None:
                    value = given.get(field.default_from)
                    unset = value is None
                given[name] = None if unset else field.field_type.check(value, cls.rank)
            except FieldError as fault:
                faults[name] = fault
        refused = invalid_fields_error(
            cls.name, tuple(known), cls.inputs, json_fields, text_fields, pointers, faults, given
        )
        if refused is not None:
            raise refused
        spec = cls(**given)
        if problems := [
            FieldProblem(pointers.get(each.pointer[1:], each.pointer), each.code, each.message)
            for each in spec.cross_field_errors()
        ]:
            raise Unprocessable("invalid_fields", "; ".join(p.message for p in problems), problems=problems)
        return spec

    @classmethod
    def of(cls, **fields: object) -> Operator:
        """A validated spec from keywords, sizes as an integer or a list: ``MaxPool2d.of(kernel_size=2)``."""
        return cls.parse(fields)

    def field_values(self) -> dict[str, object]:
        """The fields as JSON shows them, defaults filled in; unset ones left out."""
        shown_fields = {field.name: getattr(self, field.name) for field in self.fields()}
        return {name: _as_json(value) for name, value in shown_fields.items() if value is not None}

    def make_kernel(self, spatial: Sizes, dtype: ElementType) -> Kernel | None:
        """The compiled loops of :meth:`allow_compiled_loops`, made."""
        loops = self.kernel_factory(spatial, dtype)
        return None if loops is None else loops.make()

    def spec_key(self) -> Hashable:
        """What two specs must share to be pooled in one batch."""
        return (self.name, *(getattr(self, field.name) for field in self.fields() if field.in_batch_key))

    def plan(self, inputs: Mapping[str, TensorMetadata], limits: Limits) -> Plan:
        """What this spec makes of inputs with these metadata_by_name; refuses what cannot or must not be run."""
        _check_input_names(self, inputs)
        metadata = inputs["input"]
        self._check_type(metadata.dtype)
        batch_shape, spatial = self._split_shape(metadata)
        self._check_other_inputs(inputs)
        self.check_batch_shape(batch_shape)
        out = self.spatial_out(spatial)
        outputs = {
            name: TensorMetadata(
                dtypes.INT64 if name == "indices" else self.output_type(metadata.dtype), (*batch_shape, *out)
            )
            for name in self.outputs()
        }
        planes = math.prod(batch_shape)
        # An empty batch is planned as one plane, so that no impossible spec passes because nobody runs it.
        counted = max(planes, 1)
        shape_out = [*batch_shape, *out]
        plane_bytes = math.prod(out) * sum(each.dtype.itemsize for each in outputs.values())
        if counted * plane_bytes > limits.max_output_bytes:
            raise Unprocessable(
                "output_too_large",
                f"the outputs of shape {shape_out} would take {counted * plane_bytes} bytes; "
                f"the limit is {limits.max_output_bytes}. Ask for a smaller output, or send fewer planes at once.",
                limit_bytes=limits.max_output_bytes,
            )
        if math.prod(size for size in shape_out if size) * 8 > _MAX_ARRAY_BYTES:
            raise Unprocessable(
                "output_too_large",
                f"the outputs of shape {describe_value(shape_out)} have no elements, and sizes that no array can have; "
                "ask for smaller ones.",
                limit_bytes=limits.max_output_bytes,
            )
        cost, loops = Cost(0.0, 0.0, 0.0), None
        if 0 not in out:
            cost = self.cost(spatial, metadata.dtype)
            loops = (
                self.kernel_factory(spatial, metadata.dtype)
                if limits.allow_compiled_loops and loops_are_loaded()
                else None
            )
            if loops is not None and loops.is_cheaper(cost, counted):
                cost = loops.cost
        # Answers of many megabytes are written into memory that is new to the process.
        answered = plane_bytes * (byte_steps(counted * plane_bytes) - STEPS_PER_BYTE)
        plane_steps, call_steps = math.ceil(cost.plane_steps + answered), math.ceil(cost.call_steps)
        plane_workspace, call_bytes = math.ceil(cost.plane_bytes), math.ceil(cost.call_bytes)
        work = counted * plane_steps + call_steps
        if work > limits.max_steps:
            raise Unprocessable(
                "work_too_large",
                f"this would take about {work} steps of a nanosecond; the limit is {limits.max_steps}. "
                "Use a smaller window or a larger stride, or send fewer planes at once.",
            )
        least = plane_workspace + call_bytes
        if least > WORKSPACE_BYTES:
            raise Unprocessable(
                "work_too_large",
                f"the intermediate results of one plane of {describe_value(list(spatial))} would take {least} bytes; "
                f"the limit is {WORKSPACE_BYTES}. "
                "Ask for a smaller output, or cut the input into smaller ones.",
            )
        return Plan(
            spec=self,
            inputs=dict(inputs),
            outputs=outputs,
            planes=planes,
            spatial=spatial,
            plane_steps=plane_steps,
            call_steps=call_steps,
            plane_workspace_bytes=plane_workspace,
            call_bytes=call_bytes,
            uses_compiled_loops=loops is not None and cost is loops.cost,
            warnings=(*self._layout_warnings(batch_shape, spatial), *self.warnings(spatial)),
        )

    def _layout_warnings(self, batch_shape: Sizes, spatial: Sizes) -> tuple[str, ...]:
        # Windows that keep to some axes are meant so: a network over text pools (N, C, words, 1) by (3, 1).
        if seems_channels_last(batch_shape[-1], spatial) and all(map(self.pools_axis, range(self.rank), spatial)):
            return (channels_last_warning(batch_shape, spatial),)
        return ()

    def _check_type(self, dtype: ElementType) -> None:
        if dtype.kind not in self.element_types:
            kinds = tuple(self.element_types)
            raise Unprocessable(
                "unsupported_dtype",
                f"{self.name} has no meaning for {dtype.name}; it takes {dtypes.names(kinds=kinds)}.",
            )

    def _split_shape(self, metadata: TensorMetadata) -> tuple[Sizes, Sizes]:
        shape = metadata.shape
        axes = "DHW"[-self.rank :] if self.rank > 1 else "L"
        if len(shape) not in (self.rank + 1, self.rank + 2):
            raise Unprocessable(
                "wrong_rank",
                f"{self.name} takes (N, C, {', '.join(axes)}) or, unbatched, (C, {', '.join(axes)}): "
                f"{self.rank + 2} or {self.rank + 1} dimensions; got {len(shape)} "
                f"in shape {describe_value(list(shape))}.",
            )
        if max(shape) > INT32_MAX:
            raise Unprocessable(
                "shape_mismatch", f"a dimension of {describe_value(list(shape))} is larger than {INT32_MAX}."
            )
        batch_shape, spatial = shape[: -self.rank], shape[-self.rank :]
        for axis, size in zip(axes, spatial, strict=True):
            if size == 0:
                raise Unprocessable(
                    "empty_dimension",
                    f"axis {axis} of shape {describe_value(list(shape))} is empty; only N and C may be 0.",
                )
        return batch_shape, spatial

    def _check_other_inputs(self, inputs: Mapping[str, TensorMetadata]) -> None:
        shape = inputs["input"].shape
        for name in self.inputs[1:]:
            if inputs[name].shape != shape:
                raise Unprocessable(
                    "shape_mismatch",
                    f"{name} must have the shape of input, {describe_value(list(shape))}; "
                    f"got {describe_value(list(inputs[name].shape))}.",
                )
            if name == "indices" and inputs[name].dtype is not dtypes.INT64:
                raise Unprocessable(
                    "unsupported_dtype",
                    f"indices must be int64, as pooling gives them; got {inputs[name].dtype.name}.",
                )


_Class = TypeVar("_Class", bound=type[Operator])

DECLARED: Final = "_declared_ranks"


def operator(family: str, ranks: tuple[int, ...] = (1, 2, 3)) -> Callable[[_Class], _Class]:
    """Declares a class as an operator: makes it a frozen dataclass and gives it a family name and its ranks."""

    def declare(cls: _Class) -> _Class:
        dataclass(frozen=True)(cls)
        cls.family = family
        cls.ranks = ranks
        cls.declared_fields = fields_of(cls)
        setattr(cls, DECLARED, cls.__qualname__)
        return cls

    return declare


def at_rank(cls: type[Operator], rank: int) -> type[Operator]:
    """The operator for one number of spatial axes: ``MaxPool`` at rank 2 is ``MaxPool2d``, ``max_pool2d``."""
    members = {
        "rank": rank,
        "name": f"{cls.family}{rank}d",
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
    }
    return dataclass(frozen=True)(type(f"{cls.__name__}{rank}d", (cls,), members))


def is_declared(candidate: object) -> bool:
    """Whether this is a class that :func:`operator` was applied to, and not one derived from it."""
    return (
        isinstance(candidate, type)
        and issubclass(candidate, Operator)
        and vars(candidate).get(DECLARED) == candidate.__qualname__
    )


def _check_input_names(spec: Operator, inputs: Mapping[str, TensorMetadata]) -> None:
    for name in spec.inputs:
        if name not in inputs:
            foreign = [each for each in inputs if each not in spec.inputs]
            given = ", ".join(describe_value(each) for each in inputs) or "none"
            rename = f" Rename {describe_value(foreign[0])} to {name!r}." if foreign else ""
            raise Unprocessable("missing_tensor", f"{spec.name} needs a tensor named {name!r}; got {given}.{rename}")
    for name in inputs:
        if name not in spec.inputs:
            raise Unprocessable(
                "unknown_tensor", f"{spec.name} takes {' and '.join(spec.inputs)}; got {describe_value(name)} as well."
            )


def _as_json(value: object) -> object:
    if isinstance(value, tuple):
        return [_as_json(entry) for entry in value]
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
