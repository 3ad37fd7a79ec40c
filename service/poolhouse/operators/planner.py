"""Plans from an operator's name, its fields and tensor metadata; cached, because most requests repeat earlier ones."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.tensors import Note, Tensor, TensorMetadata

_MAX_CACHED_PLANS: Final = 1024
_MAX_KEY_LENGTH: Final = 256
"""Plans are cached only for fields whose text is at most this long, which bounds the cache: a plan and its key take
four kilobytes, all cached plans a few megabytes."""
_MAX_FIELDS: Final = 16
_SCALARS: Final = frozenset({int, float, bool, type(None)})
_NO_NOTES: Final[Mapping[str, Note]] = MappingProxyType({})


class _PlanRequest:
    """Argument of the cached function. It is compared by the text of the fields, since ``True == 1``."""

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
    """Make and cache the plans of requests.

    Args:
        catalogue: the operators.
        limits: the limits of one request.
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
        tensors: Mapping[str, Tensor] | None = None,
    ) -> Plan:
        """The plan of a request. No seed is drawn: a random spec without a seed still has none.

        Args:
            name: of the operator.
            json_fields, text_fields, notes: the fields as they were sent.
            metadata: of the tensors.
            tensors: the tensors themselves, where they are known.

        Raises:
            NotFound: there is no such operator.
            Unprocessable: the fields, the tensors or the limits do not allow the request.
        """
        member = self._catalogue.find(name).for_inputs(metadata)
        measured = tensors if member.measures_elements else None
        if notes:
            names = {field.name for field in member.fields()}
            notes = {each: note for each, note in notes.items() if note.is_field or each in names}
        if measured is not None or not (
            _is_short(json_fields) and _is_short(text_fields) and _is_short({each: notes[each].text for each in notes})
        ):
            return make_plan(member.parse(json_fields, text_fields, notes), metadata, self._limits, measured)
        fields = f"{json_fields}{text_fields}{notes}"
        key = (name, fields, tuple((each, given.dtype.name, given.shape) for each, given in metadata.items()))
        request = _PlanRequest(member, json_fields, text_fields, notes, metadata, key)
        return self._cached_plan(request) if len(fields) <= _MAX_KEY_LENGTH else self._plan(request)

    def _plan(self, request: _PlanRequest) -> Plan:
        spec = request.member.parse(request.json_fields, request.text_fields, request.notes)
        return make_plan(spec, request.metadata, self._limits)


def _is_short(fields: Mapping[str, object]) -> bool:
    """Whether these fields format quickly; formatting megabytes of text holds the interpreter lock."""
    if len(fields) > _MAX_FIELDS:
        return False
    for name, value in fields.items():
        if len(name) > _MAX_KEY_LENGTH:
            return False
        if type(value) in _SCALARS:
            continue
        if not isinstance(value, str | list | tuple) or len(value) > _MAX_KEY_LENGTH:
            return False
        if not isinstance(value, str) and not all(map(_is_short_entry, value)):
            return False
    return True


def _is_short_entry(entry: object) -> bool:
    """Whether an entry of a list is a scalar or a pair of them."""
    if type(entry) in _SCALARS:
        return True
    return isinstance(entry, list | tuple) and len(entry) == 2 and _SCALARS.issuperset(map(type, entry))
