"""Padding of sliding windows: the field type, and the positions that each form adds before and after an axis.

Torch pads both sides alike, by at most half of the window. ONNX and JAX give each side of each axis, and TensorFlow and
Keras name a rule, which depends on the axis' length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from poolhouse.operators.field_types import (
    FieldError,
    FieldType,
    JsonSchema,
    check_integer,
    describe_value,
    integer_from,
    read_each,
)
from poolhouse.operators.fields import Sizes
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.text_values import INTEGER_PATTERN, list_hint, list_pattern, split_list

SAME: Final = "same"
SAME_LOWER: Final = "same_lower"
VALID: Final = "valid"
PADDING_WORDS: Final = (SAME, SAME_LOWER, VALID)

Pair = tuple[int, int]
"""Positions before and after one axis."""
Padding = str | Sizes | tuple[Pair, ...]
"""A word, torch's integers, or pairs; one for each axis."""

_LISTS: Final = (("[", "]"), ("(", ")"))


@dataclass(frozen=True, eq=False)
class PaddingPerAxis(FieldType):
    """Torch's integer, or one for each axis; pairs ``[before, after]``, one for each axis; or a word.

    Stored as the word, or as a tuple of integers or of pairs with one entry for each axis.
    """

    @property
    def annotation(self) -> str:
        words = ", ".join(f'"{word}"' for word in PADDING_WORDS)
        return f"int | Sequence[int] | Sequence[Sequence[int]] | Literal[{words}]"

    def check(self, value: object, rank: int) -> Padding:
        if isinstance(value, str) and value in PADDING_WORDS:
            return value
        if isinstance(value, list | tuple):
            return _check_list(value, rank)
        if value is None or isinstance(value, str):
            given = "null" if value is None else describe_value(value)
            raise FieldError("type", f"expected {self.describe(rank)}, got {given}")
        return (check_integer(value, 0, INT32_MAX),) * rank

    def read(self, text: str) -> object:
        if text in PADDING_WORDS:
            return text
        if _NESTED.fullmatch(text):
            numbers = [integer_from(number[0]) for number in _NUMBER.finditer(text)]
            return [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        expected = 'an integer, integers or pairs before:after separated by commas, "same", "same_lower" or "valid"'
        if ":" not in text:
            return read_each(text, integer_from, expected)
        try:
            return [[integer_from(side) for side in entry.split(":")] for entry in split_list(text)[0]]
        except FieldError:
            raise FieldError("type", f"expected {expected}, got {describe_value(text)}{list_hint(text)}") from None

    def schema(self, rank: int) -> JsonSchema:
        entry: JsonSchema = {"type": "integer", "minimum": 0, "maximum": INT32_MAX}
        pair: JsonSchema = {"type": "array", "items": entry, "minItems": 2, "maxItems": 2}
        lists = [{"type": "array", "items": items, "minItems": rank, "maxItems": rank} for items in (entry, pair)]
        return {"oneOf": [entry, *lists, {"type": "string", "enum": list(PADDING_WORDS)}]}

    def text_schema(self, rank: int) -> JsonSchema:
        patterns = [
            f"^({'|'.join(PADDING_WORDS)})$",
            list_pattern(INTEGER_PATTERN, (rank,), INTEGER_PATTERN if rank > 1 else None),
            list_pattern(f"{INTEGER_PATTERN}:{INTEGER_PATTERN}", (rank,)),
            f"^({'|'.join(_nested_pattern(rank, *brackets) for brackets in _LISTS)})$",
        ]
        return {"type": "string", "pattern": "|".join(patterns)}

    def describe(self, rank: int) -> str:
        many = f", or {rank}, one for each axis" if rank > 1 else ""
        pairs = f"{rank} pairs [before, after]" if rank > 1 else "a pair [[before, after]]"
        return f'integer ≥ 0{many}; {pairs}; "same", "same_lower" or "valid"'


def _check_list(value: list[object] | tuple[object, ...], rank: int) -> Padding:
    if len(value) != rank:
        raise FieldError(
            "length",
            f"expected a list of {rank} integers or of {rank} pairs [before, after], got {describe_value(value)}",
        )
    if not any(isinstance(entry, list | tuple) for entry in value):
        return tuple(check_integer(entry, 0, INT32_MAX) for entry in value)
    return tuple(_check_pair(entry) for entry in value)


def _check_pair(entry: object) -> Pair:
    if not isinstance(entry, list | tuple):
        raise FieldError("type", f"expected a pair [before, after] for each axis, got {describe_value(entry)} for one")
    if len(entry) != 2:
        raise FieldError("length", f"expected a pair [before, after], got {describe_value(entry)}")
    before, after = (check_integer(side, 0, INT32_MAX) for side in entry)
    return before, after


def _nested_pattern(rank: int, opening: str, closing: str) -> str:
    """The pattern of pairs as JSON and Python print them."""
    pair = rf"\{opening}{INTEGER_PATTERN}, *{INTEGER_PATTERN}\{closing}"
    trailing = ",?" if (rank, opening) == (1, "(") else ""
    return rf"\{opening}{pair}(, *{pair}){{{rank - 1}}}{trailing}\{closing}"


_NESTED: Final = re.compile("|".join(_nested_pattern(rank, *brackets) for rank in (1, 2, 3) for brackets in _LISTS))
_NUMBER: Final = re.compile(INTEGER_PATTERN)


def padding_at_axis(padding: Padding, axis: int, length: int, *, stride: int, span: int) -> Pair:
    """The positions before and after one axis.

    Args:
        padding: checked by :class:`PaddingPerAxis`.
        axis: its number among the spatial axes.
        length: its positions.
        stride: from one window to the next.
        span: from a window's first element to its last, both included.
    """
    if padding == VALID:
        return 0, 0
    if isinstance(padding, str):
        outputs = -(-length // stride)
        total = max((outputs - 1) * stride + span - length, 0)
        before = total // 2 if padding == SAME else total - total // 2
        return before, total - before
    entry = padding[axis]
    return (entry, entry) if isinstance(entry, int) else entry
