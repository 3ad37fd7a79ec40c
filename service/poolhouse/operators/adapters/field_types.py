"""Field types of operators whose number of spatial axes comes from the shape of the input.

A value is checked at that rank; schemas and descriptions are for all ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poolhouse.operators.field_types import JsonSchema
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis
from poolhouse.text_values import INTEGER_PATTERN, list_pattern

RANKS: Final = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class IntegerPerGivenAxis(IntegerPerAxis):
    """One integer, or one for each spatial axis of the input."""

    def schema(self, rank: int) -> JsonSchema:
        return _schema(self.minimum, self._lengths())

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": list_pattern(INTEGER_PATTERN, self._lengths(), INTEGER_PATTERN)}

    def describe(self, rank: int) -> str:
        leading = ", or preceded by N and C" if self.allows_batch_sizes else ""
        return f"integer ≥ {self.minimum}, or one for each spatial axis{leading}"

    def _lengths(self) -> tuple[int, ...]:
        return (*RANKS, *(rank + 2 for rank in RANKS[1:])) if self.allows_batch_sizes else RANKS


@dataclass(frozen=True, eq=False)
class Pads(IntegerPerAxis):
    """Positions before each spatial axis, then those after each; or one integer for all. Stored as one tuple."""

    minimum: int = 0

    def check(self, value: object, rank: int) -> tuple[int | None, ...]:
        return super().check(value, 2 * rank)

    def schema(self, rank: int) -> JsonSchema:
        return _schema(self.minimum, self._lengths())

    def text_schema(self, rank: int) -> JsonSchema:
        return {"type": "string", "pattern": list_pattern(INTEGER_PATTERN, self._lengths(), INTEGER_PATTERN)}

    def describe(self, rank: int) -> str:
        return f"integer ≥ {self.minimum}, or one before each spatial axis and then one after each"

    def _lengths(self) -> tuple[int, ...]:
        return tuple(2 * rank for rank in RANKS)


def _schema(minimum: int, lengths: tuple[int, ...]) -> JsonSchema:
    entry: JsonSchema = {"type": "integer", "minimum": minimum, "maximum": INT32_MAX}
    lists = [{"type": "array", "items": entry, "minItems": each, "maxItems": each} for each in lengths]
    return {"oneOf": [entry, *lists]}
