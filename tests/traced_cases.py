"""Traces of requests that are pooled without a service, and their parts as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poolhouse.dtypes import ElementType
from poolhouse.operators.numbers import Number
from poolhouse.operators.plan import Plan
from poolhouse.operators.window_operator import Window
from poolhouse.tensors import Tensor
from poolhouse.trace import check_traceable, trace_card
from poolhouse.wire.json.encoder import list_elements

Card = dict[str, Any]


def trace(plan: Plan, tensors: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Card:
    """The trace of a pooled request, as the service makes it."""
    check_traceable(plan)
    numbers = {name: list_elements(each) for name, each in {**outputs, **tensors}.items()}
    return trace_card(plan, tensors, outputs, numbers)


def number_of(value: object, dtype: ElementType) -> Number:
    """The element that a JSON value stands for."""
    if isinstance(value, str):
        return float(value)
    assert isinstance(value, int | float)
    return value if dtype.kind != "float" or dtype.itemsize == 8 else float(np.float32(value))


def numbers_of(values: Sequence[object], dtype: ElementType) -> list[Number]:
    """The elements that JSON values stand for."""
    return [number_of(value, dtype) for value in values]


def window_of(card: Card, element: Card, dtype: ElementType) -> Window:
    """The window of an element from what its trace reports, for operators with windows over the input."""
    axes, shape = card["spatial_axes"]["input"], card["inputs"]["input"]["shape"]
    spatial = [shape[axis] for axis in axes]
    extent = 1
    sides = zip(card["padding"]["before"], card["padding"]["after"], strict=True)
    for span, length, (before, after) in zip(element["window"], spatial, sides, strict=True):
        positions = range(span["start"], span["start"] + span["step"] * span["count"], span["step"])
        extent *= sum(-before <= position < length + after for position in positions)
    return Window(
        values=numbers_of(element["values"], dtype),
        positions=[
            int(np.ravel_multi_index([place[axis] for axis in axes], spatial)) for place in element["positions"]
        ],
        extent=extent,
        volume=math.prod(span["count"] for span in element["window"]),
    )
