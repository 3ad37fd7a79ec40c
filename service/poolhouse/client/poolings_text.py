"""Lists of poolings as callers give them, and their JSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES

Poolings: TypeAlias = "Sequence[Mapping[str, object]] | Mapping[str, Mapping[str, object]]"
"""A list of poolings, each with its ``operator`` and fields, or such poolings by name."""

_MAX_DEPTH: Final = 8


def poolings_text(poolings: object) -> str:
    """The list as JSON text.

    Args:
        poolings: :data:`Poolings`, or what a caller gives instead.

    Raises:
        Unprocessable: it is no list of poolings, or a field has a value that none can have.
    """
    entries: list[object] = []
    if isinstance(poolings, Mapping):
        for name, each in poolings.items():
            pooling = _as_mapping(each, f"/poolings/{len(entries)}")
            if pooling.get("name", name) != name:
                raise refused(f"the pooling {name!r} has another name, {pooling['name']!r}; leave that out")
            entries.append({"name": name, **pooling})
    elif isinstance(poolings, Sequence) and not isinstance(poolings, str | bytes):
        entries += [_as_mapping(each, f"/poolings/{index}") for index, each in enumerate(poolings)]
    else:
        raise refused(f"poolings is a {type(poolings).__name__}; give a list of poolings, or poolings by name")
    return json.dumps([_plain(each, "poolings", _MAX_DEPTH) for each in entries], separators=(",", ":"))


def _as_mapping(value: object, pointer: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        message = f"a pooling is a {type(value).__name__}; give a mapping with its operator and fields"
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem(pointer, "type", message),))
    # None leaves a field unset, as in the other calls; for a tensor it means that the pooling does not take it.
    return {str(name): each for name, each in value.items() if each is not None or name in TENSOR_TYPES}


def _plain(value: object, name: str, depth: int) -> object:
    """The value as JSON has it: of Python's own types, and infinities and NaN as strings."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(number), "NaN")
    if value is None or isinstance(value, str):
        return value
    if depth and isinstance(value, list | tuple):
        return [_plain(each, name, depth - 1) for each in value]
    if depth and isinstance(value, Mapping):
        return {str(key): _plain(each, str(key), depth - 1) for key, each in value.items()}
    raise refused(f"{name} is a {type(value).__name__}; give a number, a boolean, a text, or one number per axis")


def refused(message: str) -> Unprocessable:
    """The error for a list, or what is beside it, that cannot be sent."""
    return Unprocessable("invalid_fields", f"{message}.")
