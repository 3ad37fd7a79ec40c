"""spatial_pyramid_pool1d to 3d: the windows of several adaptive poolings in one vector, as He et al."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.widening import Array
from poolhouse.operators.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from poolhouse.operators.composition import JoinedOperator, part_class
from poolhouse.operators.costs import Cost, elementwise_cost
from poolhouse.operators.field_types import Choice
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerList
from poolhouse.operators.tracing import SizeFormula

_MAX_LEVELS: Final = 16
_MAX_SIZE: Final = 4096
_REDUCTIONS: Final = {"max": AdaptiveMaxPool, "mean": AdaptiveAvgPool}


@operator("spatial_pyramid_pool")
class SpatialPyramidPool(JoinedOperator):
    """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

    A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells are
    in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``; the levels
    follow each other. With channels last the vector is the same.
    """

    pools_samples: ClassVar[bool] = True
    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``, where "
        "``cells`` is the sum of the sizes to the power of the number of axes."
    )
    source: ClassVar[str] = "He, Zhang, Ren, Sun, Spatial Pyramid Pooling in Deep Convolutional Networks, 2014"
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "As adaptive_max_pool's and adaptive_avg_pool's.",
        "integer": "Maxima are exact; means are the exact quotient, truncated toward zero.",
    }

    output_sizes: tuple[int, ...] = field(
        IntegerList(1, _MAX_SIZE, _MAX_LEVELS),
        "Number of windows along each axis, for each level.",
        default=(1, 2, 4),
        example=[1, 2, 4],
    )
    reduce: str = field(Choice(tuple(_REDUCTIONS)), "The value of a window.", default="max", example="mean")

    samples = (
        Sample((6, 9, 8), {}),
        Sample((6, 9, 8), {"reduce": "mean", "output_sizes": [3, 2]}),
        Sample((6, 9, 8), {"output_sizes": [1]}),
        Sample((3, 4, 5), {"output_sizes": [7, 1]}, dtype="float16"),
        Sample((6, 9, 8), {"output_sizes": [2, 1], "reduce": "mean"}, dtype="uint8"),
    )
    refusals = (
        Refusal((8, 8, 8), {"output_sizes": []}, "invalid_fields"),
        Refusal((8, 8, 8), {"output_sizes": 2}, "invalid_fields"),
        Refusal((8, 8, 8), {"output_sizes": [1, 0]}, "invalid_fields"),
        Refusal((8, 8, 8), {"output_sizes": [1] * 17}, "invalid_fields"),
        Refusal((8, 8, 8), {"reduce": "min"}, "invalid_fields"),
        Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="bool"),
    )

    @cached_property
    def parts(self) -> tuple[PlaneOperator, ...]:
        cls = part_class(_REDUCTIONS[self.reduce], self.rank)
        return tuple(cls.of(output_size=size, layout=self.layout) for size in self.output_sizes)

    def _cells(self) -> int:
        return sum(size**self.rank for size in self.output_sizes)

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return ()

    def window_count(self, spatial: Sizes) -> int:
        return self.rank * sum(self.output_sizes)

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        return (*batch_shape[:-1], batch_shape[-1] * self._cells())

    def warnings(self, spatial: Sizes) -> list[str]:
        return [warning for part in self.parts for warning in part.warnings(spatial)]

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        return [formula for part in self.parts for formula in part.size_formulas(spatial)]

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        ordered = [part.movedim(-1, 1) for part in parts] if self.is_channels_last else parts
        return torch.cat([part.flatten(1) for part in ordered], 1)

    def join_arrays(self, parts: Sequence[Array], dtype: ElementType) -> Array:
        ordered = [np.moveaxis(part, -1, 1) for part in parts] if self.is_channels_last else parts
        joined: Array = np.concatenate([part.reshape(len(part), -1) for part in ordered], 1)
        return joined

    def joining_cost(self, elements: int, dtype: ElementType) -> Cost:
        calls = 2 * len(self.output_sizes) + 1
        joined = elementwise_cost(elements, dtype.itemsize, 0.4)
        moved = joined.plane_bytes if self.is_channels_last else 0.0
        steps = joined.plane_steps * (2 if self.is_channels_last else 1)
        return Cost(steps + 4 * len(self.output_sizes), calls * joined.call_steps, moved)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        return ([number for part in self.parts for x in plane for number in part.reference_of_plane(x, None)[0]],)
