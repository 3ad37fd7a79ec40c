"""Adapters: operators of other frameworks, each computed by one of ours.

An adapter has the fields and the meaning of its framework, and passes everything else to the spec of ours that its
table gives. So there is no second kernel, and its requests share batches with those of our operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.adapters.attributes import Adaptation
from poolhouse.operators.adapters.translation import Translated
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes
from poolhouse.operators.layout import CHANNELS_FIRST
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Operator, Planes, at_rank
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.tracing import PooledArrays, SizeFormula, TracedElement
from poolhouse.tensors import Tensor, TensorMetadata


@dataclass(frozen=True)
class Adapter(Translated[PlaneOperator], PlaneOperator):
    """Base of the adapters; :func:`adapt` makes them from a table."""

    target_type: ClassVar[type[PlaneOperator]]
    with_tensor: ClassVar[Mapping[str, type[Operator]]] = {}
    """The classes for requests that have an optional tensor, by its name."""
    at_ranks: ClassVar[Mapping[int, type[PlaneOperator]]] = {}
    layout: ClassVar[str] = CHANNELS_FIRST  # type: ignore[misc]  # no field of other frameworks has this name

    # ---- what depends on the input's rank

    @classmethod
    def for_inputs(cls, inputs: Mapping[str, TensorMetadata]) -> type[Operator]:
        for name, other in cls.with_tensor.items():
            if name in inputs:
                return other
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
    def variants(cls) -> tuple[type[Operator], ...]:
        return tuple(cls.at_ranks.values()) or (cls,)

    # ---- passed to the spec of ours

    @property
    def is_channels_last(self) -> bool:
        return self.target.is_channels_last

    def spatial_out(self, spatial: Sizes) -> Sizes:
        with self.in_their_words():
            return self.target.spatial_out(spatial)

    def output_type(self, dtype: ElementType) -> ElementType:
        return self.target.output_type(dtype)

    def sizes_by_output(self, spatial: Sizes) -> Mapping[str, Sizes]:
        with self.in_their_words():
            return self.target.sizes_by_output(spatial)

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        return self.target.output_shape(batch_shape, sizes)

    def output_metadata(self, batch_shape: Sizes, spatial: Sizes, dtype: ElementType) -> dict[str, TensorMetadata]:
        with self.in_their_words():
            return self.target.output_metadata(batch_shape, spatial, dtype)

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        with self.in_their_words():
            self.target.check_batch_shape(batch_shape)

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        with self.in_their_words():
            self.target.check_elements(tensors)

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        return tuple(self.translate(each) for each in self.target.warnings(spatial))

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
        with self.in_their_words():
            return self._with_conversion(self.target.cost_of(plane_shape, dtype), plane_shape)

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        with self.in_their_words():
            loops = self.target.loops_of(plane_shape, dtype)
        return None if loops is None else replace(loops, cost=self._with_conversion(loops.cost, plane_shape))

    def _with_conversion(self, cost: Cost, plane_shape: Sizes) -> Cost:
        converted = self.conversion_cost(self.spatial_of(plane_shape))
        return cost if converted is None else cost.with_held_bytes(converted.plane_bytes).then(converted)

    def traced_outputs(self) -> tuple[str, ...]:
        return self.target.traced_outputs()

    def trace_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        return self.target.trace_plane(plane)

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return self.target.traced_plane_positions(spatial)

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        return self.target.padding_at(axis, length)

    def padding_number(self) -> Number | str | None:
        return self.target.padding_number()

    def size_formulas(self, spatial: Sizes) -> Sequence[SizeFormula]:
        return self.target.size_formulas(spatial)

    # ---- for adapters that convert elements

    def conversion_cost(self, spatial: Sizes) -> Cost | None:
        """The cost of converting the indices of one plane; None if nothing is converted."""
        return None


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
    target = cast("type[PlaneOperator]", at_rank(adaptation.target, rank))
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
