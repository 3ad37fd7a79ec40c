"""Quote untrusted text in messages: short, and without control sequences for a terminal."""

from __future__ import annotations

import json


def quote_clipped(text: str, max_chars: int = 60) -> str:
    """The text in quotes, clipped after ``max_chars``."""
    return repr(text if len(text) <= max_chars else text[:max_chars] + "…")


def describe_value(value: object) -> str:
    """A JSON value for a message; lists and objects by their kind."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return quote_clipped(value) if isinstance(value, str) else json.dumps(value)


def escape_unprintable(text: str, *, allowed: str = "") -> str:
    """Write unprintable characters as JSON escapes them.

    Among them are terminal control sequences, line breaks, which would forge lines of a log, and marks that change the
    direction of writing. Within JSON the value stays the same.

    Args:
        text: untrusted text.
        allowed: unprintable characters to keep.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in allowed else json.dumps(character)[1:-1]
        for character in text
    )
