"""Parse values written as text, in query strings and in the metadata of files: integers, numbers, lists.

A text with only one possible meaning is accepted: ``3,2``, ``[3, 2]`` and ``(3,2)`` are the same list, ``2.0`` is the
integer 2. Any other text is refused, with a correction if there is an obvious one.
The patterns for the OpenAPI document accept the same texts as the functions, so they are defined here too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

INTEGER_PATTERN: Final = "[0-9]{1,20}([.]0+)?"
"""The pattern of a non-negative integer."""
NUMBER_PATTERN: Final = "[+-]?([0-9]{1,20}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,4})?"
"""The pattern of a number."""
NULL_TEXTS: Final = ("null", "None")
"""The texts for no value, in JSON and in Python."""

_INTEGER: Final = re.compile(f"-?{INTEGER_PATTERN}")
_NUMBER: Final = re.compile(NUMBER_PATTERN)
_BRACKETS: Final = {"[": "]", "(": ")"}
_LIST_LIKE: Final = re.compile(r"[\[({<]?[0-9]{1,20}(?:[ x×*;:/|,]{1,3}[0-9]{1,20}){1,7}[\])}>]?", re.IGNORECASE)
_DIGITS: Final = re.compile("[0-9]{1,20}")


def split_list(text: str) -> tuple[list[str], bool]:
    """The entries of a comma-separated list, and whether it is in brackets, as JSON or Python prints it.

    Unmatched brackets stay in their entries, which then cannot be parsed.
    """
    closing = _BRACKETS.get(text[:1])
    is_bracketed = closing is not None and text.endswith(closing)
    first, *others = (text[1:-1] if is_bracketed else text).split(",")
    if others == [""] and closing == ")":
        # Python prints a tuple of one entry as (1,).
        others.clear()
    return [first, *(entry.lstrip(" ") for entry in others)], is_bracketed


def list_pattern(entry: str, counts: Collection[int], alone: str | None = None) -> str:
    """The pattern of the texts that :func:`split_list` reads as a list.

    Args:
        entry: the pattern of an entry.
        counts: the allowed numbers of entries.
        alone: the pattern of a text that may replace the list.
    """
    patterns = [] if alone is None else [alone]
    for least, most in [(min(counts), max(counts))] if max(counts) - min(counts) == 1 else [(n, n) for n in counts]:
        times = f"{least - 1},{most - 1}" if least < most else f"{least - 1}"
        body = entry + (f"(, *{entry}){{{times}}}" if most > 1 else "")
        patterns += [body, rf"\[{body}\]", rf"\({body}{',?' if most == 1 else ''}\)"]
    return f"^({'|'.join(patterns)})$"


def parse_integer(text: str) -> int | None:
    """The integer in a text, or None."""
    # int() would accept "1_000", " 3 " and digits of other scripts.
    if not _INTEGER.fullmatch(text):
        return None
    whole = int(text.partition(".")[0])
    # -0 is a float; the patterns of the schemas do not have it either.
    return None if not whole and text.startswith("-") else whole


def parse_number(text: str) -> float | None:
    """The number in a text, infinite if it is too large; or None."""
    # float() would accept "nan", "inf", "1_0" and surrounding spaces.
    return float(text) if _NUMBER.fullmatch(text) else None


def list_hint(text: str) -> str:
    """``; write 2,2`` for ``2x2``, ``2;2`` or ``{2,2}``, to be appended to an error message; else empty."""
    if _LIST_LIKE.fullmatch(text) is None:
        return ""
    return f"; write {','.join(_DIGITS.findall(text))}"
