"""Adapters of operators that pool regions: the tensors have the names of another framework, and ours computes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, cast

import torch

from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.adapters.attributes import Adaptation
from poolhouse.operators.adapters.translation import Translated
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.input_checks import check_companion_type, check_names
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.operators.tracing import Geometry, PooledArrays, TracedElement
from poolhouse.tensors import Tensor, TensorMetadata

_Given = TypeVar("_Given")


@dataclass(frozen=True)
class RegionAdapter(Translated[RegionOperator], RegionOperator):
    """Base of the adapters; :func:`adapt_regions` makes them from a table."""

    target_type: ClassVar[type[RegionOperator]]
    our_names: ClassVar[Mapping[str, str]] = {}
    """The names of tensors here, and those of our operator, where they differ."""

    def translate(self, message: str) -> str:
        found = super().translate(message)
        for theirs, ours in self.our_names.items():
            found = found.replace(ours, theirs)
        return found

    def _with_our_names(self, tensors: Mapping[str, _Given]) -> dict[str, _Given]:
        return {self.our_names.get(name, name): each for name, each in tensors.items()}

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        check_names(self, inputs)
        for each in self.companions:
            if each.name in inputs:
                check_companion_type(each, inputs[each.name].dtype)
        with self.in_their_words():
            found = self.target.arrange(self._with_our_names(inputs))
        return replace(found, inputs=dict(inputs))

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        return self.target.arranged_cost(arrangement)

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        return self.target.arranged_loops(arrangement)

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        return self.target.make_kernel(plane_shape, self._with_our_names(inputs))

    def prepare_inputs(self, arrays: Mapping[str, Array], planes: int) -> Mapping[str, Array]:
        return self.target.prepare_inputs(self._with_our_names(arrays), planes)

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        return self.target.slice_inputs(arrays, planes, plane_shape, start, stop)

    def join_slices(self, slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
        return self.target.join_slices(slices)

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        return self.target.run(planes)

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        with self.in_their_words():
            self.target.check_elements(self._with_our_names(tensors))

    def reference(self, arrays: Mapping[str, Array]) -> Mapping[str, list[Number]]:
        return self.target.reference(self._with_our_names(arrays))

    def traced_outputs(self) -> tuple[str, ...]:
        return self.target.traced_outputs()

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        return self.target.trace(replace(pooled, inputs=self._with_our_names(pooled.inputs)), planes, plane_shape)

    def traced_geometry(self, inputs: Mapping[str, TensorMetadata]) -> Geometry:
        return self.target.traced_geometry(self._with_our_names(inputs))


def adapt_regions(
    framework: str,
    adaptation: Adaptation,
    base: type[RegionAdapter],
    companions: tuple[TensorInput, ...],
) -> type[RegionAdapter]:
    """Make the adapter of a table.

    Args:
        framework: the first part of the name.
        adaptation: the table.
        base: its class, with the names of the tensors and examples of them.
        companions: the tensors beside ``input``, by their names there.
    """
    fields = tuple(row.as_field() for row in adaptation.attributes)
    target = cast("type[RegionOperator]", adaptation.target)
    # The values are those that the field types give, so the dataclass needs no defaults.
    namespace: dict[str, Any] = {
        "__doc__": adaptation.summary,
        "__module__": base.__module__,
        "__annotations__": {each.name: "object" for each in fields},
    }
    made = cast(
        "type[RegionAdapter]",
        dataclass(frozen=True)(type(f"{framework.capitalize()}{adaptation.name}", (base,), namespace)),
    )
    made.adaptation = adaptation
    made.target_type = target
    made.name = made.family = f"{framework}.{adaptation.name}"
    made.rank, made.ranks = target.rank, ()
    made.declared_fields = fields
    made.companions = companions
    made.inputs = ("input", *(each.name for each in companions))
    made.input_dimensions, made.output_dimensions = target.input_dimensions, target.output_dimensions
    made.element_types = target.element_types
    made.padding_value = target.padding_value
    made.shape_rule = adaptation.shape_rule
    made.source = adaptation.source
    made.samples = adaptation.samples
    made.refusals = adaptation.refusals
    return made
