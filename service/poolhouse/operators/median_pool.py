"""median_pool1d to 3d, adaptive_median_pool1d to 3d, global_median_pool1d to 3d."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from poolhouse.dtypes import ElementKind
from poolhouse.kernels.quantiles import Quantile
from poolhouse.operators.field_types import Choice
from poolhouse.operators.fields import field
from poolhouse.operators.forms import reduction
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.ranks import METHOD_WORDS, RankReduction, quantile_of_numbers
from poolhouse.operators.window_operator import Window


@reduction("median_pool")
class MedianPool(RankReduction):
    """The median of {windows}."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "The mean of both middle elements of an even number, in float64 and rounded; -0 is less than 0. "
        "A window with NaN gives NaN.",
        "integer": "The lower of both middle elements of an even number; by linear and midpoint their mean, rounded to "
        "the nearest integer, a half to the even one.",
        "boolean": "As the integers 0 and 1.",
    }
    padding_value: ClassVar[str] = "Padding is not counted: a window at the border has fewer elements."
    source: ClassVar[str] = "numpy.median, scipy.ndimage.median_filter"

    method: str | None = field(
        Choice(METHOD_WORDS),
        "Which value an even number of elements has, as in numpy's quantile; when not given, the mean of both middle "
        "elements for floats, and the lower of them for integers.",
        default=None,
        example="lower",
    )

    own_samples = (Sample((6, 9, 8), {"method": "higher"}, dtype="int32"), Sample((6, 9, 8), {}, dtype="bool"))
    own_refusals = (Refusal((8, 8, 8), {"method": "mean"}, "invalid_fields"),)

    def quantile_of(self, *, floating: bool) -> Quantile:
        return Quantile(0.5, self.method or ("midpoint" if floating else "lower"))

    def of_window(self, window: Window) -> tuple[Number, ...]:
        floating = isinstance(window.values[0], float)
        return (quantile_of_numbers(window.values, self.quantile_of(floating=floating)),)
