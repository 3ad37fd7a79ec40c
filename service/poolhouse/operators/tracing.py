"""Traces: for each output element, its window, the elements in it, which of them count, and the computation in words.

:meth:`.operator.Operator.trace` gives them for a pooled request, from the same methods as the oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from poolhouse.dtypes import ElementType
from poolhouse.operators.fields import Sizes
from poolhouse.operators.numbers import Array, Number

_MAX_TERMS: Final = 12
"""Terms of an expression; of more the first and the last are shown."""
_FIRST_TERMS: Final = 8
_Term = TypeVar("_Term")


def number_text(value: Number, dtype: ElementType) -> str:
    """A number in the digits that a response has for this element type, without a fraction of zero."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    digits = repr(float(value)) if dtype.itemsize == 8 else repr(float(str(np.float32(value))))
    return digits.removesuffix(".0")


def short_number(value: float) -> str:
    """A parameter or an intermediate result, in at most six digits."""
    return f"{value:.6g}"


def enclosed(text: str) -> str:
    """A number as a part of a larger expression: a negative one in parentheses."""
    return f"({text})" if text.startswith("-") else text


def shortened(terms: Sequence[_Term], text: Callable[[_Term], str]) -> list[str]:
    """The terms as text; of many the first and the last."""
    if len(terms) <= _MAX_TERMS:
        return [text(each) for each in terms]
    first, last = terms[:_FIRST_TERMS], terms[_FIRST_TERMS - _MAX_TERMS :]
    return [*(text(each) for each in first), "…", *(text(each) for each in last)]


@dataclass(frozen=True, slots=True)
class Terms:
    """The elements of a window, for an expression of them.

    Attributes:
        values: the elements.
        dtype: their element type.
    """

    values: Sequence[Number]
    dtype: ElementType

    def joined(self, separator: str = ", ", form: str = "{}") -> str:
        """The elements as text; many are shortened.

        Args:
            separator: between two.
            form: of each, such as ``|{}|``. A negative number is in parentheses in a power and a product.
        """
        return separator.join(shortened(self.values, lambda value: self._text(value, form)))

    def summed(self, form: str = "{}") -> str:
        """The elements as a sum."""
        if not self.values:
            return "0"
        return self.joined(" + ", form).replace("+ -", "- ")

    def ordered(self) -> Terms:
        """The elements in ascending order, NaN last."""
        return Terms(sorted(self.values, key=lambda value: (value != value, value)), self.dtype)

    def taken(self, places: Sequence[int]) -> Terms:
        """Some of the elements."""
        return Terms([self.values[place] for place in places], self.dtype)

    def _text(self, value: Number, form: str) -> str:
        text = number_text(value, self.dtype)
        return form.format(enclosed(text) if "{}^" in form or "·{}" in form else text)


@dataclass(frozen=True, slots=True)
class TracedElement:
    """One output element, and what it was pooled from.

    Attributes:
        output: the name of its output.
        place: its flat index there.
        results: the outputs that have a result at this place, this one first.
        positions: flat indices of the elements of its window inside :attr:`of`.
        of: the tensor that they are in: ``input``, or an earlier output.
        counted: for each of them whether it counts; empty if all do.
        weights: of each of them; None if they have none.
        window: all positions of the window along each spatial axis; None without windows.
        winner: the place among the positions of the element that was selected; None where none is.
        arithmetic: the computation in words.
        samples: points between the elements that were interpolated; None without them.
    """

    output: str
    place: int
    results: tuple[str, ...]
    positions: Sequence[int]
    arithmetic: str
    of: str = "input"
    counted: Sequence[bool] = ()
    weights: Sequence[float] | None = None
    window: Sequence[range] | None = None
    winner: int | None = None
    samples: Sequence[Sequence[float]] | None = None


@dataclass(frozen=True, slots=True)
class PooledArrays:
    """A request and its results; bfloat16 as float32.

    Attributes:
        inputs: by name; of a plane, in its shape.
        outputs: by name, flat.
        types: the element type of each input and output.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    types: Mapping[str, ElementType]

    def result_text(self, output: str, place: int) -> str:
        """A result as :func:`number_text`."""
        found: Number = self.outputs[output][place : place + 1].tolist()[0]
        return number_text(found, self.types[output])

    def terms(self, values: Sequence[Number], of: str = "input") -> Terms:
        """Elements of a tensor as terms."""
        return Terms(values, self.types[of])


@dataclass(frozen=True, slots=True)
class SizeFormula:
    """How the size of an output along one axis follows from that of the input.

    Attributes:
        axis: the number among the spatial axes.
        length: positions of the input.
        outputs: windows.
        text: the formula with its numbers, or a sentence.
        output: the name of the output.
    """

    axis: int
    length: int
    outputs: int
    text: str
    output: str = "output"


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where windows move in a request.

    Attributes:
        axes: the axes of the input's shape along which windows move.
        before: positions of the padding before each of them.
        after: those after each.
        padding_value: what a position of the padding stands for; None if it does not count.
        formulas: of the output's sizes.
    """

    axes: Sizes = ()
    before: Sizes = ()
    after: Sizes = ()
    padding_value: Number | str | None = None
    formulas: Sequence[SizeFormula] = ()
