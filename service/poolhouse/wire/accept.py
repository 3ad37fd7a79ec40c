"""Parse ``Accept`` and ``Accept-Encoding`` into names with weights, in time linear in their length.

The grammar is RFC 9110, sections 5.6 and 12.4.2, applied leniently: malformed parts are ignored, the rest counts.
There is no regular expression here: backtracking would block the event loop before any key is checked.
"""

from __future__ import annotations

from typing import Final

MAX_MEMBERS: Final = 64
"""Members of one header that are parsed; the rest is ignored, which bounds the work for a header of any length."""

_MAX_WEIGHT_CHARS: Final = 20


def parse_accept(header: str) -> list[tuple[str, float | None]]:
    """The names of the first members, in lower case and in header order, each with its weight.

    The weight is 1 if there is none, and None if it is not a number from 0 to 1. Parameters other than ``q`` are
    ignored, and so are commas inside quotes. Empty members are legal (RFC 9110, 5.6.1) and skipped.
    """
    found: list[tuple[str, float | None]] = []
    for member in _empty_quoted_strings(header).split(",", MAX_MEMBERS)[:MAX_MEMBERS]:
        name, *parameters = member.split(";")
        if name := name.strip().lower():
            found.append((name, _parse_weight(parameters) if parameters else 1.0))
    return found


def _empty_quoted_strings(header: str) -> str:
    """Replace every quoted string of the header by ``""``."""
    if '"' not in header:
        return header
    # A backslash escapes the next character, which may be a backslash: remove pairs first, then escaped quotes.
    parts = header.replace("\\\\", "").replace('\\"', "").split('"')
    return '""'.join(parts[::2])


def _parse_weight(parameters: list[str]) -> float | None:
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip().lower() == "q":
            return _parse_number(text.strip())
    return 1.0


def _parse_number(text: str) -> float | None:
    """Parse a weight as clients write it: ``0.2``, ``.2``, ``1.``, also with more digits than RFC 9110 allows."""
    digits = text.replace(".", "", 1)
    if len(text) > _MAX_WEIGHT_CHARS or not (digits.isascii() and digits.isdecimal()):
        return None
    return weight if (weight := float(text)) <= 1 else None
