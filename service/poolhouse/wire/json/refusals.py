"""Errors for bodies that are no JSON, and for invalid elements of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import orjson

from poolhouse.dtypes import UINT64, ElementType
from poolhouse.errors import FieldProblem, Malformed, TooLarge, Unprocessable
from poolhouse.suggestions import field_hint
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.quoting import describe_value

NONFINITE: Final[dict[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The strings for values that JSON has no number for, in requests and responses."""

MAX_BODY_FIELDS: Final = 1024
MAX_FIELD_VALUES: Final = 4096
"""Values nested in one field."""
MAX_FIELD_DEPTH: Final = 8
MAX_NON_TENSOR_BYTES: Final = 1024 * 1024
"""The limit of a body without the data of its tensors: parsing that much takes about ten milliseconds and holds the
GIL."""

_INT64_LIMIT: Final = 2.0**63
"""A float from this size on may come from an integer literal that int64 cannot hold."""
_UINT64_LIMIT: Final = 2.0**64
_PREFIX_BYTES: Final = 256


def invalid_data_error(message: str, pointer: str) -> Unprocessable:
    """The error for invalid data of a tensor."""
    return Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "type", message),))


def malformed_json_error(why: str) -> Malformed:
    """The error for a body that is no JSON."""
    return Malformed("malformed_body", f"The body is not JSON: {why}")


def json_syntax_error(text: memoryview, parser_message: str, at: int) -> Malformed | Unprocessable:
    """The error for a parser's message at this offset of the text, in our words."""
    begin = bytes(text[:_PREFIX_BYTES])
    if not begin.strip() and not bytes(text).strip():
        return malformed_json_error(
            'it is empty. Send an object such as {"input": [[[1, 2], [3, 4]]], "kernel_size": 2}.'
        )
    if begin.startswith(b"\xef\xbb\xbf"):
        return malformed_json_error("it begins with a byte order mark. Save it without one.")
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return malformed_json_error("it is UTF-16. Send UTF-8.")
    if "depth" in parser_message or "memory" in parser_message:
        return malformed_json_error(f"it is nested too deep. A tensor has at most {MAX_RANK} levels.")
    if "infinity" in parser_message:
        return invalid_data_error(
            f"The number at character {at} is too large: numbers are read as float64. "
            'Write the string "Infinity" for infinity.',
            "",
        )
    if "UTF-8" in parser_message or "surrogate" in parser_message:
        return malformed_json_error("a string in it is not valid Unicode. Send UTF-8.")
    # The parser counts characters and this counts bytes; they agree if all text before is ASCII.
    if bytes(text[at : at + 9]).lstrip(b"-").startswith((b"NaN", b"nan", b"Inf", b"inf")):
        return malformed_json_error(
            f"there is an unquoted NaN or infinity at character {at}. "
            'Write the strings "NaN", "Infinity" and "-Infinity".'
        )
    return malformed_json_error(f"{parser_message} at character {at}. Check it with any JSON validator.")


def body_too_long_error() -> TooLarge:
    """The error for a long text that is not an object of tensors and a few fields."""
    return TooLarge(
        "body_too_large",
        f"The body holds more than {MAX_NON_TENSOR_BYTES} bytes beside the numbers of its tensors, or is no object. "
        "Check it with any JSON validator; write the elements of a tensor as lists of numbers, below /v1 under "
        "its name or as base64, or send them as binary data.",
        limit_bytes=MAX_NON_TENSOR_BYTES,
    )


def too_many_fields_error() -> Unprocessable:
    """The error for too many keys."""
    return Unprocessable(
        "invalid_data", f"The body holds more than {MAX_BODY_FIELDS} fields; send the tensors and the spec only."
    )


def field_too_large_error(name: str, advice: str = "") -> Unprocessable:
    """The error for a field that is nested too deep or holds too many values.

    Args:
        name: of the field.
        advice: what to do; empty for the name of a tensor that may be meant.
    """
    message = f"{describe_value(name)} is nested too deep or holds too many values for a field; " + (
        advice or field_hint(name, (), TENSOR_NAMES) or "send a simple value."
    )
    return Unprocessable("invalid_fields", message, problems=(FieldProblem("/" + name[:60], "type", message),))


