"""Keras' GlobalAveragePooling1D with its input ``mask``: the average of the steps that count, by token_pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from poolhouse.errors import FieldProblem
from poolhouse.operators.adapters.adapter import Adapter
from poolhouse.operators.adapters.attributes import Adaptation, Attributes
from poolhouse.operators.adapters.region_adapter import RegionAdapter, adapt_regions
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.layout import CHANNELS_LAST
from poolhouse.operators.operator import Sample
from poolhouse.operators.token_pool import TokenPool
from poolhouse.operators.token_regions import MASK
from poolhouse.tensors import TensorMetadata

STEPS_MASK: Final[TensorInput] = replace(
    MASK,
    meaning="(N, steps): the steps whose element is not 0 count. All count without it. For floats with channels last.",
)


class MaskedAverage(RegionAdapter):
    """Base of the adapter for requests that have a mask."""

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        found = super().arrange(inputs)
        if not self.attributes["keepdims"]:
            return found
        (output,) = found.outputs.values()
        shape = (*output.shape[:-1], 1, output.shape[-1])
        return replace(found, outputs={"output": TensorMetadata(output.dtype, shape)})


def _needs_channels_last(attributes: Attributes) -> Sequence[FieldProblem]:
    if attributes["data_format"] == CHANNELS_LAST:
        return ()
    message = "with a mask data_format must be channels_last, (N, steps, features); move the axis"
    return (FieldProblem("/data_format", "conflict", message),)


def with_mask(plain: type[Adapter]) -> type[Adapter]:
    """Give the adapter of GlobalAveragePooling1D the optional tensor ``mask``."""
    attributes = tuple(replace(row, ours=None) for row in plain.adaptation.attributes)
    adaptation = Adaptation(
        plain.adaptation.name,
        TokenPool,
        attributes,
        plain.adaptation.summary,
        plain.adaptation.shape_rule,
        plain.adaptation.source,
        (Sample((1, 4, 3), {}),),
        fixed={"modes": ["mean"]},
        conflicts=_needs_channels_last,
    )
    masked = adapt_regions("keras", adaptation, MaskedAverage, (STEPS_MASK,))
    plain.companions = (STEPS_MASK,)
    plain.inputs = ("input", STEPS_MASK.name)
    plain.with_tensor = {STEPS_MASK.name: masked}
    return plain
