"""The long lists of a JSON text, read piece by piece and never whole.

What makes a body long is its numbers, in lists. Cut at commas, and with the brackets put back that were open there,
each piece is JSON again. Its numbers go into an array at once, while they are in the processor's cache, and are
forgotten: a list of all of them would take several times the memory, and to free it would hold up everyone else.

Nothing is taken for granted: a piece that is cut where the lists are not as deep as they seem has a bracket too many
or too few, and then the parser reads the text as it is, and finds the words for what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.wire.json_pieces import PIECE_ELEMENTS, places, rest

PIECE_BYTES: Final = 128 * 1024
"""About half a millisecond of the parser."""
_DEEPEST: Final = 64
_STANDS_IN: Final = "a list, in pieces: "
_BEFORE_BYTES: Final = 256
_SPACE: Final = re.compile(rb"[ \t\n\r]*")

Numbers: TypeAlias = npt.NDArray[np.generic]
Text: TypeAlias = bytes | bytearray
Path: TypeAlias = tuple[str, ...]


class NoNumbers(Exception):
    """A list that is no array of the wanted kind."""


class _NoPlace(Exception):
    """The text cannot be cut."""


class _Damaged(orjson.JSONDecodeError):
    """A piece is no JSON, and the whole text would be none for the same reason at the same place."""


class Wanted(NamedTuple):
    """How a list becomes an array.

    Attributes:
        convert: makes an array of a list that is at least one level deep, or raises :class:`NoNumbers`.
        strings: whether there may be strings among the numbers.
    """

    convert: Callable[[list[Any]], Numbers]
    strings: bool


Chooser: TypeAlias = Callable[[Path, Mapping[str, Any]], Wanted | None]
"""How a list becomes an array, by the names of the fields that it stands in, and the document; None where it is none"""


@dataclass(slots=True, eq=False)
class LongList:
    """A list of a document that is not there as a list.

    Attributes:
        array: its numbers; None where they were not wanted, or where only the list can say what they are.
    """

    text: Text
    begin: int
    end: int
    array: Numbers | None = None

    def lists(self) -> list[Any]:
        """The list itself, as deep as it is."""
        whole: list[Any] = []
        for piece in self._pieces():
            _join(whole, piece.entries, piece.joined)
            rest()
        return whole

    def read(self, wanted: Wanted | None) -> None:
        """See that the text is one list, and keep its numbers if they are wanted.

        Raises:
            orjson.JSONDecodeError: a piece is no JSON.
        """
        nest = _Nest(wanted.convert) if wanted else None
        for piece in self._pieces():
            if nest is not None:
                try:
                    if piece.has_strings and not (wanted and wanted.strings):
                        raise NoNumbers
                    nest.add(piece)
                except NoNumbers:
                    nest = None
            del piece
            rest()
        if nest is not None:
            try:
                self.array = nest.array()
            except NoNumbers:
                self.array = None

    def _pieces(self) -> Iterator[_Piece]:
        joined = 0
        for start, stop, goes_on in _cuts(self.text, self.begin, self.end):
            piece = b"".join((b"[" * joined, memoryview(self.text)[start:stop], b"]" * goes_on))
            has_strings = b'"' in piece
            try:
                entries = orjson.loads(piece)
            except orjson.JSONDecodeError as error:
                at = error.pos - joined
                # Beyond the end of the list the whole text may go on in another way.
                if has_strings or not 0 <= at < stop - start or "after document" in error.msg:
                    raise
                raise _Damaged(error.msg, "", start + at) from None
            yield _Piece(entries, has_strings, joined, goes_on)
            del entries
            joined = goes_on


class _Piece(NamedTuple):
    """Some entries of a list: so many levels of it began in the piece before, and so many go on in the next."""

    entries: list[Any]
    has_strings: bool
    joined: int
    goes_on: int


@dataclass(slots=True)
class _Nest:
    """Puts the numbers of pieces together, and sees that all lists of one level are equally long."""

    convert: Callable[[list[Any]], Numbers]
    sizes: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    parts: list[Numbers] = field(default_factory=list)

    def add(self, piece: _Piece) -> None:
        if not self.sizes:
            first: object = piece.entries
            while isinstance(first, list):
                self.sizes.append(-1)
                first = first[0] if first else None
            self.entries = [0] * len(self.sizes)
        self._add(piece.entries, 0, piece.joined, piece.goes_on)

    def array(self) -> Numbers:
        self._close(0)
        numbers = np.concatenate(self.parts)
        if numbers.size != math.prod(self.sizes):
            raise NoNumbers
        return numbers.reshape(self.sizes)

    def _add(self, entries: list[Any], level: int, joined: int, goes_on: int) -> None:
        """The entries of a list at this level; as in :class:`_Piece`, counted from this level on."""
        start, stop = 0, len(entries)
        if joined > 1:
            self._go_down(entries[0], level + 1, joined - 1, goes_on - 1 if stop == 1 else 0)
            start = 1
        if goes_on > 1 and stop > start:
            stop -= 1
        if stop > start:
            self._block(entries[start:stop], level)
        if stop < len(entries):
            self._go_down(entries[stop], level + 1, 0, goes_on - 1)

    def _go_down(self, below: object, level: int, joined: int, goes_on: int) -> None:
        if level >= len(self.sizes) or not isinstance(below, list):
            raise NoNumbers
        self._add(below, level, joined, goes_on)
        if goes_on < 1:
            self._close(level)
            self.entries[level - 1] += 1

    def _block(self, entries: list[Any], level: int) -> None:
        """Entries that are whole."""
        numbers = self.convert(entries)
        if not numbers.size or numbers.ndim != len(self.sizes) - level:
            raise NoNumbers
        for below, size in enumerate(numbers.shape[1:], level + 1):
            self._is(below, size)
        self.entries[level] += len(entries)
        self.parts.append(numbers.ravel())

    def _close(self, level: int) -> None:
        self._is(level, self.entries[level])
        self.entries[level] = 0

    def _is(self, level: int, size: int) -> None:
        if self.sizes[level] not in (-1, size):
            raise NoNumbers
        self.sizes[level] = size


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document, and its text without the long lists; the text as it is where none was found."""

    document: object
    skeleton: Text


