"""The slow and exact way from parsed JSON to elements, and the words for what cannot be one."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import BFLOAT16, ElementType, float32_to_bfloat16
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.wire import json_pieces
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.quoting import shown

NONFINITE: Final[dict[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How JSON spells what it has no number for, in both directions."""

_PLAIN: Final[dict[str, set[type]]] = {"float": {float, int}, "integer": set(), "boolean": {bool}}
"""Element kinds that need no second look, by the types of their elements. Integers have a range."""


def bad_data(message: str, pointer: str) -> Unprocessable:
    """The refusal of a tensor's data."""
    return Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "type", message),))


def _measure(data: object, name: str, pointer: str) -> tuple[int, ...]:
    """The shape, by the first entry of each level."""
    shape: list[int] = []
    while isinstance(data, list):
        if len(shape) == MAX_RANK:
            raise Unprocessable(
                "wrong_rank",
                f"{name} is nested more than {MAX_RANK} levels deep; shapes are (N, C, *spatial) or (C, *spatial).",
                problems=(FieldProblem(pointer, "length", f"at most {MAX_RANK} levels"),),
            )
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    return tuple(shape)


def _flatten(data: object, shape: tuple[int, ...], name: str, pointer: str) -> list[object]:
    """The elements in C order; every list as long as the shape says."""
    level = [data]
    for depth, size in enumerate(shape):
        below: list[object] = []
        for entry in level:
            if not isinstance(entry, list) or len(entry) != size:
                raise bad_data(
                    f"{name} is ragged: level {depth + 1} holds lists of {size} entries, and {shown(entry)}; "
                    "make all lists of one level equally long.",
                    pointer,
                )
            below += entry
        level = below
    return level


def _element(value: object, dtype: ElementType, name: str, pointer: str) -> bool | int | float:
    """One element; true is no number, a string is one only if it spells what JSON has no number for."""
    kind = dtype.kind
    if isinstance(value, bool):
        if kind == "boolean":
            return value
    elif isinstance(value, int):
        if kind == "float":
            return value
        bounds = np.iinfo(dtype.name) if kind == "integer" else None
        if bounds and bounds.min <= value <= bounds.max:
            return value
        if bounds:
            raise bad_data(f"{name} holds {value}, and {dtype.name} goes from {bounds.min} to {bounds.max}.", pointer)
    elif isinstance(value, float) and kind == "float":
        return value
    elif isinstance(value, str) and kind == "float" and value in NONFINITE:
        return NONFINITE[value]
    elif isinstance(value, list):
        raise bad_data(f"{name} is ragged: a list stands where a number is expected.", pointer)
    wanted = {
        "float": 'numbers, or the strings "NaN", "Infinity" and "-Infinity"',
        "integer": "whole numbers of at most 64 bits, without a point or exponent",
        "boolean": "true and false",
    }[kind]
    raise bad_data(f"{name} holds {shown(value)}; elements of type {dtype.name} are written as {wanted}.", pointer)


def _rounded(some: list[Any], dtype: ElementType, name: str, pointer: str) -> npt.NDArray[np.generic]:
    """Elements in the storage type; none becomes infinite that was not."""
    if dtype.kind != "float":
        return np.array(some, dtype=dtype.storage)
    wide = np.array(some, dtype=np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32 if dtype is BFLOAT16 else dtype.storage)
        array = float32_to_bfloat16(narrow) if dtype is BFLOAT16 else narrow
    infinite = np.isinf(narrow) if dtype is not BFLOAT16 else (array & np.uint16(0x7FFF)) == np.uint16(0x7F80)
    lost = infinite & np.isfinite(wide)
    if lost.any():
        raise bad_data(
            f"{name} holds {float(wide[lost][0])!r}, which is too large for {dtype.name}; "
            'use a wider type, or the string "Infinity".',
            pointer,
        )
    return array


def walk(data: object, dtype: ElementType, name: str, pointer: str) -> npt.NDArray[np.generic]:
    """The array in the storage type, every element looked at.

    Raises:
        Unprocessable: with the first thing that is wrong and where it stands.
    """
    if not isinstance(data, list):
        raise bad_data(f"data of {name} is no list; write numbers nested as the shape, or flat with it.", pointer)
    shape = _measure(data, name, pointer)
    flat = _flatten(data, shape, name, pointer)
    parts = []
    for start in range(0, max(1, len(flat)), json_pieces.PIECE_ELEMENTS):
        if start:
            json_pieces.rest()
        some = flat[start : start + json_pieces.PIECE_ELEMENTS]
        if not set(map(type, some)) <= _PLAIN[dtype.kind]:
            some = [_element(value, dtype, name, pointer) for value in some]
        parts.append(_rounded(some, dtype, name, pointer))
    return np.concatenate(parts).reshape(shape)
