"""The slow and exact way from parsed JSON to elements, and the words for what cannot be one.

A number is the nearest float64, as JSON's other readers have it, and of that the nearest element, ties to even. What
is too small becomes zero and keeps its sign; what is too large is refused, since JSON has no infinity to become.
Elements of integer types are exact; one with a point or an exponent is read where it is whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import BFLOAT16, ElementType, float64_to_bfloat16
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.wire import json_pieces
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.quoting import shown

NONFINITE: Final[dict[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How JSON spells what it has no number for, in both directions."""

_PLAIN: Final[dict[str, set[type]]] = {"float": {float, int}, "integer": {float, int}, "boolean": {bool}}
"""Element kinds that need no second look, by the types of their elements; but integers have a range."""

_WHOLE_BELOW: Final = 2.0**63
"""A float of this size may stand for an integer of more digits than the parser can hold."""


def bad_data(message: str, pointer: str) -> Unprocessable:
    """The refusal of a tensor's data."""
    return Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "type", message),))


@dataclass(frozen=True, slots=True)
class _Data:
    """Whose elements are read, and where they stand."""

    name: str
    dtype: ElementType
    pointer: str
    shape: tuple[int, ...]

    def refusal(self, place: int, value: str, why: str) -> Unprocessable:
        """The refusal of the element at this place in C order."""
        index = [int(each) for each in np.unravel_index(place, self.shape)]
        return bad_data(f"{self.name} holds {value} at {index}{why}", "/".join((self.pointer, *map(str, index))))

    def element(self, value: object, place: int) -> bool | int | float:
        """One element; true is no number, a string is one only if it spells what JSON has no number for."""
        kind = self.dtype.kind
        if isinstance(value, bool):
            if kind == "boolean":
                return value
        elif kind == "float" and isinstance(value, int | float):
            return value
        elif kind == "integer" and isinstance(value, int | float):
            return self._integer(value, place)
        elif isinstance(value, str) and kind == "float" and value in NONFINITE:
            return NONFINITE[value]
        elif isinstance(value, list):
            raise self.refusal(place, "a list", ", where a number is expected; it is ragged.")
        wanted = {
            "float": 'numbers, or the strings "NaN", "Infinity" and "-Infinity"',
            "integer": "whole numbers of at most 64 bits",
            "boolean": "true and false",
        }[kind]
        raise self.refusal(place, shown(value), f"; elements of type {self.dtype.name} are written as {wanted}.")

    def _integer(self, value: int | float, place: int) -> int:
        if isinstance(value, float) and not (value.is_integer() and abs(value) < _WHOLE_BELOW):
            size = "of at most 64 bits" if value.is_integer() else "without a fraction"
            raise self.refusal(place, shown(value), f"; elements of type {self.dtype.name} are whole numbers {size}.")
        bounds = np.iinfo(self.dtype.name)
        if not bounds.min <= value <= bounds.max:
            raise self.refusal(place, shown(value), f", and {self.dtype.name} goes from {bounds.min} to {bounds.max}.")
        return int(value)

    def read(self, some: list[Any], start: int) -> npt.NDArray[np.generic]:
        """Elements in the storage type, the first of them at this place; one by one where one may be wrong."""
        plain = set(map(type, some)) <= _PLAIN[self.dtype.kind]
        if plain and self.dtype.kind == "integer":
            plain = self._fits(some)
        if not plain:
            some = [self.element(value, place) for place, value in enumerate(some, start)]
        return self.rounded(some, start)

    def _fits(self, some: list[int | float]) -> bool:
        """Whether numbers are all whole and within the type, without a look at each."""
        if not some:
            return True
        floats = np.array([value for value in some if type(value) is float])
        if not ((np.abs(floats) < _WHOLE_BELOW) & (np.floor(floats) == floats)).all():
            return False
        bounds = np.iinfo(self.dtype.name)
        return bounds.min <= min(some) and max(some) <= bounds.max

    def rounded(self, some: list[Any], start: int) -> npt.NDArray[np.generic]:
        """Elements in the storage type, the first of them at this place; none becomes infinite that was not."""
        if self.dtype.kind == "integer":
            # Through int: numpy would round what stands beside a float.
            return np.fromiter(map(int, some), dtype=self.dtype.storage, count=len(some))
        if self.dtype.kind == "boolean":
            return np.array(some, dtype=self.dtype.storage)
        wide = np.array(some, dtype=np.float64)
        if self.dtype is BFLOAT16:
            bits = float64_to_bfloat16(wide)
            infinite = (bits & np.uint16(0x7FFF)) == np.uint16(0x7F80)
            array: npt.NDArray[np.generic] = bits
        else:
            with np.errstate(over="ignore"):
                array = wide.astype(self.dtype.storage)
            infinite = np.isinf(array)
        lost = np.flatnonzero(infinite & np.isfinite(wide))
        if lost.size:
            raise self.refusal(
                start + int(lost[0]),
                repr(float(wide[lost[0]])),
                f', which is too large for {self.dtype.name}; use a wider type, or the string "Infinity".',
            )
        return array


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
            for start in range(0, size, json_pieces.PIECE_ELEMENTS):
                if start:
                    json_pieces.rest()
                below += entry[start : start + json_pieces.PIECE_ELEMENTS]
        level = below
    return level


def walk(data: object, dtype: ElementType, name: str, pointer: str) -> npt.NDArray[np.generic]:
    """The array in the storage type, every element looked at.

    Raises:
        Unprocessable: with the first thing that is wrong and where it stands.
    """
    if not isinstance(data, list):
        raise bad_data(f"data of {name} is no list; write numbers nested as the shape, or flat with it.", pointer)
    shape = _measure(data, name, pointer)
    flat = _flatten(data, shape, name, pointer)
    here = _Data(name, dtype, pointer, shape)
    whole = np.empty(len(flat), dtype.storage)
    try:
        for start in range(0, len(flat), json_pieces.PIECE_ELEMENTS):
            if start:
                json_pieces.rest()
            some = here.read(flat[start : start + json_pieces.PIECE_ELEMENTS], start)
            whole[start : start + len(some)] = some
    finally:
        json_pieces.forget(flat)
    return whole.reshape(shape)
