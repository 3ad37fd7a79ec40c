"""Field type of a list of words, such as the modes of ``token_pool``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poolhouse.operators.field_types import FieldError, FieldType, JsonSchema, describe_value
from poolhouse.text_values import split_list


@dataclass(frozen=True, eq=False)
class Words(FieldType):
    """One or several of some words, each at most once; the spec has a tuple.

    Args:
        words: that are accepted.
        aliases: other spellings, and the word that each stands for.
    """

    words: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def annotation(self) -> str:
        return "str | Sequence[str]"

    def check(self, value: object, rank: int) -> tuple[str, ...]:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
            raise FieldError("type", f"expected {self.describe(rank)}, got {describe_value(value)}")
        found = tuple(self.aliases.get(each, each) for each in given)
        for each in found:
            if each not in self.words:
                raise FieldError("range", f"expected {self.describe(rank)}, got {describe_value(each)}")
        if not found or len(set(found)) < len(found):
            raise FieldError("range", f"expected {self.describe(rank)}, each once; got {describe_value(value)}")
        return found

    def read(self, text: str) -> object:
        return split_list(text)[0]

    def schema(self, rank: int) -> JsonSchema:
        word: JsonSchema = {"type": "string", "enum": [*self.words, *self.aliases]}
        several: JsonSchema = {"type": "array", "items": word, "minItems": 1, "maxItems": len(self.words)}
        return {"oneOf": [word, several]}

    def text_schema(self, rank: int) -> JsonSchema:
        each = "|".join([*self.words, *self.aliases])
        return {"type": "string", "pattern": f"^({each})(,({each}))*$"}

    def describe(self, rank: int) -> str:
        return f"one or several of {', '.join(self.words)}"
