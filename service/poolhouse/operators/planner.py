"""From an operator's name, fields and metadata to a plan; remembers plans, since most callers ask the same again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Limits, Operator, Plan
from poolhouse.tensors import Note, TensorMetadata

_MAX_CACHED_PLANS: Final = 1024
_MAX_KEY_LENGTH: Final = 256
"""Only requests whose fields print within this are remembered, which bounds the memory of a client's fields: a plan
and its question take four kilobytes, and all that are remembered a few megabytes."""
_MAX_FIELDS: Final = 16
_SCALARS: Final = frozenset({int, float, bool, type(None)})


_NO_NOTES: Final[Mapping[str, Note]] = MappingProxyType({})


class _PlanRequest:
    """One question. Equal questions print alike: ``True`` and ``1`` are two different fields."""

    __slots__ = ("_hash", "json_fields", "key", "member", "metadata", "notes", "text_fields")

    def __init__(
        self,
        member: type[Operator],
        json_fields: Mapping[str, object],
        text_fields: Mapping[str, str],
        notes: Mapping[str, Note],
        metadata: Mapping[str, TensorMetadata],
        key: Hashable,
    ) -> None:
        self.member = member
        self.json_fields = json_fields
        self.text_fields = text_fields
        self.notes = notes
        self.metadata = metadata
        self.key = key
        self._hash = hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _PlanRequest) and self.key == other.key


class Planner:
    """Plans requests within limits.

    Args:
        catalogue: the operators.
        limits: what one request may ask for.
    """

    def __init__(self, catalogue: Catalogue, limits: Limits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._cached_plan = lru_cache(maxsize=_MAX_CACHED_PLANS)(self._plan)

    def plan(
        self,
        name: str,
        json_fields: Mapping[str, object],
        text_fields: Mapping[str, str],
        metadata: Mapping[str, TensorMetadata],
        notes: Mapping[str, Note] = _NO_NOTES,
    ) -> Plan:
        """The plan, or the refusal. Nothing is drawn: a random spec without a seed still has none.

        Raises:
            NotFound: no such operator.
            Unprocessable: everything that a spec and metadata can be refused for.
        """
        member = self._catalogue.find(name)
        if notes:
            names = {field.name for field in member.fields()}
            notes = {each: note for each, note in notes.items() if note.is_field or each in names}
        if not (
            _is_short(json_fields) and _is_short(text_fields) and _is_short({each: notes[each].text for each in notes})
        ):
            return member.parse(json_fields, text_fields, notes).plan(metadata, self._limits)
        fields = f"{json_fields}{text_fields}{notes}"
        key = (name, fields, tuple((each, metadata.dtype.name, metadata.shape) for each, metadata in metadata.items()))
        request = _PlanRequest(member, json_fields, text_fields, notes, metadata, key)
        return self._cached_plan(request) if len(fields) <= _MAX_KEY_LENGTH else self._plan(request)

    def _plan(self, request: _PlanRequest) -> Plan:
        return request.member.parse(request.json_fields, request.text_fields, request.notes).plan(
            request.metadata, self._limits
        )


def _is_short(fields: Mapping[str, object]) -> bool:
    """Whether these print quickly: printing a text of megabytes would hold the interpreter lock meanwhile."""
    if len(fields) > _MAX_FIELDS:
        return False
    for name, value in fields.items():
        if len(name) > _MAX_KEY_LENGTH:
            return False
        if type(value) in _SCALARS:
            continue
        if not isinstance(value, str | list | tuple) or len(value) > _MAX_KEY_LENGTH:
            return False
        if not isinstance(value, str) and not _SCALARS.issuperset(map(type, value)):
            return False
    return True
