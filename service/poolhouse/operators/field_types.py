"""Types of fields of specs: each checks JSON values, reads texts of a query string, and gives its JSON Schema.

Routes, documentation, the command line and the client's types are derived from them. Here are their base, the functions
that they share, and the types without numeric bounds; ``number_types`` has numbers, ``size_types`` sizes of each axis.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from poolhouse.text_values import list_hint, parse_integer, parse_number, split_list

JsonSchema = dict[str, object]


class FieldError(Exception):
    """A value that a field type refuses. ``code`` is one of ``errors.FIELD_CODES``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


# Formatting megabytes of text would hold the interpreter lock, and only the beginning is shown.
_SHORT_REPR: Final = reprlib.Repr()
_SHORT_REPR.maxstring = _SHORT_REPR.maxlist = _SHORT_REPR.maxtuple = _SHORT_REPR.maxother = _SHORT_REPR.maxlong = 60


def describe_value(value: object) -> str:
    """A value as a message quotes it, at most 60 characters long."""
    try:
        text = _SHORT_REPR.repr(value)
    except ValueError:
        # Python refuses to format an integer of more than 4,300 digits, also inside a list.
        return "an integer of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "…"


class FieldType:
    """What a field accepts. Its only state are its bounds; it is hashed by identity."""

    @property
    def annotation(self) -> str:
        """The Python type of the argument in the clients' methods."""
        raise NotImplementedError

    def check(self, value: object, rank: int) -> object:
        """The value as the spec stores it. Raises FieldError."""
        raise NotImplementedError

    def read(self, text: str) -> object:
        """The JSON value that a text of a query string represents. Raises FieldError."""
        raise NotImplementedError

    def schema(self, rank: int) -> JsonSchema:
        """JSON Schema of the JSON values that :meth:`check` accepts."""
        raise NotImplementedError

    def text_schema(self, rank: int) -> JsonSchema:
        """JSON Schema of the texts that :meth:`read` accepts. A schema of type string has a ``^`` pattern."""
        return self.schema(rank)

    def describe(self, rank: int) -> str:
        """The accepted values in words, such as ``integer ≥ 1, or 2, one for each axis``."""
        raise NotImplementedError


def check_integer(value: object, minimum: int, maximum: int) -> int:
    """The integer that a JSON value is. Raises FieldError."""
    # In JSON Schema 2.0 is an integer. Beyond 63 bits the parser's float may be another number than its digits.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**63:
        value = int(value)
    # bool is an int to Python; torch refuses it, and so do we.
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError("type", f"expected an integer, got {describe_value(value)}")
    if not minimum <= value <= maximum:
        raise FieldError("range", f"expected an integer from {minimum} to {maximum}, got {describe_value(value)}")
    return value


def integer_from(text: str) -> int:
    """The integer in a text. Raises FieldError."""
    whole = parse_integer(text)
    if whole is None:
        raise FieldError("type", f"expected an integer, got {describe_value(text)}")
    return whole


def number_from(text: str) -> float:
    """The finite number in a text. Raises FieldError."""
    number = parse_number(text)
    if number is None:
        raise FieldError("type", f"expected a number, got {describe_value(text)}")
    if math.isinf(number):
        raise FieldError("range", f"expected a number within float64, got {describe_value(text)}")
    return number


def read_each(text: str, read: Callable[[str], object], expected: str) -> object:
    """One value, or the list of values in a text. Raises FieldError."""
    entries, is_list = split_list(text)
    try:
        values = [read(entry) for entry in entries]
    except FieldError as fault:
        if fault.code != "type":
            raise
        raise FieldError("type", f"expected {expected}, got {describe_value(text)}{list_hint(text)}") from None
    # A single null is a list for one axis: JSON does not accept null instead of the whole list either.
    return values if is_list or len(values) > 1 or values[0] is None else values[0]


def one_of(schema: JsonSchema, other: JsonSchema) -> JsonSchema:
    """A schema of what either accepts."""
    branches = schema.get("oneOf", [schema])
    assert isinstance(branches, list)
    return {"oneOf": [*branches, other]}


@dataclass(frozen=True, eq=False)
class Flag(FieldType):
    """True or false."""

    @property
    def annotation(self) -> str:
        return "bool"

    def check(self, value: object, rank: int) -> bool:
        if not isinstance(value, bool):
            raise FieldError("type", f"expected true or false, got {describe_value(value)}")
        return value

    def read(self, text: str) -> object:
        # Python formats true as True.
        if text not in ("true", "false", "True", "False"):
            raise FieldError("type", f"expected true or false, got {describe_value(text)}")
        return text.lower() == "true"

    def schema(self, rank: int) -> JsonSchema:
        return {"type": "boolean"}

    def describe(self, rank: int) -> str:
        return "true or false"


@dataclass(frozen=True, eq=False)
class Choice(FieldType):
    """One of some words."""

    words: tuple[str, ...]

    @property
    def annotation(self) -> str:
        words = ", ".join(f'"{word}"' for word in self.words)
        return f"Literal[{words}]"

    def check(self, value: object, rank: int) -> str:
        if not isinstance(value, str):
            raise FieldError("type", f"expected {self.describe(rank)}, got {describe_value(value)}")
        if value not in self.words:
            raise FieldError("range", f"expected {self.describe(rank)}, got {describe_value(value)}")
        return value

    def read(self, text: str) -> object:
        return text

    def schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "enum": list(self.words)}

    def describe(self, rank: int) -> str:
        return " or ".join(f'"{word}"' for word in self.words)


@dataclass(frozen=True, eq=False)
class IntegerChoice(FieldType):
    """One of some integers."""

    values: tuple[int, ...]

    @property
    def annotation(self) -> str:
        return f"Literal[{', '.join(map(str, self.values))}]"

    def check(self, value: object, rank: int) -> int:
        whole = check_integer(value, -(2**63), 2**63 - 1)
        if whole not in self.values:
            raise FieldError("range", f"expected {self.describe(rank)}, got {whole}")
        return whole

    def read(self, text: str) -> object:
        return integer_from(text)

    def schema(self, rank: int) -> JsonSchema:
        return {"type": "integer", "enum": list(self.values)}

    def describe(self, rank: int) -> str:
        *first, last = map(str, self.values)
        return f"{', '.join(first)} or {last}"
