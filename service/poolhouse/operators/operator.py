"""Operators: the declaration that an author writes, and the spec that is read from a request.

An author writes one class under :func:`operator`: its fields in torch's order, a docstring, the meaning of each kind of
element type, the shape rule, a reference in plain Python (the oracle), and the computation with torch.
``plan`` derives the plan of a request from it, and ``catalogue`` finds it.

Only :meth:`Operator.check_elements`, :meth:`Operator.pool` and :meth:`Operator.reference_of_plane` read elements or
call torch.
The other methods that an author writes compute with plain integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import FLOAT32, INT64, ElementKind, ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_values import field_pointers, read_field_values
from poolhouse.operators.fields import Field, Sizes, fields_of
from poolhouse.operators.layout import (
    CHANNELS_LAST,
    PlaneIndexKernel,
    join_shape,
    layout_field,
    moved_cost,
    moved_factory,
    pool_moved,
    pool_samples_moved,
)
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.tensors import Note, Tensor, TensorMetadata

Number = int | float | bool

Planes = Mapping[str, torch.Tensor]
"""Tensors by name with N and C folded into one leading axis: ``(P, *spatial)``."""


@dataclass(frozen=True)
class Sample:
    """A request that must work, used by the property tests, the warm-up, the documentation and the benchmarks.

    Attributes:
        spatial: three sizes; an operator of rank r takes the last r.
        fields: values of its fields.
        dtype: element type of the input.
    """

    spatial: tuple[int, int, int]
    fields: Mapping[str, object]
    dtype: str = "float32"


@dataclass(frozen=True)
class Refusal:
    """A request that must be refused, and the code of the error."""

    spatial: tuple[int, int, int]
    fields: Mapping[str, object]
    code: str
    dtype: str = "float32"


@dataclass(frozen=True)
class Operator:
    """Base class of the operators. An instance is a validated spec: frozen and hashable."""

    family: ClassVar[str]
    """Torch's functional name without the rank: ``max_pool``."""
    ranks: ClassVar[tuple[int, ...]]
    rank: ClassVar[int]
    """Number of spatial axes."""
    name: ClassVar[str]
    """Torch's functional name: ``max_pool2d``."""
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    declared_fields: ClassVar[tuple[Field, ...]]
    element_types: ClassVar[Mapping[ElementKind, str]]
    """The kinds of element type that the operator takes, and what each means here, in one sentence."""
    padding_value: ClassVar[str] = "There is no padding."
    index_meaning: ClassVar[str] = ""
    source: ClassVar[str] = ""
    shape_rule: ClassVar[str]
    """The shapes of the inputs and the size of each output axis, in one sentence."""
    exactly_one_of: ClassVar[tuple[str, ...]] = ()
    """Optional fields of which a request gives exactly one."""
    pools_samples: ClassVar[bool] = False
    """Whether outputs depend on several channels. Then ``(C, *spatial)`` is pooled at once instead of each plane, and
    the methods that an author writes get it in the place of ``(*spatial)``, except :meth:`spatial_out`."""
    loops_take_channels: ClassVar[bool] = False
    """Whether :meth:`kernel_factory` can treat a further axis as one with windows of one element."""
    outermost: ClassVar[tuple[type, ...]] = ()
    """Mixins whose methods come before those of the operator's own class, and call them by ``super()``."""
    tensor_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that a file may hold as a tensor of one dimension, since they are inputs elsewhere."""
    is_rank_free: ClassVar[bool] = False
    """Whether the name has no rank: :meth:`for_inputs` finds the class, and :attr:`rank` is only an example."""
    samples: ClassVar[tuple[Sample, ...]]
    refusals: ClassVar[tuple[Refusal, ...]]

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

    def outputs(self) -> tuple[str, ...]:
        """Names of this spec's outputs, in order."""
        return ("output",)

    @classmethod
    def possible_outputs(cls) -> tuple[str, ...]:
        """Names of all outputs that a spec can have, in order."""
        return ("output", *cls.optional_outputs())

    @classmethod
    def optional_outputs(cls) -> Mapping[str, str]:
        """For each output that a spec has only if a field is true, the name of that field."""
        fields = {field.name for field in cls.fields()}
        optional = {"indices": "return_indices", "valid": "return_valid"}
        return {name: field for name, field in optional.items() if field in fields}

    def output_type(self, dtype: ElementType) -> ElementType:
        """Element type of ``output`` for this input; ``indices`` are int64, ``valid`` is float32."""
        return dtype

    def sizes_by_output(self, spatial: Sizes) -> Mapping[str, Sizes]:
        """The sizes of each output without N and C."""
        return dict.fromkeys(self.outputs(), self.spatial_out(spatial))

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        """The shape of an output with these sizes, for an input with these N and C, or C alone."""
        return join_shape(batch_shape, sizes, channels_last=self.is_channels_last)

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        """Conflicts between fields that are each valid alone."""
        return ()

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

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse elements that must not reach a kernel, such as indices outside their plane."""

    def random_inputs(self, planes: int, begin: int = 0) -> Mapping[str, npt.NDArray[np.float64]]:
        """Random inputs of :meth:`pool` as ``(P, …)`` arrays.

        Args:
            planes: number of planes.
            begin: index of the first of them among the request's planes; the values of a plane do not depend on it.
        """
        return {}

    def with_seed(self) -> Operator:
        """This spec with a seed drawn where it needs one and has none; otherwise the same spec."""
        return self

    def decode_planes(
        self, planes: dict[str, npt.NDArray[np.generic]], begin: int
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Inputs as :meth:`run` takes them: adapters convert indices that count through the whole request.

        Args:
            planes: ``(P, *plane_shape)`` arrays by name, which must not be written to.
            begin: index of the first of them in the request.
        """
        return planes

    def encode_output(self, name: str, planes: npt.NDArray[np.generic], plane_shape: Sizes, begin: int) -> None:
        """Convert an output of :meth:`run` in place to what the response has.

        Args:
            name: of the output.
            planes: ``(P, …)``, which belong to the request alone.
            plane_shape: of the input.
            begin: index of the first of them in the request.
        """

    # ---- derived from the declaration

    @classmethod
    def for_inputs(cls, inputs: Mapping[str, TensorMetadata]) -> type[Operator]:
        """The class for these inputs: this one, if the name has a rank.

        Raises:
            Unprocessable: ``wrong_rank``.
        """
        return cls

    @classmethod
    def variants(cls) -> tuple[type[Operator], ...]:
        """The classes that :meth:`for_inputs` chooses from."""
        return (cls,)

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
        """A validated spec from JSON values, from unparsed texts of a query string, and from a file's metadata.

        Raises:
            Unprocessable: ``invalid_fields``, with the problems that were found, up to a bound, and how to mend each.
        """
        texts, notes = text_fields or {}, notes or {}
        pointers = field_pointers(texts, notes)
        texts = {**texts, **{name: note.text for name, note in notes.items()}}
        # Any: the constructor takes values of many types, which the field types have checked.
        values: dict[str, Any] = read_field_values(
            cls.name, cls.rank, cls.fields(), cls.inputs, json_fields, texts, pointers
        )
        spec = cls(**values)
        if problems := [
            FieldProblem(pointers.get(each.pointer[1:], each.pointer), each.code, each.message)
            for each in spec.cross_field_errors()
        ]:
            raise Unprocessable("invalid_fields", "; ".join(p.message for p in problems), problems=problems)
        return spec

    @classmethod
    def of(cls, **fields: object) -> Operator:
        """A validated spec from keyword arguments: ``MaxPool2d.of(kernel_size=2)``."""
        return cls.parse(fields)

    def field_values(self) -> dict[str, object]:
        """The fields as JSON values, with defaults filled in and unset fields left out.

        Of the fields that operators share, those with their default are left out, too.
        """
        values = [(field, getattr(self, field.name)) for field in self.fields()]
        return {
            field.name: _as_json(value)
            for field, value in values
            if value is not None and not (field.is_common and value == field.default)
        }

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

    def make_kernel(self, plane_shape: Sizes, dtype: ElementType) -> Kernel | None:
        """Make the compiled loops of :meth:`loops_of`."""
        loops = self.loops_of(plane_shape, dtype)
        return None if loops is None else loops.make()

    def spec_key(self) -> Hashable:
        """The part of a batch key that the spec determines."""
        return (self.name, *(getattr(self, field.name) for field in self.fields() if field.in_batch_key))


