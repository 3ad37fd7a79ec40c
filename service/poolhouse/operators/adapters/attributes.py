"""The rows of the tables: an attribute of another framework, and the field of our operator that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from poolhouse.dtypes import ElementKind
from poolhouse.errors import FieldProblem
from poolhouse.operators.field_types import FieldType
from poolhouse.operators.fields import REQUIRED, Field
from poolhouse.operators.operator import Operator, Refusal, Sample

Attributes = Mapping[str, object]
"""The checked values of all attributes, by name."""
Conversion = Callable[[Attributes], object]
"""The value of our field; None where the attribute leaves it unset."""


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes:
        name: there.
        ours: the name of our field; None where the adapter itself reads the attribute.
        field_type: the accepted values.
        meaning: one sentence.
        default: the value if it is not given; REQUIRED if it must be given; None for "unset".
        default_from: the attribute whose value is the default of this one.
        example: a value for documentation.
        convert: gives the value of our field; None where the value is the same.
    """

    name: str
    ours: str | None
    field_type: FieldType
    meaning: str
    default: object = REQUIRED
    default_from: str | None = None
    example: object = None
    convert: Conversion | None = None

    def to_ours(self, attributes: Attributes) -> object:
        """The value of our field, given the values of all attributes."""
        return attributes[self.name] if self.convert is None else self.convert(attributes)

    def as_field(self) -> Field:
        """The attribute as a field of the adapter."""
        return Field(
            self.name, self.field_type, self.meaning, self.default, self.default_from, self.example, in_batch_key=True
        )


def _no_conflicts(_: Attributes) -> Sequence[FieldProblem]:
    return ()


@dataclass(frozen=True)
class Adaptation:
    """An operator of another framework.

    Attributes:
        name: there, with its number of axes if it has one; after the framework's name.
        target: the operator of ours that computes it.
        attributes: in the framework's order.
        summary: what it gives; the docstring of the adapter.
        shape_rule: see :attr:`PlaneOperator.shape_rule`.
        source: where the framework defines it.
        fixed: fields of ours that have another value than their default.
        ranks: numbers of spatial axes that the name stands for.
        index_meaning: see :attr:`PlaneOperator.index_meaning`.
        padding_value: see :attr:`PlaneOperator.padding_value`; empty for that of our operator.
        element_types: see :attr:`PlaneOperator.element_types`; None for those of our operator.
        conflicts: finds attributes that contradict each other.
        samples: see :attr:`PlaneOperator.samples`.
        refusals: see :attr:`PlaneOperator.refusals`.
    """

    name: str
    target: type[Operator]
    attributes: tuple[Attribute, ...]
    summary: str
    shape_rule: str
    source: str
    samples: tuple[Sample, ...]
    refusals: tuple[Refusal, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    ranks: tuple[int, ...] = (1, 2, 3)
    index_meaning: str = ""
    padding_value: str = ""
    element_types: Mapping[ElementKind, str] | None = None
    conflicts: Callable[[Attributes], Sequence[FieldProblem]] = _no_conflicts

    def to_ours(self, attributes: Attributes) -> dict[str, object]:
        """The fields of our operator. Of several attributes that set one field the last wins."""
        found = dict(self.fixed)
        for row in self.attributes:
            value = None if row.ours is None else row.to_ours(attributes)
            if row.ours is not None and value is not None:
                found[row.ours] = value
        return found