def loads(text: Text, choose: Chooser) -> Parsed:
    """What ``orjson.loads`` gives, but long lists that are values of fields are :class:`LongList`.

    Raises:
        orjson.JSONDecodeError: as it does.
    """
    if len(text) > 2 * PIECE_BYTES and (lists := _long_lists(text)):
        try:
            return _in_pieces(text, lists, choose)
        except _Damaged:
            raise
        except (orjson.JSONDecodeError, _NoPlace):
            pass
    return Parsed(orjson.loads(text), text)


def _in_pieces(text: Text, lists: list[LongList], choose: Chooser) -> Parsed:
    kept, at = list[bytes | memoryview](), 0
    for number, each in enumerate(lists):
        kept += [memoryview(text)[at : each.begin], f'"{_STANDS_IN}{number}"'.encode()]
        at = each.end
    skeleton = b"".join((*kept, memoryview(text)[at:]))
    document = orjson.loads(skeleton)
    places = _places(document)
    if sorted(places) != sorted(f"{_STANDS_IN}{number}" for number in range(len(lists))):
        raise _NoPlace
    for number, each in enumerate(lists):
        path, holder = places[f"{_STANDS_IN}{number}"]
        each.read(choose(path, document))
        holder[path[-1]] = each
    return Parsed(document, skeleton)


def _places(document: object) -> dict[str, tuple[Path, dict[str, Any]]]:
    """What stands in for a list, with the names of the field of the document, or of the field of such a field.

    Raises:
        _NoPlace: the same stands in two places.
    """
    objects: list[tuple[Path, dict[str, Any]]] = [((), document)] if isinstance(document, dict) else []
    objects += [((name,), each) for _, top in objects for name, each in top.items() if isinstance(each, dict)]
    places: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path, each in objects:
        for name, value in each.items():
            if isinstance(value, str) and value.startswith(_STANDS_IN):
                if value in places:
                    raise _NoPlace
                places[value] = ((*path, name), each)
    return places


def _long_lists(text: Text) -> list[LongList]:
    """Long lists that are the values of fields: what lies between two colons, up to the name before the second."""
    found: list[LongList] = []
    colons = places(text, ord(":"))
    for colon, after in pairwise((*colons, -1)):
        upto = len(text) if after < 0 else after
        if upto - colon > 2 * PIECE_BYTES and text[(first := _skip(text, colon + 1)) : first + 1] == b"[":
            if after >= 0:
                upto = text.rfind(b'"', first, max(first, text.rfind(b'"', first, upto)))
            closes = text.rfind(b"]", first, max(first, upto)) + 1
            if closes - first > 2 * PIECE_BYTES:
                found.append(LongList(text, first, closes))
    return found


def _cuts(text: Text, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """From where to where each piece goes, without the commas between, and how many lists are open at its end."""
    deepest, at = 0, begin
    while text[at : at + 1] == b"[":
        deepest, at = deepest + 1, _skip(text, at + 1)
    if deepest > _DEEPEST:
        raise _NoPlace
    start = begin
    while end - start > 2 * PIECE_BYTES:
        comma = text.find(b",", start + PIECE_BYTES, end)
        if comma < 0:
            raise _NoPlace
        # No further back than that: space without end is cheap to send, and must not be dear to step over.
        before = text[max(start, comma - _BEFORE_BYTES) : comma]
        value = before.rstrip(b"] \t\n\r")
        closed = before.count(b"]", len(value))
        # A comma too many is none between two values: the pieces beside it would be right without it.
        if value[-1:] in (b"", b"[", b",", b":") or text[_skip(text, comma + 1)] in b"],:" or closed >= deepest:
            raise _NoPlace
        yield start, comma, deepest - closed
        start = comma + 1
    yield start, end, 0


def _join(whole: list[Any], piece: list[Any], depth: int) -> None:
    """Put a piece behind what there is, which was cut while so many lists were open."""
    for _ in range(depth - 1):
        first, *others = piece
        last = whole[-1]
        whole += others
        whole, piece = last, first
    whole += piece


def let_go(lists: list[Any]) -> None:
    """Forget what a long list holds, piece by piece: all at once it would hold up everyone else."""
    waiting, gone = [lists], 0
    while waiting:
        entries = waiting.pop()
        waiting += (each for each in entries if isinstance(each, list))
        while entries:
            gone += min(len(entries), PIECE_ELEMENTS)
            del entries[-PIECE_ELEMENTS:]
            if gone >= PIECE_ELEMENTS:
                gone = 0
                rest()


def _skip(text: Text, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
