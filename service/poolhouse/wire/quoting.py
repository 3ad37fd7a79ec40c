"""What a stranger sent, said back in a message: quoted, short, and without what a terminal would obey."""

from __future__ import annotations

import json


def quote_clipped(text: str, max_chars: int = 60) -> str:
    """What a caller sent, quoted, and short enough to be said back."""
    return repr(text if len(text) <= max_chars else text[:max_chars] + "…")


def describe_value(value: object) -> str:
    """A JSON value, short enough to be said back; lists and objects by their kind."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return quote_clipped(value) if isinstance(value, str) else json.dumps(value)


def escape_unprintable(text: str, *, allowed: str = "") -> str:
    """The text, where whatever is not seen as itself is written as JSON escapes it.

    So are escape sequences, which a terminal obeys, line ends, which begin another line of a log, and marks that turn
    the direction of writing. Within JSON the value stays the same.

    Args:
        text: of a stranger.
        allowed: characters that may stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in allowed else json.dumps(character)[1:-1]
        for character in text
    )
