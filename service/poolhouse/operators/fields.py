"""Field types of specs: each checks JSON values, reads texts of a query string, and gives its JSON Schema.

Routes, documentation, the command line and the client's types are derived from them.
An operator declares a field with :func:`field`: ``kernel_size: Sizes = field(IntegerPerAxis(1), "…")``.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from poolhouse.text_values import (
    INTEGER_PATTERN,
    NULL_TEXTS,
    NUMBER_PATTERN,
    list_hint,
    list_pattern,
    parse_integer,
    parse_number,
    split_list,
)

Sizes = tuple[int, ...]
JsonSchema = dict[str, object]

INT32_MAX: Final = 2**31 - 1
"""The largest size in a spec. Most torch kernels narrow sizes to int32, and the others crash beyond it."""


def axis_names(rank: int) -> str:
    """Letters of the spatial axes in messages: L, HW or DHW."""
    return "L" if rank == 1 else "DHW"[-rank:]


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


def _check_integer(value: object, minimum: int, maximum: int) -> int:
    # In JSON Schema 2.0 is an integer. Beyond 63 bits the parser's float may be another number than its digits.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**63:
        value = int(value)
    # bool is an int to Python; torch refuses it, and so do we.
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError("type", f"expected an integer, got {describe_value(value)}")
    if not minimum <= value <= maximum:
        raise FieldError("range", f"expected an integer from {minimum} to {maximum}, got {describe_value(value)}")
    return value


def _integer_from(text: str) -> int:
    whole = parse_integer(text)
    if whole is None:
        raise FieldError("type", f"expected an integer, got {describe_value(text)}")
    return whole


def _read_each(text: str, read: Callable[[str], object], expected: str) -> object:
    """One value, or the list of values in a text."""
    entries, is_list = split_list(text)
    try:
        values = [read(entry) for entry in entries]
    except FieldError as fault:
        if fault.code != "type":
            raise
        raise FieldError("type", f"expected {expected}, got {describe_value(text)}{list_hint(text)}") from None
    # A single null is a list for one axis: JSON does not accept null instead of the whole list either.
    return values if is_list or len(values) > 1 or values[0] is None else values[0]


@dataclass(frozen=True, eq=False)
class IntegerPerAxis(FieldType):
    """One integer, or one for each spatial axis. Stored as a tuple with one entry for each axis.

    Args:
        minimum: the least value of an entry.
        allows_null: whether an entry may be null, which keeps the length of that axis.
        allows_batch_sizes: whether the list may begin with N and C.
    """

    minimum: int
    allows_null: bool = False
    allows_batch_sizes: bool = False

    def check(self, value: object, rank: int) -> tuple[int | None, ...]:
        if isinstance(value, list | tuple):
            lengths = (rank, rank + 2) if self.allows_batch_sizes else (rank,)
            if len(value) not in lengths:
                counts = " or ".join(str(length) for length in lengths)
                raise FieldError("length", f"expected one integer or a list of {counts}, got {describe_value(value)}")
            return tuple(self._entry(entry) for entry in value)
        if value is None or isinstance(value, str):
            given = "null" if value is None else describe_value(value)
            raise FieldError("type", f"expected an integer or a list of them such as [3, 2], got {given}")
        return (self._entry(value),) * rank

    def _entry(self, value: object) -> int | None:
        if value is None and self.allows_null:
            return None
        return _check_integer(value, self.minimum, INT32_MAX)

    def read(self, text: str) -> object:
        def read(entry: str) -> int | None:
            return None if self.allows_null and entry in NULL_TEXTS else _integer_from(entry)

        return _read_each(text, read, "an integer, or integers separated by commas")

    def schema(self, rank: int) -> JsonSchema:
        entry: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": INT32_MAX}
        item: JsonSchema = _one_of(entry, {"type": "null"}) if self.allows_null else entry
        lengths = (rank, rank + 2) if self.allows_batch_sizes else (rank,)
        lists = [{"type": "array", "items": item, "minItems": each, "maxItems": each} for each in lengths]
        return {"oneOf": [entry, *lists]}

    def text_schema(self, rank: int) -> JsonSchema:
        entry = f"({INTEGER_PATTERN}|{'|'.join(NULL_TEXTS)})" if self.allows_null else INTEGER_PATTERN
        lengths = (rank, rank + 2) if self.allows_batch_sizes else (rank,)
        return {"type": "string", "pattern": list_pattern(entry, lengths, INTEGER_PATTERN if rank > 1 else None)}

    def describe(self, rank: int) -> str:
        null = ", null keeps the length of an axis" if self.allows_null else ""
        leading = ", or preceded by N and C" if self.allows_batch_sizes else ""
        many = f", or {rank}, one for each axis{leading}" if rank > 1 else leading
        return f"integer ≥ {self.minimum}{many}{null}"


@dataclass(frozen=True, eq=False)
class RatioPerAxis(FieldType):
    """A number strictly between 0 and 1, or one for each axis. Stored as a tuple."""

    def check(self, value: object, rank: int) -> tuple[float, ...]:
        if isinstance(value, list | tuple):
            if len(value) != rank:
                raise FieldError("length", f"expected one number or a list of {rank}, got {describe_value(value)}")
            return tuple(self._entry(entry) for entry in value)
        return (self._entry(value),) * rank

    def _entry(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("type", f"expected a number, got {describe_value(value)}")
        if not 0 < value < 1:
            raise FieldError("range", f"expected a number between 0 and 1, both excluded, got {describe_value(value)}")
        return float(value)

    def read(self, text: str) -> object:
        return _read_each(text, _number_from, "a number, or numbers separated by commas")

    def schema(self, rank: int) -> JsonSchema:
        entry: JsonSchema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
        return {"oneOf": [entry, {"type": "array", "items": entry, "minItems": rank, "maxItems": rank}]}

    def text_schema(self, rank: int) -> JsonSchema:
        return {
            "type": "string",
            "pattern": list_pattern(NUMBER_PATTERN, (rank,), NUMBER_PATTERN if rank > 1 else None),
        }

    def describe(self, rank: int) -> str:
        return f"number between 0 and 1, or {rank}, one for each axis"


@dataclass(frozen=True, eq=False)
class Flag(FieldType):
    """True or false."""

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
class Integer(FieldType):
    """One integer for all axes."""

    minimum: int
    maximum: int
    nonzero: bool = False

    def check(self, value: object, rank: int) -> int:
        whole = _check_integer(value, self.minimum, self.maximum)
        if self.nonzero and whole == 0:
            raise FieldError("range", "expected an integer other than 0, got 0")
        return whole

    def read(self, text: str) -> object:
        return _integer_from(text)

    def schema(self, rank: int) -> JsonSchema:
        schema: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {**schema, "not": {"const": 0}} if self.nonzero else schema

    def describe(self, rank: int) -> str:
        other = " other than 0" if self.nonzero else ""
        return f"integer{other} from {self.minimum} to {self.maximum}"


_INFINITIES: Final = {"Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, eq=False)
class Power(FieldType):
    """A number other than 0, or an infinity, which JSON represents as a string."""

    def check(self, value: object, rank: int) -> float:
        if isinstance(value, str) and value in _INFINITIES:
            value = _INFINITIES[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("type", f'expected a number, "Infinity" or "-Infinity", got {describe_value(value)}')
        try:
            power = float(value)
        except OverflowError:
            raise FieldError("range", f"expected a number within float64, got {describe_value(value)}") from None
        if power == 0 or math.isnan(power):
            raise FieldError("range", f"expected a number other than 0, got {describe_value(value)}")
        return power

    def read(self, text: str) -> object:
        # Python formats infinity as inf.
        spelled = text.replace("inf", "Infinity") if text in ("inf", "-inf") else text
        return spelled if spelled in _INFINITIES else _number_from(text)

    def schema(self, rank: int) -> JsonSchema:
        number: JsonSchema = {"type": "number", "not": {"const": 0}}
        return {"oneOf": [number, {"type": "string", "enum": sorted(_INFINITIES)}]}

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^({NUMBER_PATTERN}|-?Infinity|-?inf)$"}

    def describe(self, rank: int) -> str:
        return 'number other than 0, or "Infinity", "-Infinity"'


def _number_from(text: str) -> float:
    number = parse_number(text)
    if number is None:
        raise FieldError("type", f"expected a number, got {describe_value(text)}")
    if math.isinf(number):
        raise FieldError("range", f"expected a number within float64, got {describe_value(text)}")
    return number


class Required:
    """Type of the default of a field that has none."""


REQUIRED: Final = Required()


@dataclass(frozen=True)
class Field:
    """One field of a spec.

    Attributes:
        name: torch's argument name.
        field_type: the accepted values.
        meaning: one sentence, with the unit.
        default: the value if the field is not given; REQUIRED if it must be given; None for "unset".
        default_from: the field whose value is the default of this one.
        example: a value for documentation and samples.
        in_batch_key: whether requests must agree in this field to share a batch.
    """

    name: str
    field_type: FieldType
    meaning: str
    default: object
    default_from: str | None
    example: object
    in_batch_key: bool

    @property
    def is_required(self) -> bool:
        """Whether a request must give it."""
        return self.default is REQUIRED and self.default_from is None

    @property
    def is_nullable(self) -> bool:
        """Whether null means that the field is not given."""
        return self.default is None or self.default_from is not None

    def schema(self, rank: int) -> JsonSchema:
        """JSON Schema with meaning, default and an example."""
        schema = self.field_type.schema(rank)
        if self.is_nullable:
            # Clients in other languages send null for an unset field.
            schema = _one_of(schema, {"type": "null"})
        schema["description"] = self.meaning
        if not self.is_required and self.default_from is None:
            schema["default"] = self.default
        if self.example is not None:
            schema["examples"] = [self.example]
        return schema

    def read(self, text: str) -> object:
        """The JSON value that a text of a query string represents. Raises FieldError."""
        return None if self.is_nullable and text in NULL_TEXTS else self.field_type.read(text)

    def text_schema(self, rank: int) -> JsonSchema:
        """JSON Schema of the field in a query string."""
        schema = self.field_type.text_schema(rank)
        if not self.is_nullable:
            return schema
        pattern = schema.get("pattern")
        if pattern is None:
            return _one_of(schema, {"type": "string", "enum": list(NULL_TEXTS)})
        return {**schema, "pattern": f"^({'|'.join(NULL_TEXTS)})$|{pattern}"}


def _one_of(schema: JsonSchema, other: JsonSchema) -> JsonSchema:
    branches = schema.get("oneOf", [schema])
    assert isinstance(branches, list)
    return {"oneOf": [*branches, other]}


_METADATA_KEY: Final = "poolhouse.field"


def field(
    field_type: FieldType,
    meaning: str,
    *,
    default: object = REQUIRED,
    default_from: str | None = None,
    example: object = None,
    in_batch_key: bool = True,
) -> Any:  # Any, as dataclasses.field() itself: the class body assigns it to a field of any type.
    """Declare a field in an operator's class body. See :class:`Field` for the arguments."""
    card = Field("", field_type, meaning, default, default_from, example, in_batch_key)
    return dataclasses.field(metadata={_METADATA_KEY: card})


def fields_of(cls: type) -> tuple[Field, ...]:
    """The declared fields of a dataclass, in order."""
    return tuple(
        dataclasses.replace(field.metadata[_METADATA_KEY], name=field.name)
        for field in dataclasses.fields(cls)
        if _METADATA_KEY in field.metadata
    )
