"""Values written as text, as a query string and the metadata of a file hold them: integers, numbers, lists.

Two rules. What can mean one value only is read: ``3,2``, ``[3, 2]`` and ``(3,2)`` are the same list, ``2.0`` is the
integer 2. Everything else is refused, with the text that was probably meant where that can be told.
The patterns for the OpenAPI document stand beside the functions that read, so that both accept the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

INTEGER: Final = "[0-9]{1,20}([.]0+)?"
"""An integer that is not negative, as a pattern for documents."""
NUMBER: Final = "[+-]?([0-9]{1,20}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,4})?"
"""A number, as a pattern for documents."""
NULLS: Final = ("null", "None")
"""What is written for no value: as JSON has it, and as Python prints it."""

_INTEGER: Final = re.compile(f"-?{INTEGER}")
_NUMBER: Final = re.compile(NUMBER)
_BRACKETS: Final = {"[": "]", "(": ")"}
_MEANT_AS_LIST: Final = re.compile(r"[\[({<]?[0-9]{1,20}(?:[ x×*;:/|,]{1,3}[0-9]{1,20}){1,7}[\])}>]?", re.IGNORECASE)
_DIGITS: Final = re.compile("[0-9]{1,20}")


def split_list(text: str) -> tuple[list[str], bool]:
    """The entries of a list with commas between them, and whether it had brackets, as JSON or Python prints it.

    Brackets that do not match stay on their entries, which nothing reads then.
    """
    closing = _BRACKETS.get(text[:1])
    is_bracketed = closing is not None and text.endswith(closing)
    first, *others = (text[1:-1] if is_bracketed else text).split(",")
    if others == [""] and closing == ")":
        # A tuple of one, as Python prints it.
        others.clear()
    return [first, *(entry.lstrip(" ") for entry in others)], is_bracketed


def list_pattern(entry: str, counts: Collection[int], alone: str | None = None) -> str:
    """The texts that :func:`split_list` takes for a list of so many entries, as a pattern for documents.

    Args:
        entry: the pattern of one.
        counts: how many there may be.
        alone: the pattern of what may stand in place of the list.
    """
    patterns = [] if alone is None else [alone]
    for least, most in [(min(counts), max(counts))] if max(counts) - min(counts) == 1 else [(n, n) for n in counts]:
        times = f"{least - 1},{most - 1}" if least < most else f"{least - 1}"
        body = entry + (f"(, *{entry}){{{times}}}" if most > 1 else "")
        patterns += [body, rf"\[{body}\]", rf"\({body}{',?' if most == 1 else ''}\)"]
    return f"^({'|'.join(patterns)})$"


def read_integer(text: str) -> int | None:
    """The integer that a text stands for; None for what is none."""
    # int() would take "1_000", " 3 " and digits of other scripts.
    return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else None


def read_number(text: str) -> float | None:
    """The finite number that a text stands for, infinite where it is too large; None for what is none."""
    # float() would take "nan", "inf", "1_0" and spaces around.
    return float(text) if _NUMBER.fullmatch(text) else None


def hint(text: str) -> str:
    """``; write 2,2`` behind the refusal of ``2x2``, ``2;2``, ``{2,2}``; nothing where nothing can be told."""
    if _MEANT_AS_LIST.fullmatch(text) is None:
        return ""
    return f"; write {','.join(_DIGITS.findall(text))}"
