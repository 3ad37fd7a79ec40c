"""Average and maximum of the same windows: half their sum, or both. Adaptive and global, as in timm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import BFLOAT16, ElementKind, ElementType, bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.widening import Array
from poolhouse.operators.adaptive import (
    REFUSALS,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AdaptiveWindowOperator,
    GlobalWindowOperator,
    output_size_field,
)
from poolhouse.operators.composition import JoinedOperator, part_class
from poolhouse.operators.costs import Cost, elementwise_cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.tracing import Terms
from poolhouse.operators.window_operator import Window, WindowOperator

_Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_ADAPTIVE_SHAPE = "each axis becomes ``output_size``."
_GLOBAL_SHAPE = "each axis becomes 1, and is left out without keepdims."
_INPUT = "input ``(N, C, *spatial)`` or ``(C, *spatial)``; "
_SOURCE = "timm.layers.adaptive_avgmax_pool"

_ADAPTIVE_SAMPLES = (
    Sample((5, 9, 7), {"output_size": 3}),
    Sample((3, 4, 5), {"output_size": 7}),
    Sample((6, 9, 8), {"output_size": 1}),
    Sample((6, 9, 8), {"output_size": 3}, dtype="bfloat16"),
)
_GLOBAL_SAMPLES = (
    Sample((5, 8, 8), {}),
    Sample((3, 7, 9), {"keepdims": False}),
    Sample((3, 7, 9), {}, dtype="float16"),
)
_GLOBAL_REFUSALS = (
    Refusal((8, 8, 8), {"output_size": 1}, "invalid_fields"),
    Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="bool"),
)


class AvgMax(JoinedOperator, AdaptiveWindowOperator):
    """Base of operators that join the average and the maximum of each window."""

    @cached_property
    def parts(self) -> tuple[PlaneOperator, ...]:
        fields = {"output_size": list(self.target_size()), "layout": self.layout}
        return tuple(part_class(cls, self.rank).of(**fields) for cls in (AdaptiveAvgPool, AdaptiveMaxPool))


class HalfSum(AvgMax):
    """Half the sum of both."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "The average is rounded to the type, as avg_pool does; the halves are added in float32 for 16-bit "
        "types, else in float64, and rounded once.",
    }

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        # The sum of two large numbers would overflow; that of their halves does not.
        wide = torch.float32 if parts[0].element_size() == 2 else torch.float64
        average, largest = (part.to(wide) * 0.5 for part in parts)
        return average.add_(largest).to(parts[0].dtype)

    def join_arrays(self, parts: Sequence[Array], dtype: ElementType) -> Array:
        if dtype is BFLOAT16:
            wide = [bfloat16_to_float32(part.view(np.uint16)) for part in parts]
            return float32_to_bfloat16(_half_sum(wide[0], wide[1]).astype(np.float32)).view(parts[0].dtype)
        halves: list[_Floats] = [
            part.astype(np.float32) if dtype.itemsize == 2 else part.astype(np.float64) for part in parts
        ]
        with np.errstate(over="ignore"):
            return _half_sum(halves[0], halves[1]).astype(parts[0].dtype)

    def joining_cost(self, elements: int, dtype: ElementType) -> Cost:
        each = elementwise_cost(elements // 2, 4 if dtype.itemsize == 2 else 8, 0.5)
        # Both halves are converted and multiplied, then added and converted back.
        return Cost(6 * each.plane_steps, 6 * each.call_steps, 4 * each.plane_bytes)

    def of_window(self, window: Window) -> tuple[Number, ...]:
        average, largest = (part.of_window(window)[0] for part in self.parts if isinstance(part, WindowOperator))
        return (average / 2 + largest / 2,)

    def expression(self, window: Window, terms: Terms) -> str:
        each = [part.expression(window, terms) for part in self.parts if isinstance(part, WindowOperator)]
        return f"({' + '.join(each)}) / 2"


def _half_sum(average: _Floats, largest: _Floats) -> _Floats:
    """Half the sum, in the memory of the first."""
    with np.errstate(invalid="ignore"):
        np.multiply(average, 0.5, out=average)
        np.multiply(largest, 0.5, out=largest)
        np.add(average, largest, out=average)
    return average


class Both(AvgMax):
    """The channels of the averages, and then those of the maxima."""

    pools_samples: ClassVar[bool] = True
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Averages as avg_pool's; maxima compared without conversion.",
        "integer": "Averages are the exact quotient, truncated toward zero; maxima are exact.",
    }

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        return super().output_shape((*batch_shape[:-1], 2 * batch_shape[-1]), sizes)

    def _channel_axis(self) -> int:
        return -1 if self.is_channels_last else 1

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.cat(tuple(parts), self._channel_axis())

    def join_arrays(self, parts: Sequence[Array], dtype: ElementType) -> Array:
        joined: Array = np.concatenate(parts, self._channel_axis())
        return joined

    def joining_cost(self, elements: int, dtype: ElementType) -> Cost:
        joined = elementwise_cost(elements, dtype.itemsize, 0.3)
        return Cost(joined.plane_steps + 20, joined.call_steps, 0.0)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        return ([number for part in self.parts for x in plane for number in part.reference_of_plane(x, None)[0]],)


@operator("adaptive_avgmax_pool")
class AdaptiveAvgMaxPool(HalfSum):
    """Half the sum of the average and the maximum of each of a given number of windows."""

    shape_rule: ClassVar[str] = f"{_INPUT}{_ADAPTIVE_SHAPE}"
    source: ClassVar[str] = f"{_SOURCE}.adaptive_avgmax_pool2d"

    output_size: tuple[int | None, ...] = output_size_field()

    samples = _ADAPTIVE_SAMPLES
    refusals = (*REFUSALS, Refusal((8, 8, 8), {"output_size": 2}, "unsupported_dtype", dtype="int32"))

    def target_size(self) -> tuple[int | None, ...]:
        return self.output_size


@operator("adaptive_catavgmax_pool")
class AdaptiveCatAvgMaxPool(Both):
    """The average of each of a given number of windows for all channels, and then the maximum for all channels."""

    shape_rule: ClassVar[str] = f"{_INPUT}C becomes 2·C, {_ADAPTIVE_SHAPE}"
    source: ClassVar[str] = f"{_SOURCE}.adaptive_catavgmax_pool2d"

    output_size: tuple[int | None, ...] = output_size_field()

    samples = _ADAPTIVE_SAMPLES
    refusals = (*REFUSALS, Refusal((8, 8, 8), {"output_size": 2}, "unsupported_dtype", dtype="bool"))

    def target_size(self) -> tuple[int | None, ...]:
        return self.output_size


@operator("global_avgmax_pool")
class GlobalAvgMaxPool(GlobalWindowOperator, HalfSum):
    """Half the sum of the average and the maximum of each plane."""

    shape_rule: ClassVar[str] = f"{_INPUT}{_GLOBAL_SHAPE}"
    source: ClassVar[str] = f"{_SOURCE}.select_adaptive_pool2d(x, 'avgmax')"

    samples = _GLOBAL_SAMPLES
    refusals = (*_GLOBAL_REFUSALS, Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="int32"))


@operator("global_catavgmax_pool")
class GlobalCatAvgMaxPool(Both, GlobalWindowOperator):
    """The average of each plane for all channels, and then the maximum for all channels."""

    shape_rule: ClassVar[str] = f"{_INPUT}C becomes 2·C, {_GLOBAL_SHAPE}"
    source: ClassVar[str] = f"{_SOURCE}.select_adaptive_pool2d(x, 'catavgmax')"

    samples = _GLOBAL_SAMPLES
    refusals = _GLOBAL_REFUSALS
