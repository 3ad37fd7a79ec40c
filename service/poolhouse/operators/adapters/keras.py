"""Keras' pooling layers, with its arguments, defaults and meaning: those of Keras 3."""

from __future__ import annotations

from typing import Final

from poolhouse.operators.adapters.adapter import adapt
from poolhouse.operators.adapters.attributes import Adaptation, Attribute
from poolhouse.operators.adapters.keras_masked import with_mask
from poolhouse.operators.adaptive import GlobalAvgPool, GlobalMaxPool
from poolhouse.operators.averages import AVERAGE_TYPES
from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.layout import CHANNELS_FIRST, CHANNELS_LAST
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis

_DATA_FORMAT: Final = Attribute(
    "data_format",
    "layout",
    Choice((CHANNELS_LAST, CHANNELS_FIRST)),
    "Order of the axes of input and output: (N, *spatial, C), or (N, C, *spatial).",
    CHANNELS_LAST,
    example=CHANNELS_FIRST,
)
_WINDOW: Final = (
    Attribute("pool_size", "kernel_size", IntegerPerAxis(1), "Elements of a window along each axis.", 2, example=2),
    Attribute(
        "strides",
        "stride",
        IntegerPerAxis(1),
        "Positions from one window to the next along each axis; pool_size when not given.",
        default_from="pool_size",
        example=2,
    ),
    Attribute(
        "padding",
        "padding",
        Choice(("valid", "same")),
        "valid adds nothing; same adds what makes each axis ceil(L / strides), an odd position after. "
        "The padding never counts.",
        "valid",
        example="same",
    ),
    _DATA_FORMAT,
)
_GLOBAL: Final = (
    _DATA_FORMAT,
    Attribute(
        "keepdims", "keepdims", Flag(), "Whether the pooled axes are kept, with the size 1.", False, example=True
    ),
)
_SHAPE_RULE: Final = (
    "input ``(N, *spatial, C)`` or ``(*spatial, C)``, or with channels first ``(N, C, *spatial)`` or "
    "``(C, *spatial)``; each axis becomes ``floor((L - pool_size) / strides) + 1``, or ``ceil(L / strides)`` with "
    "the padding same."
)
_GLOBAL_SHAPE_RULE: Final = (
    "input ``(N, *spatial, C)`` or ``(*spatial, C)``, or with channels first ``(N, C, *spatial)`` or "
    "``(C, *spatial)``; the output is ``(N, C)`` or ``(C)``, or with keepdims has 1 in place of each axis."
)
_SAMPLES: Final = (
    Sample((5, 8, 8), {}),
    Sample((6, 9, 7), {"pool_size": 3, "strides": 2, "padding": "same"}),
    Sample((6, 9, 7), {"pool_size": 3, "strides": 2, "data_format": CHANNELS_FIRST}),
)
_GLOBAL_SAMPLES: Final = (Sample((5, 8, 8), {}), Sample((5, 8, 8), {"data_format": CHANNELS_FIRST, "keepdims": True}))
_REFUSALS: Final = (
    Refusal((8, 8, 8), {"pool_size": 0}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),
    Refusal((8, 8, 8), {"padding": "same_lower"}, "invalid_fields"),
    Refusal((8, 8, 8), {"padding": 1}, "invalid_fields"),
    Refusal((8, 8, 8), {"pool_size": 10}, "window_does_not_fit"),
)
_GLOBAL_REFUSALS: Final = (Refusal((8, 8, 8), {"pool_size": 2}, "invalid_fields"),)


def _window(name: str, target: type[PlaneOperator], summary: str, rank: int, **fixed: object) -> Adaptation:
    full = f"{name}{rank}D"
    return Adaptation(
        full,
        target,
        _WINDOW,
        f"{summary}: Keras' {full}.",
        _SHAPE_RULE,
        f"keras.layers.{full}",
        _SAMPLES,
        _REFUSALS,
        fixed=fixed,
        padding_value="The padding never counts.",
        element_types=AVERAGE_TYPES if target is AvgPool else None,
        ranks=(rank,),
    )


def _global(name: str, target: type[PlaneOperator], summary: str, rank: int) -> Adaptation:
    full = f"{name}{rank}D"
    return Adaptation(
        full,
        target,
        _GLOBAL,
        f"{summary}: Keras' {full}.",
        _GLOBAL_SHAPE_RULE,
        f"keras.layers.{full}",
        _GLOBAL_SAMPLES,
        _GLOBAL_REFUSALS,
        ranks=(rank,),
    )


_RANKS: Final = (1, 2, 3)

ADAPTATIONS: Final = (
    *(_window("MaxPooling", MaxPool, "The largest element of each window", rank) for rank in _RANKS),
    *(
        _window("AveragePooling", AvgPool, "The average of each window", rank, count_include_pad=False)
        for rank in _RANKS
    ),
    *(_global("GlobalMaxPooling", GlobalMaxPool, "The largest element of each plane", rank) for rank in _RANKS),
    *(_global("GlobalAveragePooling", GlobalAvgPool, "The average of each plane", rank) for rank in _RANKS),
)

_MASKED: Final = "GlobalAveragePooling1D"

ADAPTERS: Final = tuple(
    with_mask(adapter) if adapter.adaptation.name == _MASKED else adapter
    for adapter in (adapt("keras", adaptation) for adaptation in ADAPTATIONS)
)
