"""The error for a request's invalid fields: a pointer and a sentence for each problem, up to a bound.

A request can name a thousand fields in a few kilobytes, and a suggestion compares a name with every field, so names
beyond the bound are only counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poolhouse.errors import MAX_PROBLEMS, FieldProblem, Unprocessable
from poolhouse.operators.field_types import FieldError, describe_value
from poolhouse.suggestions import field_hint, padding_hint


def invalid_fields_error(
    operator: str,
    fields: Sequence[str],
    tensors: Sequence[str],
    json_fields: Mapping[str, object],
    text_fields: Mapping[str, str],
    pointers: Mapping[str, str],
    faults: Mapping[str, FieldError],
) -> Unprocessable | None:
    """The error for these fields; None if all of them are valid.

    Args:
        operator: its name.
        fields: names of its fields.
        tensors: names of its inputs.
        json_fields: the fields of the request body.
        text_fields: the fields that were given as text.
        pointers: where each of those is in the request.
        faults: the errors of invalid values, by field.
    """
    twice = [name for name in json_fields if name in text_fields]
    unknown = [name for name in (*json_fields, *text_fields) if name not in fields]
    total = len(twice) + len(unknown) + len(faults)
    if not total:
        return None
    remaining = max(0, MAX_PROBLEMS - len(faults))
    problems = [
        FieldProblem(
            _pointer(name),
            "duplicate",
            f"{describe_value(name)} is in the body and in the query; remove one of them",
        )
        for name in twice[:remaining]
    ]
    problems += [
        FieldProblem(pointers.get(name) or _pointer(name), "unknown", _unknown(operator, name, fields, tensors))
        for name in unknown[: remaining - len(problems)]
    ]
    problems += [
        FieldProblem(
            pointers.get(name) or _pointer(name),
            fault.code,
            f"{name}: {fault.message}{_value_hint(name, text_fields.get(name, json_fields.get(name)))}",
        )
        for name, fault in faults.items()
    ]
    messages = [problem.message for problem in problems]
    if total > len(problems):
        messages.append(f"and {total - len(problems):,} more")
    return Unprocessable("invalid_fields", "; ".join(messages), problems=problems)


def _pointer(name: str) -> str:
    return "/" + name[:80].replace("~", "~0").replace("/", "~1")


def _unknown(operator: str, name: str, fields: Sequence[str], tensors: Sequence[str]) -> str:
    hint = field_hint(name, fields, tensors)
    unknown = f"{operator} has no field {describe_value(name)}" + (f"; {hint}" if hint else ".")
    return f"{unknown} It takes {', '.join(fields) or 'no fields'}"


def _value_hint(name: str, value: object) -> str:
    """A suggestion for a value that other libraries accept, such as padding "SAME_UPPER"."""
    hint = padding_hint(value) if name == "padding" and isinstance(value, str) else ""
    return f". {hint}" if hint else ""
