"""quantile_pool1d to 3d, adaptive_quantile_pool1d to 3d, global_quantile_pool1d to 3d."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from poolhouse.dtypes import ElementKind
from poolhouse.kernels.quantiles import Quantile
from poolhouse.operators.field_types import Choice
from poolhouse.operators.fields import field
from poolhouse.operators.forms import reduction
from poolhouse.operators.number_types import Probability
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.ranks import METHOD_WORDS, RankReduction, quantile_of_numbers
from poolhouse.operators.tracing import Terms, short_number
from poolhouse.operators.window_operator import Window


@reduction("quantile_pool")
class QuantilePool(RankReduction):
    """A quantile of {windows}."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Interpolated in float64 and rounded; -0 is less than 0. A window with NaN gives NaN.",
        "integer": "Interpolated exactly, at a place that is a multiple of 2⁻³² between two elements, and rounded to "
        "the nearest integer, a half to the even one.",
        "boolean": "As the integers 0 and 1.",
    }
    padding_value: ClassVar[str] = "Padding is not counted: a window at the border has fewer elements."
    source: ClassVar[str] = "numpy.quantile, scipy.ndimage.percentile_filter"

    q: float = field(Probability(), "The share of the elements below the result.", default=0.5, example=0.9)
    method: str = field(
        Choice(METHOD_WORDS),
        "Which value a quantile between two elements has, as in numpy's quantile: linear interpolates, midpoint is "
        "their mean, and the others choose one of them.",
        default="linear",
        example="lower",
    )

    sample_fields: ClassVar[Mapping[str, object]] = {"q": 0.9}
    own_samples = (
        Sample((6, 9, 8), {"q": 0.3, "method": "nearest"}, dtype="uint8"),
        Sample((6, 9, 8), {"q": 0.7}, dtype="int64"),
    )
    own_refusals = (
        Refusal((8, 8, 8), {"q": 1.5}, "invalid_fields"),
        Refusal((8, 8, 8), {"method": "weibull"}, "invalid_fields"),
    )

    def quantile_of(self, *, floating: bool) -> Quantile:
        return Quantile(self.q, self.method)

    def expression(self, window: Window, terms: Terms) -> str:
        return f"{short_number(self.q)} {super().expression(window, terms)}"

    def of_window(self, window: Window) -> tuple[Number, ...]:
        return (quantile_of_numbers(window.values, Quantile(self.q, self.method)),)
