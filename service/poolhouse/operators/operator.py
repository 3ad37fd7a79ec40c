"""Operators: the declaration that an author writes, and the spec that is read from a request.

An author writes one class under :func:`operator`: its fields in torch's order, a docstring, the meaning of each kind of
element type, the shape rule, a reference in plain Python (the oracle), and the computation with torch.
``plan`` derives the plan of a request from it, and ``catalogue`` finds it.

An operator divides a request into planes, which are pooled independently. Those of a
:class:`.plane_operator.PlaneOperator` are the planes of its input; those of a :class:`.region_operator.RegionOperator`
are regions that the request lists, such as spans of tokens or boxes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_values import field_pointers, read_field_values
from poolhouse.operators.fields import Field, Sizes, fields_of
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.numbers import Array
from poolhouse.operators.tracing import Geometry, PooledArrays, TracedElement
from poolhouse.tensors import Note, Tensor, TensorMetadata

Planes = Mapping[str, torch.Tensor]
"""Tensors by name, of one request or of several that share a batch; see :meth:`Operator.slice_inputs`."""


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
    """The numbers of spatial axes, each with a name of its own; empty if there is one class, and its name has none."""
    rank: ClassVar[int]
    """Number of spatial axes; 0 if there are none."""
    name: ClassVar[str]
    """Torch's functional name: ``max_pool2d``."""
    companions: ClassVar[tuple[TensorInput, ...]] = ()
    """The tensors beside ``input``."""
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    """The names of all tensors, from :attr:`companions`."""
    declared_fields: ClassVar[tuple[Field, ...]]
    element_types: ClassVar[Mapping[ElementKind, str]]
    """The kinds of element type that ``input`` may have, and what each means here, in one sentence."""
    padding_value: ClassVar[str] = "There is no padding."
    index_meaning: ClassVar[str] = ""
    less_work: ClassVar[str] = "Use a smaller window or a larger stride, or send fewer planes at once."
    """What a client can do whose request would take too long."""
    source: ClassVar[str] = ""
    shape_rule: ClassVar[str]
    """The shapes of the inputs and the size of each output axis, in one sentence."""
    exactly_one_of: ClassVar[tuple[str, ...]] = ()
    """Optional fields of which a request gives exactly one."""
    outermost: ClassVar[tuple[type, ...]] = ()
    """Mixins whose methods come before those of the operator's own class, and call them by ``super()``."""
    tensor_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that a file may hold as a tensor of one dimension, since they are inputs elsewhere."""
    concatenates_slices: ClassVar[bool] = True
    """Whether :meth:`join_slices` only concatenates, which a device then does itself."""
    host_inputs: ClassVar[frozenset[str]] = frozenset({"samples"})
    """What :meth:`run` reads on the host, on every device."""
    region_bytes: ClassVar[int] = 0
    """Memory that checking and preparing take for each plane, in addition to the cost of pooling."""
    is_rank_free: ClassVar[bool] = False
    """Whether the name has no rank: :meth:`for_inputs` finds the class, and :attr:`rank` is only an example."""
    samples: ClassVar[tuple[Sample, ...]]
    refusals: ClassVar[tuple[Refusal, ...]]

    # ---- written by an author, or by the base class of a kind of operators

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        """Divide a request with these inputs into planes.

        Raises:
            Unprocessable: a tensor is missing or unknown, or does not fit the operator or its fields.
        """
        raise NotImplementedError

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        """The cost of :meth:`run` for each plane."""
        raise NotImplementedError

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        """Compiled loops that equal :meth:`run` on the CPU; None if there are none."""
        return None

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        """Make the compiled loops of :meth:`arranged_loops`."""
        return None

    def keeps_kernel(self, plane_shape: Sizes) -> bool:
        """Whether a kernel is small enough to be cached with its plan; there may be thousands of plans."""
        return True

    def prepare_inputs(self, arrays: Mapping[str, Array], planes: int) -> Mapping[str, Array]:
        """What :meth:`slice_inputs` needs of a request, computed once for all slices of it.

        Args:
            arrays: the inputs, which must not be written to and passed the check of their elements.
            planes: the number of planes.
        """
        return arrays

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        """What :meth:`run` needs of planes ``start`` to ``stop``.

        Args:
            arrays: from :meth:`prepare_inputs`; they must not be written to.
            planes: the number of planes of the request.
            plane_shape: of the arrangement.
            start: the first plane.
            stop: the end of the planes.
        """
        raise NotImplementedError

    def views_inputs(self) -> bool:
        """Whether :meth:`slice_inputs` only reshapes the arrays to ``(planes, *plane_shape)`` and cuts them."""
        return False

    def join_slices(self, slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
        """One slice of several, of requests that share a batch."""
        return {name: np.concatenate([each[name] for each in slices]) for name in slices[0]}

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        """Pool planes with torch.

        Args:
            planes: from :meth:`slice_inputs`.

        Returns:
            ``(P, …)`` tensors in the order of :meth:`outputs`.
        """
        raise NotImplementedError

    def batch_size(self, inputs: Mapping[str, TensorMetadata]) -> int:
        """The number of samples in a request, for statistics."""
        raise NotImplementedError

    def largest_plane(self, shapes: Mapping[str, Sizes]) -> int:
        """The largest number of elements in which a device's kernel counts indices, for slices of these shapes."""
        raise NotImplementedError

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        """Small inputs that fit a sample, for the warm-up and the documentation."""
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

    measures_elements: ClassVar[bool] = False
    """Whether :meth:`measure` finds something."""

    def measure(self, arrangement: Arrangement, tensors: Mapping[str, Tensor]) -> Arrangement:
        """The arrangement with what the elements tell of the work; they have not been checked."""
        return arrangement

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        """Those of the fields that torch's function of the same name takes, too; empty if torch has none."""
        return ()

    @classmethod
    def fields_from_elements(cls, tensors: Mapping[str, Tensor]) -> Mapping[str, object]:
        """Defaults of fields that the elements of a request determine, such as a number of segments; their names follow
        from the metadata alone."""
        return {}

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        """Conflicts between fields that are each valid alone."""
        return ()

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse elements that must not reach a kernel, such as indices outside their plane."""

    def with_seed(self) -> Self:
        """This spec with a seed drawn where it needs one and has none; otherwise the same spec."""
        return self

    def encode_output(self, name: str, planes: npt.NDArray[np.generic], plane_shape: Sizes, begin: int) -> None:
        """Convert an output of :meth:`run` in place to what the response has.

        Args:
            name: of the output.
            planes: ``(P, …)``, which belong to the request alone.
            plane_shape: of the input.
            begin: index of the first of them in the request.
        """

    # ---- traces

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        """What each output element was pooled from, by the oracle.

        Args:
            pooled: the request and its results.
            planes: the number of planes.
            plane_shape: of the arrangement.
        """
        raise NotImplementedError

    def traced_outputs(self) -> tuple[str, ...]:
        """The outputs whose elements are traced: all but those that say more about an element of another."""
        return tuple(name for name in self.outputs() if name not in ("indices", "valid"))

    def traced_positions(self, inputs: Mapping[str, TensorMetadata]) -> int:
        """The number of positions that :meth:`trace` lists; 0 where only the elements of the request tell.

        Called only for plans within the limits, whose batch and outputs are not empty.
        """
        return 0

    def traced_geometry(self, inputs: Mapping[str, TensorMetadata]) -> Geometry:
        """Where windows move, and the formula of the output's sizes."""
        return Geometry()

    # ---- derived from the declaration

    @classmethod
    def reduction_name(cls) -> str:
        """What is done with a window in one word, for expressions: ``max`` of ``adaptive_max_pool2d``."""
        name = cls.family.rpartition(".")[2]
        for prefix in ("adaptive_", "global_"):
            name = name.removeprefix(prefix)
        return name.removesuffix("_pool")

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
    ) -> Self:
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
    def of(cls, **fields: object) -> Self:
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

    def spec_key(self) -> Hashable:
        """The part of a batch key that the spec determines."""
        return (self.name, *(getattr(self, field.name) for field in self.fields() if field.in_batch_key))


