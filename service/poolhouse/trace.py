"""Traces of small requests as plain values: for each output element its window, what counts, and the computation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from poolhouse.dtypes import BFLOAT16, bfloat16_to_float32
from poolhouse.errors import TooLarge
from poolhouse.operators.numbers import Array
from poolhouse.operators.plan import Plan
from poolhouse.operators.tracing import PooledArrays, TracedElement
from poolhouse.tensors import Tensor

JsonObject = dict[str, object]
Numbers = Mapping[str, Sequence[object]]
"""The elements of each tensor, flat, as JSON has them."""

MAX_INPUT_ELEMENTS: Final = 16_384
"""Elements of each input of a request that can be traced."""
MAX_OUTPUT_ELEMENTS: Final = 4096
"""Output elements that are traced."""
MAX_POSITIONS: Final = 131_072
"""Positions that all elements of a trace list together."""
_POSITION_BYTES: Final = 256
"""Memory of a position in a response: its indices, its value, and their text."""
_ELEMENT_BYTES: Final = 4096
"""Memory of an output element in a response, without its positions."""
_NUMBER_BYTES: Final = 256
"""Memory of an element of an input or an output: its indices, and its value as JSON has it."""


def check_traceable(plan: Plan) -> None:
    """Refuse a request that is too large to be traced, from its plan alone.

    Raises:
        TooLarge: ``trace_too_large``.
    """
    for name, metadata in plan.inputs.items():
        if metadata.element_count > MAX_INPUT_ELEMENTS:
            raise _too_large(
                f"{name} has {metadata.element_count} elements", MAX_INPUT_ELEMENTS, "Send a smaller input"
            )
    elements = sum(plan.outputs[name].element_count for name in plan.spec.traced_outputs())
    if elements > MAX_OUTPUT_ELEMENTS:
        raise _too_large(
            f"the outputs would have {elements} elements",
            MAX_OUTPUT_ELEMENTS,
            "Send a smaller input, or ask for fewer windows",
        )
    if not plan.is_empty:
        _check_positions(plan.spec.traced_positions(plan.inputs))


def _check_positions(positions: int) -> None:
    if positions > MAX_POSITIONS:
        raise _too_large(
            f"the windows of all output elements would have {positions} positions or more",
            MAX_POSITIONS,
            "Send a smaller input, or ask for smaller or fewer windows",
        )


def _too_large(given: str, limit: int, advice: str) -> TooLarge:
    return TooLarge(
        "trace_too_large", f"{given}, and the limit of a trace is {limit}. {advice}, or pool without a trace."
    )


def trace_bytes(plan: Plan) -> int:
    """An upper bound of the memory that a trace and its text take."""
    elements = sum(plan.outputs[name].element_count for name in plan.spec.traced_outputs())
    # Regions are counted only while they are traced.
    positions = 0 if plan.is_empty else plan.spec.traced_positions(plan.inputs) or MAX_POSITIONS
    numbers = sum(each.element_count for each in (*plan.inputs.values(), *plan.outputs.values()))
    return _POSITION_BYTES * positions + _ELEMENT_BYTES * elements + _NUMBER_BYTES * numbers


def trace_card(
    plan: Plan, tensors: Mapping[str, Tensor], outputs: Mapping[str, Tensor], numbers: Numbers
) -> JsonObject:
    """The trace of a pooled request, without its outputs.

    Args:
        plan: of the request, checked by :func:`check_traceable`; a random spec has its seed.
        tensors: the inputs.
        outputs: the results of pooling.
        numbers: the elements of inputs and outputs.

    Raises:
        TooLarge: ``trace_too_large``, where the elements of a request decide what its windows are.
    """
    geometry = plan.spec.traced_geometry(plan.inputs)
    rank = len(plan.inputs["input"].shape)
    is_pooled_along = all(len(outputs[name].shape) == rank for name in plan.spec.traced_outputs())
    return {
        "operator": plan.spec.name,
        "spec": plan.spec.field_values(),
        "inputs": {name: {"dtype": each.dtype.name, "shape": list(each.shape)} for name, each in plan.inputs.items()},
        "spatial_axes": {
            "input": list(geometry.axes),
            "output": list(geometry.axes) if is_pooled_along else [],
        },
        "padding": {
            "before": list(geometry.before),
            "after": list(geometry.after),
            "value": _json_number(geometry.padding_value),
        },
        "formula": [
            {
                "output": each.output,
                "axis": geometry.axes[each.axis],
                "length": each.length,
                "outputs": each.outputs,
                "text": each.text,
            }
            for each in geometry.formulas
        ],
        "elements": [] if plan.is_empty else _elements(plan, tensors, outputs, numbers),
    }


def _json_number(value: object) -> object:
    """A number as JSON has it."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _elements(
    plan: Plan, tensors: Mapping[str, Tensor], outputs: Mapping[str, Tensor], numbers: Numbers
) -> list[JsonObject]:
    every = {**tensors, **outputs}
    pooled = PooledArrays(
        {name: _as_numbers(each) for name, each in tensors.items()},
        {name: _as_numbers(each).reshape(-1) for name, each in outputs.items()},
        {name: each.dtype for name, each in every.items()},
    )
    coordinates = {name: _coordinates(every[name].shape) for name in ("input", *outputs)}
    found: list[tuple[int, int, JsonObject]] = []
    positions, order = 0, {name: number for number, name in enumerate(outputs)}
    for each in plan.spec.trace(pooled, plan.planes, plan.plane_shape):
        positions += len(each.positions) + len(each.samples or ())
        # guard: traced-positions-are-counted
        _check_positions(positions)
        found.append((order[each.output], each.place, _element(each, coordinates, numbers)))
    # Channels are traced one after another, also where they are not so in the output.
    found.sort(key=lambda each: each[:2])
    return [element for _, _, element in found]


def _element(each: TracedElement, coordinates: Mapping[str, Sequence[Sequence[int]]], numbers: Numbers) -> JsonObject:
    places, values = coordinates[each.of], numbers[each.of]
    return {
        "output": each.output,
        "index": coordinates[each.output][each.place],
        "window": None
        if each.window is None
        else [{"start": span.start, "step": span.step, "count": len(span)} for span in each.window],
        "of": each.of,
        "positions": [places[position] for position in each.positions],
        "values": [values[position] for position in each.positions],
        "weights": None if each.weights is None else [_json_number(weight) for weight in each.weights],
        "counted": list(each.counted) or [True] * len(each.positions),
        "winner": each.winner,
        "samples": None if each.samples is None else [list(point) for point in each.samples],
        "results": {name: numbers[name][each.place] for name in each.results},
        "arithmetic": each.arithmetic,
    }


def _coordinates(shape: Sequence[int]) -> list[list[int]]:
    """The indices of each element, in row-major order."""
    indices = np.indices(shape).reshape(len(shape), math.prod(shape)).T
    found: list[list[int]] = indices.tolist()
    return found


def _as_numbers(tensor: Tensor) -> Array:
    return bfloat16_to_float32(tensor.array.view(np.uint16)) if tensor.dtype is BFLOAT16 else tensor.array
