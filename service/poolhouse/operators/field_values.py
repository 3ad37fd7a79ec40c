"""Reading a request's fields: from JSON values, from the texts of a query string, and from a file's metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poolhouse.operators.field_problems import invalid_fields_error
from poolhouse.operators.field_types import FieldError
from poolhouse.operators.fields import Field
from poolhouse.tensors import Note


def field_pointers(text_fields: Mapping[str, str], notes: Mapping[str, Note]) -> dict[str, str]:
    """Where each field that was given as text is in the request: ``?name`` in the query, a JSON pointer in a file."""
    return {name: f"?{name[:80]}" for name in text_fields} | {name: note.pointer for name, note in notes.items()}


def read_field_values(
    operator: str,
    rank: int,
    fields: Sequence[Field],
    tensors: Sequence[str],
    json_fields: Mapping[str, object],
    text_fields: Mapping[str, str],
    pointers: Mapping[str, str],
) -> dict[str, object]:
    """The checked value of every field of an operator, with defaults filled in.

    Args:
        operator: its name.
        rank: its number of spatial axes.
        fields: its fields, in torch's order.
        tensors: the names of its inputs.
        json_fields: the fields of the request body.
        text_fields: the fields that were given as text.
        pointers: where each of those is in the request.

    Raises:
        Unprocessable: ``invalid_fields``, with the problems that were found, up to a bound, and how to mend each.
    """
    values: dict[str, object] = {}
    faults: dict[str, FieldError] = {}
    for field in fields:
        try:
            values[field.name] = _read_value(field, rank, json_fields, text_fields, values)
        except FieldError as fault:
            faults[field.name] = fault
    names = tuple(field.name for field in fields)
    refused = invalid_fields_error(operator, names, tensors, json_fields, text_fields, pointers, faults)
    if refused is not None:
        raise refused
    return values


def _read_value(
    field: Field,
    rank: int,
    json_fields: Mapping[str, object],
    text_fields: Mapping[str, str],
    earlier: Mapping[str, object],
) -> object:
    if field.name in text_fields:
        value = field.read(text_fields[field.name])
    elif field.name in json_fields:
        value = json_fields[field.name]
    elif field.is_required:
        raise FieldError("missing", f"has no default; give {field.field_type.describe(rank)}")
    else:
        value = None if field.default_from else field.default
    if value is None and field.is_nullable:
        value = earlier.get(field.default_from) if field.default_from else None
        if value is None:
            return None
    return field.field_type.check(value, rank)
