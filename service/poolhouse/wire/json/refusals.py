"""The words for a body that is no JSON, and for elements that cannot be a tensor's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import orjson

from poolhouse.dtypes import ElementType
from poolhouse.errors import FieldProblem, Malformed, TooLarge, Unprocessable
from poolhouse.suggestions import field_hint
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.quoting import describe_value

NONFINITE: Final[dict[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How JSON spells what it has no number for, in both directions."""

MAX_BODY_FIELDS: Final = 1024
MAX_FIELD_VALUES: Final = 4096
"""In the value of one field."""
MAX_FIELD_DEPTH: Final = 8
MAX_NON_TENSOR_BYTES: Final = 1024 * 1024
"""So much beside the numbers of tensors is read: the parser takes about ten milliseconds for it, and holds the
interpreter."""

TENSOR_NAMES: Final = ("input", "indices")
_INT64_LIMIT: Final = 2.0**63
"""A float of this size may stand for an integer of more digits than the parser can hold."""
_PREFIX_BYTES: Final = 256


def invalid_data_error(message: str, pointer: str) -> Unprocessable:
    """The refusal of a tensor's data."""
    return Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "type", message),))


def malformed_json_error(why: str) -> Malformed:
    """The refusal of a body that is no JSON."""
    return Malformed("malformed_body", f"The body is not JSON: {why}")


def json_syntax_error(text: memoryview, parser_message: str, at: int) -> Malformed | Unprocessable:
    """The refusal of a text in which a parser complains about this character."""
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
        return malformed_json_error(f"it is nested too deep. A tensor takes at most {MAX_RANK} levels.")
    if "infinity" in parser_message:
        return invalid_data_error(
            f"The number at character {at} is too large: numbers are read as float64. "
            'Write the string "Infinity" where infinity is meant.',
            "",
        )
    if "UTF-8" in parser_message or "surrogate" in parser_message:
        return malformed_json_error("a string in it is not Unicode. Send UTF-8.")
    # The parser counts characters, these are bytes; they agree wherever all before is ASCII.
    if bytes(text[at : at + 9]).lstrip(b"-").startswith((b"NaN", b"nan", b"Inf", b"inf")):
        return malformed_json_error(
            f"NaN or infinity stands bare at character {at}, and JSON has neither. "
            'Write the strings "NaN", "Infinity" and "-Infinity".'
        )
    return malformed_json_error(f"{parser_message} at character {at}. Check it with any JSON validator.")


def body_too_long_error() -> TooLarge:
    """The refusal of a long text that is no object of tensors and a few fields."""
    return TooLarge(
        "body_too_large",
        f"The body holds more than {MAX_NON_TENSOR_BYTES} bytes beside the numbers of its tensors, or is no object. "
        "Check it "
        "with any JSON validator; write a tensor under its name as nested lists of numbers or as base64, or send it as "
        "binary, such as application/x-npy.",
        limit_bytes=MAX_NON_TENSOR_BYTES,
    )


def too_many_fields_error() -> Unprocessable:
    """The refusal of more names than any request has."""
    return Unprocessable(
        "invalid_data", f"The body holds more than {MAX_BODY_FIELDS} fields; send the tensors and the spec only."
    )


def field_too_large_error(name: str) -> Unprocessable:
    """The refusal of a field that is no plain value."""
    message = f"{describe_value(name)} is nested too deep or holds too much for a field; " + (
        field_hint(name, (), TENSOR_NAMES) or "send its plain value."
    )
    return Unprocessable("invalid_fields", message, problems=(FieldProblem("/" + name[:60], "type", message),))


def nested_too_deep_error(name: str, pointer: str) -> Unprocessable:
    """The refusal of more dimensions than a tensor may have."""
    return Unprocessable(
        "wrong_rank",
        f"{name} is nested more than {MAX_RANK} levels deep; shapes are (N, C, *spatial) or (C, *spatial).",
        problems=(FieldProblem(pointer, "length", f"at most {MAX_RANK} levels"),),
    )


class ElementChecker(NamedTuple):
    """Whose elements are read: for the words of what is wrong with one."""

    name: str
    dtype: ElementType
    pointer: str

    def element_error(self, index: Sequence[int], value: str, why: str) -> Unprocessable:
        """The refusal of the element at this index."""
        at = [int(each) for each in index]
        return invalid_data_error(f"{self.name} holds {value} at {at}{why}", "/".join((self.pointer, *map(str, at))))

    def ragged_error(self, level: int, size: int, entry: str) -> Unprocessable:
        """The refusal of lists of unequal lengths, or of an entry that is no list."""
        return invalid_data_error(
            f"{self.name} is ragged: level {level} holds lists of {size} entries, and {entry}; "
            "make all lists of one level equally long.",
            self.pointer,
        )

    def check(self, value: object, index: Sequence[int]) -> bool | int | float:
        """One element; true is no number, a string is one only if it spells what JSON has no number for.

        Raises:
            Unprocessable: it is none.
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
        wanted = {
            "float": 'numbers, or the strings "NaN", "Infinity" and "-Infinity"',
            "integer": "whole numbers of at most 64 bits",
            "boolean": "true and false",
        }[kind]
        raise self.element_error(
            index, describe_value(value), f"; elements of type {self.dtype.name} are written as {wanted}."
        )

    def _check_integer(self, value: int | float, index: Sequence[int]) -> int:
        if isinstance(value, float) and not (value.is_integer() and abs(value) < _INT64_LIMIT):
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
        """The refusal of a finite number that would become infinite."""
        return self.element_error(
            index,
            repr(float(value)),
            f', which is too large for {self.dtype.name}; use a wider type, or the string "Infinity".',
        )


def not_an_object_error(value: object) -> Unprocessable:
    """The refusal of JSON that is no object."""
    return invalid_data_error(
        f'The body is {describe_value(value)}; send an object such as {{"input": ..., "kernel_size": 2}}.', ""
    )


def strict_loads(text: memoryview | bytes) -> object:
    """What the strict parser reads.

    Raises:
        Malformed, Unprocessable: it reads nothing.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise json_syntax_error(memoryview(text), error.msg, error.pos) from None
