"""From an operator's name, fields and outlines to a plan; remembers plans, since most callers ask the same again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Limits, Operator, Plan
from poolhouse.tensors import Note, Outline

_REMEMBERED: Final = 1024
_LONGEST_KEY: Final = 256
"""Only requests whose fields print within this are remembered, which bounds the memory of a client's fields: a plan
and its question take four kilobytes, and all that are remembered a few megabytes."""
_MOST_FIELDS: Final = 16
_SCALARS: Final = frozenset({int, float, bool, type(None)})


_NO_NOTES: Final[Mapping[str, Note]] = MappingProxyType({})


class _Asked:
    """One question. Equal questions print alike: ``True`` and ``1`` are two different fields."""

    __slots__ = ("_hash", "key", "member", "notes", "outlines", "texts", "values")

    def __init__(
        self,
        member: type[Operator],
        values: Mapping[str, object],
        texts: Mapping[str, str],
        notes: Mapping[str, Note],
        outlines: Mapping[str, Outline],
        key: Hashable,
    ) -> None:
        self.member = member
        self.values = values
        self.texts = texts
        self.notes = notes
        self.outlines = outlines
        self.key = key
        self._hash = hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key


class Planner:
    """Plans requests within limits.

    Args:
        catalogue: the operators.
        limits: what one request may ask for.
    """

    def __init__(self, catalogue: Catalogue, limits: Limits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._plan)

    def plan(
        self,
        name: str,
        values: Mapping[str, object],
        texts: Mapping[str, str],
        outlines: Mapping[str, Outline],
        notes: Mapping[str, Note] = _NO_NOTES,
    ) -> Plan:
        """The plan, or the refusal. Nothing is drawn: a random spec without a seed still has none.

        Raises:
            NotFound: no such operator.
            Unprocessable: everything that a spec and outlines can be refused for.
        """
        member = self._catalogue.find(name)
        if notes:
            names = {field.name for field in member.fields()}
            notes = {each: note for each, note in notes.items() if note.is_field or each in names}
        if not (_is_short(values) and _is_short(texts) and _is_short({each: notes[each].text for each in notes})):
            return member.parse(values, texts, notes).plan(outlines, self._limits)
        fields = f"{values}{texts}{notes}"
        key = (name, fields, tuple((each, outline.dtype.name, outline.shape) for each, outline in outlines.items()))
        asked = _Asked(member, values, texts, notes, outlines, key)
        return self._remembered(asked) if len(fields) <= _LONGEST_KEY else self._plan(asked)

    def _plan(self, asked: _Asked) -> Plan:
        return asked.member.parse(asked.values, asked.texts, asked.notes).plan(asked.outlines, self._limits)


def _is_short(fields: Mapping[str, object]) -> bool:
    """Whether these print quickly: printing a text of megabytes would hold the interpreter lock meanwhile."""
    if len(fields) > _MOST_FIELDS:
        return False
    for name, value in fields.items():
        if len(name) > _LONGEST_KEY:
            return False
        if type(value) in _SCALARS:
            continue
        if not isinstance(value, str | list | tuple) or len(value) > _LONGEST_KEY:
            return False
        if not isinstance(value, str) and not _SCALARS.issuperset(map(type, value)):
            return False
    return True
