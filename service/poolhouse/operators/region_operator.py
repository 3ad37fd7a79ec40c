"""Operators that pool regions which a request lists, such as rows of tokens, spans, segments and boxes.

Each region gives one result. The regions may overlap, so all of them share the input: a slice of a request has some
regions and what they need of the input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, float64_to_bfloat16
from poolhouse.operators.fields import Sizes
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Operator
from poolhouse.operators.tracing import PooledArrays, TracedElement
from poolhouse.tensors import Tensor, TensorMetadata


def ramp(dtype: str, shape: Sizes) -> Tensor:
    """A small tensor for samples: the numbers 0 to 6, again and again."""
    values = (np.arange(math.prod(shape)) % 7).reshape(shape)
    found = ELEMENT_TYPES[dtype]
    if found is BFLOAT16:
        return Tensor(found, float64_to_bfloat16(values.astype(np.float64)))
    return Tensor(found, values.astype(found.storage))


@dataclass(frozen=True)
class RegionOperator(Operator):
    """Base class of operators that pool regions; each region is a plane of the arrangement."""

    less_work: ClassVar[str] = "Pool fewer or smaller regions at once."
    concatenates_slices: ClassVar[bool] = False
    # Three integers, or five numbers, and some copies of them.
    region_bytes: ClassVar[int] = 192
    required_outputs: ClassVar[tuple[str, ...]] = ("output",)
    """Those of :meth:`possible_outputs` that every spec has."""
    exactly_one_input_of: ClassVar[tuple[str, ...]] = ()
    """Optional tensors of which a request has exactly one."""
    input_dimensions: ClassVar[tuple[int, ...]]
    """The possible numbers of dimensions of ``input``, which are consecutive."""
    output_dimensions: ClassVar[tuple[int, ...]]
    """The possible numbers of dimensions of the outputs, which are consecutive."""

    def batch_size(self, inputs: Mapping[str, TensorMetadata]) -> int:
        return self.arrange(inputs).planes

    def largest_plane(self, shapes: Mapping[str, Sizes]) -> int:
        # Torch's kernels for these operators count in 64 bits.
        return 0

    def reference(self, arrays: Mapping[str, Array]) -> Mapping[str, list[Number]]:
        """Pool a request in plain Python: slow, but obviously right. The oracle that tests compare with.

        Args:
            arrays: the inputs as requests have them; bfloat16 as float32.

        Returns:
            the elements of each output in row-major order, by name.
        """
        raise NotImplementedError

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        """See :meth:`.operator.Operator.trace`; as far as is known here, each element comes from the whole input."""
        given = pooled.inputs["input"].reshape(-1)
        shown = pooled.terms(given.tolist()).joined()
        for output in self.traced_outputs():
            for place in range(pooled.outputs[output].size):
                yield TracedElement(
                    output=output,
                    place=place,
                    results=(output,),
                    positions=range(given.size),
                    arithmetic=f"{self.reduction_name()}({shown}) = {pooled.result_text(output, place)}",
                )
