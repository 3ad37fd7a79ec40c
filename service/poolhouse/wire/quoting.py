"""What a caller sent, said back in a refusal: quoted, and short."""

from __future__ import annotations

import json


def clip(text: str, width: int = 60) -> str:
    """What a caller sent, quoted, and short enough to be said back."""
    return repr(text if len(text) <= width else text[:width] + "…")


def shown(value: object) -> str:
    """A JSON value, short enough to be said back; lists and objects by their kind."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return clip(value) if isinstance(value, str) else json.dumps(value)
