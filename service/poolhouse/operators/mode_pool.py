"""mode_pool1d to 3d, adaptive_mode_pool1d to 3d, global_mode_pool1d to 3d."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from poolhouse.dtypes import ElementKind
from poolhouse.operators.forms import reduction
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.ranks import RankReduction
from poolhouse.operators.tracing import Terms
from poolhouse.operators.window_operator import Window


@reduction("mode_pool")
class ModePool(RankReduction):
    """The most frequent element of {windows}; of equally frequent ones the least. For labels: no value is computed."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "integer": "Compared exactly, all 64 bits.",
        "boolean": "False is less than true.",
    }
    padding_value: ClassVar[str] = "Padding is not counted: a window at the border has fewer elements."
    source: ClassVar[str] = "scipy.stats.mode; GDAL's resampling by mode"

    sample_dtype: ClassVar[str] = "int32"
    own_samples = (Sample((6, 9, 8), {"ignore_value": 0}, dtype="uint8"), Sample((6, 9, 8), {}, dtype="bool"))
    own_refusals = (Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="float32"),)

    def quantile_of(self, *, floating: bool) -> None:
        return None

    def arithmetic(self, window: Window, terms: Terms, result: str) -> str:
        times = max(Counter(window.values).values())
        return f"{super().arithmetic(window, terms, result)}, {'once' if times == 1 else f'{times} times'}"

    def of_window(self, window: Window) -> tuple[Number, ...]:
        counts = Counter(window.values)
        return (min(counts, key=lambda value: (-counts[value], value)),)
