"""A JSON text as a document, its long values read piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import orjson

from poolhouse.wire import json_pieces
from poolhouse.wire.json_long import CannotBeCut, Damaged, LongBase64, LongList, LongValue, Text, skip
from poolhouse.wire.json_nest import Wanted
from poolhouse.wire.json_zero import has_minus_zero, loads_signed

_STANDS_IN: Final = "a value, in pieces: "
_BEFORE_BYTES: Final = 256
_AMONG_NUMBERS: Final = b"0123456789.,[]"

Path: TypeAlias = tuple[str, ...]
Chooser: TypeAlias = Callable[[Path, Mapping[str, Any]], Wanted | None]
"""How a list becomes an array, by the names of the fields that it stands in, and the document; None where it is none"""


class TooLongToRead(Exception):
    """The text cannot be read in pieces, and is too long to be read at once: nobody else could go on meanwhile."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document, and its text without the long values; the text as it is where none was found."""

    document: object
    skeleton: Text


def loads(text: Text, choose: Chooser) -> Parsed:
    """What ``orjson.loads`` gives, but long values of fields are :class:`LongList` and :class:`LongBase64`.

    A ``-0`` in a list of floats is -0.0, in others 0.

    Raises:
        orjson.JSONDecodeError: as it does.
        TooLongToRead: of a text that may be one or not.
    """
    if len(text) > 2 * json_pieces.PIECE_BYTES:
        _refuse_broken_off(text)
        if found := _long_values(text):
            try:
                return _in_pieces(text, found, choose)
            except Damaged:
                raise
            except (orjson.JSONDecodeError, CannotBeCut):
                pass
    document = _loads_whole(text)
    _sign_zeros(document, text, choose)
    return Parsed(document, text)


def _loads_whole(text: Text) -> Any:
    if len(text) > json_pieces.WHOLE_BYTES:
        raise TooLongToRead
    return orjson.loads(text)


def _refuse_broken_off(text: Text) -> None:
    """The commonest damage to a long text, found without reading it: an object that ends among its numbers."""
    last = text[-_BEFORE_BYTES:].rstrip()[-1:]
    if text[(first := skip(text, 0)) : first + 1] == b"{" and last and last in _AMONG_NUMBERS:
        raise Damaged("unexpected end of data", "", len(text))


def _in_pieces(text: Text, found: list[LongValue], choose: Chooser) -> Parsed:
    names = [f"{_STANDS_IN}{number}" for number in range(len(found))]
    kept, at = list[bytes | memoryview](), 0
    for name, each in zip(names, found, strict=True):
        kept += [memoryview(text)[at : each.begin], f'"{name}"'.encode()]
        at = each.end
    skeleton = b"".join((*kept, memoryview(text)[at:]))
    try:
        document = _loads_whole(skeleton)
    except orjson.JSONDecodeError as error:
        at = error.pos
        for name, each in zip(names, found, strict=True):
            # If this is one value, it is the rest of the text that is no JSON.
            each.read(None)
            if each.begin < at:
                at += each.end - each.begin - len(name) - 2
        raise Damaged(error.msg, "", at) from None
    _sign_zeros(document, skeleton, choose)
    places = _places(document)
    if places.keys() != set(names):
        raise CannotBeCut
    for name, each in zip(names, found, strict=True):
        path, holder = places[name]
        if isinstance(each, LongBase64) and path[-1] != "base64":
            raise CannotBeCut
        each.read(choose(path, document))
        holder[path[-1]] = each
    return Parsed(document, skeleton)


def _fields(document: object) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The fields of the document and those of each such field: their names, and the object that holds the last."""
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        yield (name,), document
        if isinstance(value, dict):
            yield from (((name, below), value) for below in value)


def _sign_zeros(document: object, text: Text, choose: Chooser) -> None:
    """Put lists with minus zeros in place of those that have none yet, where they are floats."""
    if not isinstance(document, dict) or not has_minus_zero(text):
        return
    floats = [
        (path, holder)
        for path, holder in _fields(document)
        if isinstance(holder[path[-1]], list) and (wanted := choose(path, document)) and wanted.floats
    ]
    for path, holder in floats:
        # Both at once would take twice the memory.
        holder[path[-1]] = None
    signed: Any = loads_signed(text) if floats else None
    for path, holder in floats:
        value = signed
        for name in path:
            value = value[name]
        holder[path[-1]] = value


def _places(document: object) -> dict[str, tuple[Path, dict[str, Any]]]:
    """What stands in for a list, with the names of its field.

    Raises:
        CannotBeCut: the same stands in two places.
    """
    places: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path, holder in _fields(document):
        value = holder[path[-1]]
        if isinstance(value, str) and value.startswith(_STANDS_IN):
            if value in places:
                raise CannotBeCut
            places[value] = (path, holder)
    return places


def _long_values(text: Text) -> list[LongValue]:
    """What lies between two colons, up to the name before the second, if it is long."""
    found: list[LongValue] = []
    for colon, after in pairwise((*json_pieces.places(text, ord(":")), -1)):
        upto = len(text) if after < 0 else after
        if upto - colon <= 2 * json_pieces.PIECE_BYTES:
            continue
        first = skip(text, colon + 1)
        value: LongValue | None = None
        if text[first : first + 1] == b"[":
            if after >= 0:
                upto = text.rfind(b'"', first, max(first, text.rfind(b'"', first, upto)))
            value = LongList(text, first, text.rfind(b"]", first, max(first, upto)) + 1)
        elif text[first : first + 1] == b'"':
            value = LongBase64(text, first, text.find(b'"', first + 1, upto) + 1)
        if value is not None and value.end - first > 2 * json_pieces.PIECE_BYTES:
            found.append(value)
    return found
