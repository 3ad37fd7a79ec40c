"""Field types of one number, which holds for all axes."""

from __future__ import annotations

import math
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
)
from poolhouse.text_values import NUMBER_PATTERN, parse_integer

_INFINITIES: Final = {"Infinity": math.inf, "-Infinity": -math.inf}
_ODD_NUMBERS: Final = {"NaN": math.nan, **_INFINITIES}
_INTEGER_LIMITS: Final = (-(2**63), 2**64 - 1)


@dataclass(frozen=True, eq=False)
class Integer(FieldType):
    """One integer for all axes."""

    minimum: int
    maximum: int
    nonzero: bool = False

    @property
    def annotation(self) -> str:
        return "int"

    def check(self, value: object, rank: int) -> int:
        whole = check_integer(value, self.minimum, self.maximum)
        if self.nonzero and whole == 0:
            raise FieldError("range", "expected an integer other than 0, got 0")
        return whole

    def read(self, text: str) -> object:
        return integer_from(text)

    def schema(self, rank: int) -> JsonSchema:
        schema: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {**schema, "not": {"const": 0}} if self.nonzero else schema

    def describe(self, rank: int) -> str:
        other = " other than 0" if self.nonzero else ""
        return f"integer{other} from {self.minimum} to {self.maximum}"


@dataclass(frozen=True, eq=False)
class Real(FieldType):
    """A finite number.

    Args:
        least: the least value.
        nonzero: whether 0 is refused.
    """

    least: float | None = None
    nonzero: bool = False

    @property
    def annotation(self) -> str:
        return "float"

    def check(self, value: object, rank: int) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("type", f"expected {self.describe(rank)}, got {describe_value(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        is_low = self.least is not None and number < self.least
        if not math.isfinite(number) or is_low or (self.nonzero and number == 0):
            raise FieldError("range", f"expected {self.describe(rank)}, got {describe_value(value)}")
        return number

    def read(self, text: str) -> object:
        return number_from(text)

    def schema(self, rank: int) -> JsonSchema:
        schema: JsonSchema = {"type": "number"}
        if self.least is not None:
            schema["minimum"] = self.least
        if self.nonzero:
            schema["not"] = {"const": 0}
        return schema

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^{NUMBER_PATTERN}$"}

    def describe(self, rank: int) -> str:
        bound = "" if self.least is None else f" ≥ {self.least:g}"
        return f"finite number{bound}{' other than 0' * self.nonzero}"


@dataclass(frozen=True, eq=False)
class Probability(FieldType):
    """A number from 0 to 1, both included."""

    @property
    def annotation(self) -> str:
        return "float"

    def check(self, value: object, rank: int) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("type", f"expected a number, got {describe_value(value)}")
        if not 0 <= value <= 1:
            raise FieldError("range", f"expected a number from 0 to 1, got {describe_value(value)}")
        # Without the sign of zero, so that -0.0 is the same spec.
        return abs(float(value))

    def read(self, text: str) -> object:
        return number_from(text)

    def schema(self, rank: int) -> JsonSchema:
        return {"type": "number", "minimum": 0, "maximum": 1}

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^{NUMBER_PATTERN}$"}

    def describe(self, rank: int) -> str:
        return "number from 0 to 1"


@dataclass(frozen=True, eq=False)
class Power(FieldType):
    """A number other than 0, or an infinity, which JSON represents as a string."""

    @property
    def annotation(self) -> str:
        return "float"

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
        return spelled if spelled in _INFINITIES else number_from(text)

    def schema(self, rank: int) -> JsonSchema:
        number: JsonSchema = {"type": "number", "not": {"const": 0}}
        return {"oneOf": [number, {"type": "string", "enum": sorted(_INFINITIES)}]}

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^({NUMBER_PATTERN}|-?Infinity|-?inf)$"}

    def describe(self, rank: int) -> str:
        return 'number other than 0, or "Infinity", "-Infinity"'


@dataclass(frozen=True, eq=False)
class AnyNumber(FieldType):
    """A number that an element may be: an exact integer of 64 bits, a float64, or the name of NaN or of an infinity."""

    @property
    def annotation(self) -> str:
        return "float"

    def check(self, value: object, rank: int) -> int | float:
        if isinstance(value, str) and value in _ODD_NUMBERS:
            return _ODD_NUMBERS[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("type", f"expected {self.describe(rank)}, got {describe_value(value)}")
        if isinstance(value, int) and not _INTEGER_LIMITS[0] <= value <= _INTEGER_LIMITS[1]:
            raise FieldError("range", f"expected an integer of 64 bits or a float, got {describe_value(value)}")
        # There are many NaN objects, which are unequal, but specs with NaN must be equal.
        return math.nan if value != value else value

    def read(self, text: str) -> object:
        spelled = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)
        if spelled in _ODD_NUMBERS:
            return spelled
        # A float has not all integers of 64 bits.
        whole = parse_integer(text)
        return number_from(text) if whole is None else whole

    def schema(self, rank: int) -> JsonSchema:
        return {"oneOf": [{"type": "number"}, {"type": "string", "enum": sorted(_ODD_NUMBERS)}]}

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^({NUMBER_PATTERN}|-?Infinity|-?inf|NaN|nan)$"}

    def describe(self, rank: int) -> str:
        return 'number, "NaN", "Infinity" or "-Infinity"'