_Class = TypeVar("_Class", bound=type[Operator])

DECLARED: Final = "_declared_ranks"

MAX_LOOP_AXES: Final = 3
"""Axes that the compiled loops of windows take."""


def operator(family: str, ranks: tuple[int, ...] = (1, 2, 3)) -> Callable[[_Class], _Class]:
    """Declare a class as an operator: make it a frozen dataclass with a family name and ranks."""

    def declare(cls: _Class) -> _Class:
        dataclass(frozen=True)(cls)
        cls.family = family
        cls.ranks = ranks
        cls.declared_fields = fields_of(cls)
        setattr(cls, DECLARED, cls.__qualname__)
        return cls

    return declare


_AT_RANK: Final[dict[tuple[type[Operator], int], type[Operator]]] = {}


def at_rank(cls: type[Operator], rank: int) -> type[Operator]:
    """The operator for one number of spatial axes: ``MaxPool`` at rank 2 is ``MaxPool2d`` with name ``max_pool2d``.

    Always the same class for the same arguments.
    """
    if (found := _AT_RANK.get((cls, rank))) is not None:
        return found
    members = {
        "rank": rank,
        "name": f"{cls.family}{rank}d",
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
    }
    made: type[Operator] = dataclass(frozen=True)(type(f"{cls.__name__}{rank}d", (*cls.outermost, cls), members))
    return _AT_RANK.setdefault((cls, rank), made)


def is_declared(candidate: object) -> bool:
    """Whether :func:`operator` was applied to this class itself, not to a base class."""
    return (
        isinstance(candidate, type)
        and issubclass(candidate, Operator)
        and vars(candidate).get(DECLARED) == candidate.__qualname__
    )


def _moved_last(column: list[Number], shape: Sizes) -> list[Number]:
    """The elements of ``shape`` with its first axis moved to the end."""
    numbers = np.empty(len(column), dtype=object)
    numbers[:] = column
    moved: list[Number] = np.moveaxis(numbers.reshape(shape), 0, -1).reshape(-1).tolist()
    return moved


def _by_channel(
    companion: npt.NDArray[np.generic], spec: Operator, plane_shape: Sizes
) -> list[npt.NDArray[np.generic]]:
    """The companion of each channel: of a plane's shape with channels last, or random samples with channels first."""
    axis = -1 if "indices" in spec.inputs else 0
    return [np.take(companion, channel, axis) for channel in range(plane_shape[-1])]


def _as_json(value: object) -> object:
    if isinstance(value, tuple):
        return [_as_json(entry) for entry in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
