"""Fields of specs, which an operator declares in its class body.

``kernel_size: Sizes = field(IntegerPerAxis(1), "…")``; the types are in ``field_types``, ``number_types`` and
``size_types``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from poolhouse.operators.field_types import FieldType, JsonSchema, one_of
from poolhouse.text_values import NULL_TEXTS

Sizes = tuple[int, ...]


def axis_names(rank: int) -> str:
    """Letters of the spatial axes in messages: L, HW or DHW."""
    return "L" if rank == 1 else "DHW"[-rank:]


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
        is_common: whether operators share it by inheritance; such fields come after an operator's own.
    """

    name: str
    field_type: FieldType
    meaning: str
    default: object
    default_from: str | None
    example: object
    in_batch_key: bool
    is_common: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a request must give it."""
        return self.default is REQUIRED and self.default_from is None

    @property
    def is_nullable(self) -> bool:
        """Whether null means that the field is not given."""
        return self.default is None or self.default_from is not None

    @property
    def json_default(self) -> object:
        """The default as a JSON value."""
        return list(self.default) if isinstance(self.default, tuple) else self.default

    def schema(self, rank: int) -> JsonSchema:
        """JSON Schema with meaning, default and an example."""
        schema = self.field_type.schema(rank)
        if self.is_nullable:
            # Clients in other languages send null for an unset field.
            schema = one_of(schema, {"type": "null"})
        schema["description"] = self.meaning
        if not self.is_required and self.default_from is None:
            schema["default"] = self.json_default
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
            return one_of(schema, {"type": "string", "enum": list(NULL_TEXTS)})
        return {**schema, "pattern": f"^({'|'.join(NULL_TEXTS)})$|{pattern}"}


_METADATA_KEY: Final = "poolhouse.field"


def field(
    field_type: FieldType,
    meaning: str,
    *,
    default: object = REQUIRED,
    default_from: str | None = None,
    example: object = None,
    in_batch_key: bool = True,
    is_common: bool = False,
) -> Any:  # Any, as dataclasses.field() itself: the class body assigns it to a field of any type.
    """Declare a field in an operator's class body. See :class:`Field` for the arguments."""
    card = Field("", field_type, meaning, default, default_from, example, in_batch_key, is_common)
    return dataclasses.field(metadata={_METADATA_KEY: card})


def fields_of(cls: type) -> tuple[Field, ...]:
    """The declared fields of a dataclass, in order; the common ones last."""
    declared = [
        dataclasses.replace(field.metadata[_METADATA_KEY], name=field.name)
        for field in dataclasses.fields(cls)
        if _METADATA_KEY in field.metadata
    ]
    return tuple(sorted(declared, key=lambda field: field.is_common))
