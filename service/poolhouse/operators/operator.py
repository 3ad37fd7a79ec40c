"""Operators: the declaration that an author writes, and the spec that is read from a request.

An author writes one class under :func:`operator`: its fields in torch's order, a docstring, the meaning of each kind of
element type, the shape rule, a reference in plain Python (the oracle), and the computation with torch.
``plan`` derives the plan of a request from it, and ``catalogue`` finds it.

Only :meth:`Operator.check_elements`, :meth:`Operator.run` and :meth:`Operator.reference` read elements or call torch.
The other methods that an author writes compute with plain integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_values import field_pointers, read_field_values
from poolhouse.operators.fields import Field, Sizes, fields_of
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.tensors import Note, Tensor

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
    samples: ClassVar[tuple[Sample, ...]]
    refusals: ClassVar[tuple[Refusal, ...]]

    # ---- written by an author

    def spatial_out(self, spatial: Sizes) -> Sizes:
        """The output's spatial sizes.

        Raises:
            Unprocessable: the spec does not fit the input; the message says how to mend it.
        """
        raise NotImplementedError

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """The cost of :meth:`run` in steps and in memory."""
        raise NotImplementedError

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        """Pool planes with torch.

        Args:
            planes: ``input`` as ``(P, *spatial)`` with P ≥ 1, the other :attr:`inputs`, and :meth:`random_inputs`.

        Returns:
            one ``(P, *spatial_out)`` tensor for each output, in the order of :meth:`outputs`.
        """
        raise NotImplementedError

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Compiled loops that equal :meth:`run` on the CPU, for planes of these sizes; None if the operator has none.

        The plan uses them where they are cheaper. ``make`` is called only for a plan within the limits.
        """
        return None

    def reference(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        """Pool one plane in plain Python: slow, but obviously right. The oracle that tests compare :meth:`run` with.

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

    def output_type(self, dtype: ElementType) -> ElementType:
        """Element type of ``output`` for this input; ``indices`` are int64."""
        return dtype

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        """Conflicts between fields that are each valid alone."""
        return ()

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        """Sentences about legal requests that are probably mistakes."""
        return ()

    def pools_axis(self, axis: int, length: int) -> bool:
        """Whether a window has more than one position along this axis, padding included."""
        return True

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        """Refuse a spec whose fields name an N or C other than the input's."""

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse elements that must not reach a kernel, such as indices outside their plane."""

    def random_inputs(self, planes: int, begin: int = 0) -> Mapping[str, npt.NDArray[np.float64]]:
        """Random inputs of :meth:`run` as ``(P, …)`` arrays.

        Args:
            planes: number of planes.
            begin: index of the first of them among the request's planes; the values of a plane do not depend on it.
        """
        return {}

    def with_seed(self) -> Operator:
        """This spec with a seed drawn where it needs one and has none; otherwise the same spec."""
        return self

    # ---- derived from the declaration

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
        spec = cls(**read_field_values(cls.name, cls.rank, cls.fields(), cls.inputs, json_fields, texts, pointers))
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
        """The fields as JSON values, with defaults filled in and unset fields left out."""
        shown_fields = {field.name: getattr(self, field.name) for field in self.fields()}
        return {name: _as_json(value) for name, value in shown_fields.items() if value is not None}

    def make_kernel(self, spatial: Sizes, dtype: ElementType) -> Kernel | None:
        """Make the compiled loops of :meth:`kernel_factory`."""
        loops = self.kernel_factory(spatial, dtype)
        return None if loops is None else loops.make()

    def spec_key(self) -> Hashable:
        """The part of a batch key that the spec determines."""
        return (self.name, *(getattr(self, field.name) for field in self.fields() if field.in_batch_key))


_Class = TypeVar("_Class", bound=type[Operator])

DECLARED: Final = "_declared_ranks"


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


def at_rank(cls: type[Operator], rank: int) -> type[Operator]:
    """The operator for one number of spatial axes: ``MaxPool`` at rank 2 is ``MaxPool2d`` with name ``max_pool2d``."""
    members = {
        "rank": rank,
        "name": f"{cls.family}{rank}d",
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
    }
    return dataclass(frozen=True)(type(f"{cls.__name__}{rank}d", (cls,), members))


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
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