_Class = TypeVar("_Class", bound=type[Operator])
_Operator = TypeVar("_Operator", bound=Operator)

DECLARED: Final = "_declared_ranks"


def operator(family: str, ranks: tuple[int, ...] = (1, 2, 3)) -> Callable[[_Class], _Class]:
    """Declare a class as an operator: make it a frozen dataclass with a family name and ranks."""

    def declare(cls: _Class) -> _Class:
        dataclass(frozen=True)(cls)
        cls.family = family
        cls.ranks = ranks
        cls.declared_fields = fields_of(cls)
        cls.inputs = ("input", *(each.name for each in cls.companions))
        if not ranks:
            cls.rank, cls.name = getattr(cls, "rank", 0), family
        setattr(cls, DECLARED, cls.__qualname__)
        return cls

    return declare


_AT_RANK: Final[dict[tuple[type[Operator], int], Any]] = {}


def at_rank(cls: type[_Operator], rank: int) -> type[_Operator]:
    """The operator for one number of spatial axes: ``MaxPool`` at rank 2 is ``MaxPool2d`` with name ``max_pool2d``.

    Always the same class for the same arguments.
    """
    found: type[_Operator] | None = _AT_RANK.get((cls, rank))
    if found is not None:
        return found
    members = {
        "rank": rank,
        "name": f"{cls.family}{rank}d",
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
    }
    made: type[_Operator] = dataclass(frozen=True)(type(f"{cls.__name__}{rank}d", (*cls.outermost, cls), members))
    result: type[_Operator] = _AT_RANK.setdefault((cls, rank), made)
    return result


def is_declared(candidate: object) -> bool:
    """Whether :func:`operator` was applied to this class itself, not to a base class."""
    return (
        isinstance(candidate, type)
        and issubclass(candidate, Operator)
        and vars(candidate).get(DECLARED) == candidate.__qualname__
    )


def _as_json(value: object) -> object:
    if isinstance(value, tuple):
        return [_as_json(entry) for entry in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
