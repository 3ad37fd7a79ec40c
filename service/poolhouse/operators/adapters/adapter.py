"""Adapters: operators of other frameworks, each computed by one of ours.

An adapter has the fields and the meaning of its framework, and passes everything else to the spec of ours that its
table gives. So there is no second kernel, and its requests share batches with those of our operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.operators.adapters.attributes import Adaptation
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes
from poolhouse.operators.layout import CHANNELS_FIRST
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.operator import Number, Planes, at_rank
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor, TensorMetadata


@dataclass(frozen=True)
class Adapter(PlaneOperator):
    """Base of the adapters; :func:`adapt` makes them from a table."""

    adaptation: ClassVar[Adaptation]
    target_type: ClassVar[type[PlaneOperator]]
    at_ranks: ClassVar[Mapping[int, type[PlaneOperator]]] = {}
    layout: ClassVar[str] = CHANNELS_FIRST  # type: ignore[misc]  # no field of other frameworks has this name

    @cached_property
    def target(self) -> PlaneOperator:
        """The spec of our operator.

        Raises:
            Unprocessable: the attributes contradict each other; in our words.
        """
        return self.target_type.parse(self.adaptation.to_ours(self.attributes))

    @property
    def attributes(self) -> Mapping[str, object]:
        """The values of the attributes, by name."""
        return {each.name: getattr(self, each.name) for each in self.adaptation.attributes}

    # ---- what depends on the input's rank

    @classmethod
    def for_inputs(cls, inputs: Mapping[str, TensorMetadata]) -> type[PlaneOperator]:
        if not cls.is_rank_free or "input" not in inputs:
            return cls
        shape = inputs["input"].shape
        found = cls.at_ranks.get(len(shape) - 2)
        if found is None:
            least, most = min(cls.at_ranks), max(cls.at_ranks)
            raise Unprocessable(
                "wrong_rank",
                f"{cls.name} takes (N, C, *spatial) with {least} to {most} spatial axes: {least + 2} to {most + 2} "
                f"dimensions; got {len(shape)} in shape {describe_value(list(shape))}.",
            )
        return found

    @classmethod
    def variants(cls) -> tuple[type[PlaneOperator], ...]:
        return tuple(cls.at_ranks.values()) or (cls,)

    # ---- refusals in the words of the framework

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        if problems := self.adaptation.conflicts(self.attributes):
            return problems
        try:
            self.target  # noqa: B018, which refuses invalid fields
        except Unprocessable as error:
            return self._translated_problems(error)
        return ()

    @contextmanager
    def _in_their_words(self) -> Iterator[None]:
        try:
            yield
        except Unprocessable as error:
            raise Unprocessable(
                error.code,
                self._translate(error.detail),
                problems=self._translated_problems(error),
                limit_bytes=error.limit_bytes,
            ) from None

    def _translated_problems(self, error: Unprocessable) -> list[FieldProblem]:
        theirs = {row.ours: row.name for row in reversed(self.adaptation.attributes) if row.ours is not None}
        return [
            FieldProblem(f"/{theirs.get(each.pointer[1:], each.pointer[1:])}", each.code, self._translate(each.message))
            for each in error.problems
        ]

    def _translate(self, message: str) -> str:
        """A message about our fields with the names of the attributes.

        A name that is also a word of prose is replaced only before a value.
        """
        names = {row.ours: row.name for row in self.adaptation.attributes}

        def translated(word: re.Match[str]) -> str:
            is_prose = "_" not in word[0] and _BEFORE_VALUE.match(message, word.end()) is None
            return word[0] if is_prose else names.get(word[0], word[0])

        return _WORD.sub(translated, message).replace(self.target_type.name, self.name)

    # ---- passed to the spec of ours

    @property
    def is_channels_last(self) -> bool:
        return self.target.is_channels_last

    def spatial_out(self, spatial: Sizes) -> Sizes:
        with self._in_their_words():
            return self.target.spatial_out(spatial)

    def outputs(self) -> tuple[str, ...]:
        return self.target.outputs()

    def output_type(self, dtype: ElementType) -> ElementType:
        return self.target.output_type(dtype)

    def sizes_by_output(self, spatial: Sizes) -> Mapping[str, Sizes]:
        with self._in_their_words():
            return self.target.sizes_by_output(spatial)

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        return self.target.output_shape(batch_shape, sizes)

    def output_metadata(self, batch_shape: Sizes, spatial: Sizes, dtype: ElementType) -> dict[str, TensorMetadata]:
        with self._in_their_words():
            return self.target.output_metadata(batch_shape, spatial, dtype)

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        with self._in_their_words():
            self.target.check_batch_shape(batch_shape)

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        with self._in_their_words():
            self.target.check_elements(tensors)

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        return tuple(self._translate(each) for each in self.target.warnings(spatial))

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.target.pools_axis(axis, length)

    def plane_shape(self, batch_shape: Sizes, spatial: Sizes) -> Sizes:
        return self.target.plane_shape(batch_shape, spatial)

    def spatial_of(self, plane_shape: Sizes) -> Sizes:
        return self.target.spatial_of(plane_shape)

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        return self.target.run(planes)

    def reference(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        return self.target.reference(plane, companion)

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        with self._in_their_words():
            return self._with_conversion(self.target.cost_of(plane_shape, dtype), plane_shape)

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        with self._in_their_words():
            loops = self.target.loops_of(plane_shape, dtype)
        return None if loops is None else replace(loops, cost=self._with_conversion(loops.cost, plane_shape))

    def _with_conversion(self, cost: Cost, plane_shape: Sizes) -> Cost:
        converted = self.conversion_cost(self.spatial_of(plane_shape))
        return cost if converted is None else cost.with_held_bytes(converted.plane_bytes).then(converted)

    def spec_key(self) -> tuple[object, ...]:
        return cast("tuple[object, ...]", self.target.spec_key())

    # ---- for adapters that convert elements

    def conversion_cost(self, spatial: Sizes) -> Cost | None:
        """The cost of converting the indices of one plane; None if nothing is converted."""
        return None


_WORD: Final = re.compile(r"\w+")
_BEFORE_VALUE: Final = re.compile(r" ?[\[(\"'\d]")

_Adapter = TypeVar("_Adapter", bound=type[Adapter])


def adapt(framework: str, adaptation: Adaptation, base: type[Adapter] = Adapter) -> type[Adapter]:
    """Make the adapter of a table. If its name has no number of axes, that is taken from the input's shape.

    Args:
        framework: the first part of the name.
        adaptation: the table.
        base: for adapters that convert elements.
    """
    by_rank = {rank: _adapt_at_rank(framework, adaptation, base, rank) for rank in adaptation.ranks}
    if len(by_rank) == 1:
        return next(iter(by_rank.values()))
    chosen = by_rank[2]
    for each in by_rank.values():
        each.is_rank_free = True
        each.at_ranks = by_rank
    return chosen


def _adapt_at_rank(framework: str, adaptation: Adaptation, base: type[Adapter], rank: int) -> type[Adapter]:
    target = at_rank(adaptation.target, rank)
    fields = tuple(row.as_field() for row in adaptation.attributes)
    # The values are those that the field types give, so the dataclass needs no defaults.
    namespace: dict[str, Any] = {
        "__doc__": adaptation.summary,
        "__module__": base.__module__,
        "__annotations__": {each.name: "object" for each in fields},
    }
    made = cast(
        "type[Adapter]", dataclass(frozen=True)(type(f"{framework.capitalize()}{adaptation.name}", (base,), namespace))
    )
    made.adaptation = adaptation
    made.target_type = target
    made.name = f"{framework}.{adaptation.name}"
    made.family = made.name.removesuffix(f"{rank}D")
    made.rank = rank
    made.ranks = adaptation.ranks
    made.declared_fields = fields
    made.companions = target.companions
    made.inputs = target.inputs
    made.element_types = adaptation.element_types or target.element_types
    made.padding_value = adaptation.padding_value or target.padding_value
    made.index_meaning = adaptation.index_meaning
    made.shape_rule = adaptation.shape_rule
    made.source = adaptation.source
    made.samples = adaptation.samples
    made.refusals = adaptation.refusals
    return made
