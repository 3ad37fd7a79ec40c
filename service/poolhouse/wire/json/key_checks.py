"""Check the keys of a body: their number, the depth of its fields, and duplicates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.wire.json.refusals import MAX_FIELD_DEPTH, MAX_FIELD_VALUES, field_too_large_error, json_syntax_error
from poolhouse.wire.query import duplicate_field_error


def count_keys(document: Mapping[str, object]) -> int:
    """The number of keys in a parsed document, at any depth; duplicates in an object are gone, so they count once.

    Raises:
        Unprocessable: a field is nested too deep or holds too many values.
    """
    count = len(document)
    for name, value in document.items():
        if isinstance(value, dict) and name in TENSOR_TYPES:
            count += len(value)
            for each in value.values():
                if isinstance(each, list | dict):
                    count += _count_nested_keys(each, name)
        elif isinstance(value, list | dict):
            count += _count_nested_keys(value, name)
    return count


def _count_nested_keys(value: list[object] | dict[str, object], name: str) -> int:
    keys = values = 0
    level: list[list[object] | dict[str, object]] = [value]
    for _ in range(MAX_FIELD_DEPTH):
        below: list[list[object] | dict[str, object]] = []
        for each in level:
            values += 1 + len(each)
            if values > MAX_FIELD_VALUES:
                raise field_too_large_error(name)
            if isinstance(each, dict):
                keys += len(each)
                below += (item for item in each.values() if isinstance(item, list | dict))
            else:
                below += (item for item in each if isinstance(item, list | dict))
        if not below:
            return keys
        level = below
    raise field_too_large_error(name)


def refuse_duplicate_keys(text: bytes | memoryview) -> None:
    """Parse a text again with a parser that reports every pair, to find a duplicate key.

    Raises:
        Unprocessable: an object has a key twice.
    """

    def to_dict(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                raise duplicate_field_error(key, "/" + key[:60], "twice in one object")
            found[key] = value
        return found

    def length(digits: str) -> Any:
        return len(digits)

    try:
        # Only keys matter; converting numbers would take time and fail for integers of many digits.
        json.loads(bytes(text), object_pairs_hook=to_dict, parse_int=length, parse_float=length)
    except RecursionError:
        raise json_syntax_error(memoryview(text), "depth", 0) from None