def nested_too_deep_error(name: str, pointer: str) -> Unprocessable:
    """The error for a tensor with too many dimensions."""
    return Unprocessable(
        "wrong_rank",
        f"{name} is nested more than {MAX_RANK} levels deep; shapes are (N, C, *spatial) or (C, *spatial).",
        problems=(FieldProblem(pointer, "length", f"at most {MAX_RANK} levels"),),
    )


class ElementChecker(NamedTuple):
    """Checks single elements of a tensor, and makes the errors for invalid ones.

    Attributes:
        name: of the tensor.
        dtype: its element type.
        pointer: the JSON pointer to its elements.
    """

    name: str
    dtype: ElementType
    pointer: str

    def element_error(self, index: Sequence[int], value: str, why: str) -> Unprocessable:
        """The error for the element at this index."""
        at = [int(each) for each in index]
        return invalid_data_error(f"{self.name} holds {value} at {at}{why}", "/".join((self.pointer, *map(str, at))))

    def ragged_error(self, level: int, size: int, entry: str) -> Unprocessable:
        """The error for lists of unequal lengths, or for an entry that is no list."""
        return invalid_data_error(
            f"{self.name} is ragged: level {level} holds lists of {size} entries, and {entry}; "
            "give all lists of a level the same length.",
            self.pointer,
        )

    def check(self, value: object, index: Sequence[int]) -> bool | int | float:
        """Check one element; true is no number, and the only valid strings are those of ``NONFINITE``.

        Raises:
            Unprocessable: it is invalid for the element type.
        """
        kind = self.dtype.kind
        if isinstance(value, bool):
            if kind == "boolean":
                return value
        elif kind == "float" and isinstance(value, int | float):
            return value
        elif kind == "integer" and isinstance(value, int | float):
            return self._check_integer(value, index)
        elif isinstance(value, str) and kind == "float" and value in NONFINITE:
            return NONFINITE[value]
        elif isinstance(value, list):
            raise self.element_error(index, "a list", ", where a number is expected; it is ragged.")
        expected = {
            "float": 'numbers, or the strings "NaN", "Infinity" and "-Infinity"',
            "integer": "whole numbers of at most 64 bits",
            "boolean": "true and false",
        }[kind]
        raise self.element_error(
            index, describe_value(value), f"; elements of type {self.dtype.name} are written as {expected}."
        )

    def _check_integer(self, value: int | float, index: Sequence[int]) -> int:
        limit = _UINT64_LIMIT if self.dtype is UINT64 else _INT64_LIMIT
        if isinstance(value, float) and not (value.is_integer() and abs(value) < limit):
            size = "of at most 64 bits" if value.is_integer() else "without a fraction"
            raise self.element_error(
                index, describe_value(value), f"; elements of type {self.dtype.name} are whole numbers {size}."
            )
        bounds = np.iinfo(self.dtype.name)
        if not bounds.min <= value <= bounds.max:
            raise self.element_error(
                index, describe_value(value), f", and {self.dtype.name} goes from {bounds.min} to {bounds.max}."
            )
        return int(value)

    def too_large_error(self, index: Sequence[int], value: float) -> Unprocessable:
        """The error for a finite number that would become infinite."""
        return self.element_error(
            index,
            repr(float(value)),
            f', which is too large for {self.dtype.name}; use a wider type, or the string "Infinity".',
        )


def not_an_object_error(value: object) -> Unprocessable:
    """The error for JSON that is no object."""
    return invalid_data_error(
        f'The body is {describe_value(value)}; send an object such as {{"input": ..., "kernel_size": 2}}, or below /v2 '
        '{"inputs": [...]}.',
        "",
    )


def strict_loads(text: memoryview | bytes) -> object:
    """Parse a text strictly.

    Raises:
        Malformed, Unprocessable: see :func:`json_syntax_error`.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise json_syntax_error(memoryview(text), error.msg, error.pos) from None
