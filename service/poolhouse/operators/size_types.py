"""Field types with an entry for each spatial axis, and lists of sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poolhouse.operators.field_types import (
    FieldError,
    FieldType,
    JsonSchema,
    check_integer,
    describe_value,
    integer_from,
    number_from,
    one_of,
    read_each,
)
from poolhouse.text_values import INTEGER_PATTERN, NULL_TEXTS, NUMBER_PATTERN, list_pattern

INT32_MAX: Final = 2**31 - 1
"""The largest size in a spec. Most torch kernels narrow sizes to int32, and the others crash beyond it."""


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

    @property
    def annotation(self) -> str:
        return "int | Sequence[int | None]" if self.allows_null else "int | Sequence[int]"

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
        return check_integer(value, self.minimum, INT32_MAX)

    def read(self, text: str) -> object:
        def read(entry: str) -> int | None:
            return None if self.allows_null and entry in NULL_TEXTS else integer_from(entry)

        return read_each(text, read, "an integer, or integers separated by commas")

    def schema(self, rank: int) -> JsonSchema:
        entry: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": INT32_MAX}
        item: JsonSchema = one_of(entry, {"type": "null"}) if self.allows_null else entry
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

    @property
    def annotation(self) -> str:
        return "float | Sequence[float]"

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
        return read_each(text, number_from, "a number, or numbers separated by commas")

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
class IntegerList(FieldType):
    """A list of integers, whatever the number of axes. Stored as a tuple.

    Args:
        minimum: the least value of an entry.
        maximum: the largest value of an entry.
        longest: the largest number of entries; the least is 1.
    """

    minimum: int
    maximum: int
    longest: int

    @property
    def annotation(self) -> str:
        return "Sequence[int]"

    def check(self, value: object, rank: int) -> tuple[int, ...]:
        if not isinstance(value, list | tuple):
            raise FieldError("type", f"expected {self.describe(rank)}, got {describe_value(value)}")
        if not 1 <= len(value) <= self.longest:
            raise FieldError("length", f"expected {self.describe(rank)}, got a list of {len(value)}")
        return tuple(check_integer(entry, self.minimum, self.maximum) for entry in value)

    def read(self, text: str) -> object:
        found = read_each(text, integer_from, "integers separated by commas")
        return found if isinstance(found, list) else [found]

    def schema(self, rank: int) -> JsonSchema:
        item: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.longest}

    def text_schema(self, rank: int) -> JsonSchema:
        body = f"{INTEGER_PATTERN}(, *{INTEGER_PATTERN}){{0,{self.longest - 1}}}"
        # Python prints a tuple of one entry as (1,).
        pattern = rf"^({body}|\[{body}\]|\({body}\)|\({INTEGER_PATTERN},\))$"
        return {"type": "string", "pattern": pattern}

    def describe(self, rank: int) -> str:
        return f"list of 1 to {self.longest} integers from {self.minimum} to {self.maximum}"
