"""A long value of a JSON text, read piece by piece and never whole.

What makes a body long is its numbers, in lists. Cut at commas, and with the brackets put back that were open there,
each piece is JSON again. Its numbers go into an array at once, while they are in the processor's cache, and are
forgotten: a list of all of them would take several times the memory, and to free it would hold up everyone else.

Nothing is taken for granted: a piece that is cut where the lists are not as deep as they seem has a bracket too many
or too few, and then the text cannot be cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from poolhouse.wire import json_pieces
from poolhouse.wire.json_base64 import NotBase64, read_base64
from poolhouse.wire.json_nest import Nest, NoNumbers, Numbers, Piece, Wanted
from poolhouse.wire.json_zero import loads_signed

_DEEPEST: Final = 64
_BEFORE_BYTES: Final = 256
_LONGEST_ESCAPE: Final = len("\\u0000")
_SPACE: Final = re.compile(rb"[ \t\n\r]*")

Text: TypeAlias = bytes | bytearray


class CannotBeCut(Exception):
    """Only the parser knows what the text is."""


class Damaged(orjson.JSONDecodeError):
    """A piece is no JSON, and the whole text would be none for the same reason at the same place."""


@dataclass(slots=True, eq=False)
class LongList:
    """A list of a document that is not there as a list.

    Attributes:
        array: its numbers; None where they were not wanted, or where only the list can say what they are.
        floats: whether its numbers are floats, so that ``-0`` is one.
    """

    text: Text
    begin: int
    end: int
    array: Numbers | None = None
    floats: bool = False

    def lists(self) -> list[Any]:
        """The list itself, as deep as it is."""
        whole: list[Any] = []
        for piece in self._pieces():
            _join(whole, piece.entries, piece.joined)
            json_pieces.rest()
        return whole

    def read(self, wanted: Wanted | None) -> None:
        """See that the text is one list, and keep its numbers if they are wanted.

        Raises:
            orjson.JSONDecodeError: a piece is no JSON.
        """
        # A number takes two characters at least, with the comma behind it.
        nest = Nest(wanted.convert, (self.end - self.begin) // 2 + 1) if wanted else None
        self.floats = wanted is not None and wanted.floats
        for piece in self._pieces():
            if nest is not None:
                try:
                    if piece.has_strings and not self.floats:
                        raise NoNumbers
                    nest.add(piece)
                except NoNumbers:
                    nest = None
            del piece
            json_pieces.rest()
        if nest is not None:
            try:
                self.array = nest.array()
            except NoNumbers:
                self.array = None

    def _pieces(self) -> Iterator[Piece]:
        joined = 0
        for start, stop, goes_on in _cuts(self.text, self.begin, self.end):
            piece = b"".join((b"[" * joined, memoryview(self.text)[start:stop], b"]" * goes_on))
            has_strings = b'"' in piece
            try:
                entries = loads_signed(piece) if self.floats else orjson.loads(piece)
            except orjson.JSONDecodeError as error:
                at = error.pos - joined
                # Beyond the end of the list the whole text may go on in another way.
                if has_strings or not 0 <= at < stop - start or "after document" in error.msg:
                    raise
                raise Damaged(error.msg, "", start + at) from None
            yield Piece(entries, has_strings, joined, goes_on)
            del entries
            joined = goes_on


@dataclass(slots=True, eq=False)
class LongBase64:
    """A string of a document that is not there as a string.

    Attributes:
        elements: what it tells.
    """

    text: Text
    begin: int
    end: int
    elements: bytes | bytearray = b""

    def read(self, wanted: Wanted | None) -> None:
        """Keep what it tells.

        Raises:
            CannotBeCut: it is not wanted, or no base64.
        """
        if wanted is None:
            raise CannotBeCut
        begin, end = self.begin + 1, self.end - 1
        try:
            # PHP escapes every slash, .NET every plus, and mail has lines.
            is_plain = self.text.find(b"\\", begin, end) < 0
            self.elements = read_base64(
                memoryview(self.text)[begin:end] if is_plain else memoryview(unescaped(self.text, begin, end))
            )
        except (NotBase64, ValueError):
            raise CannotBeCut from None


def unescaped(text: Text, begin: int, end: int) -> bytearray:
    """What stands between the quotes of a string, its escapes undone piece by piece.

    Raises:
        ValueError: it is no JSON.
    """
    made, at = bytearray(), begin
    while at < end:
        stop = _whole_escapes(text, at, min(at + json_pieces.PACKED_BYTES, end), end)
        made += orjson.loads(b"".join((b'"', memoryview(text)[at:stop], b'"'))).encode()
        at = stop
        json_pieces.rest()
    return made


def _whole_escapes(text: Text, at: int, stop: int, end: int) -> int:
    """Where a piece that may go up to this place ends before an escape that goes on beyond it."""
    escape = text.rfind(b"\\", max(at, stop - _LONGEST_ESCAPE + 1), stop)
    if stop == end or escape <= at:
        return stop
    first = escape
    while first > at and escape - first < _LONGEST_ESCAPE and text[first - 1] == ord("\\"):
        first -= 1
    # Of two backslashes the second is escaped itself; of many it does not matter, since that is no base64.
    return escape if (escape - first) % 2 == 0 else stop


LongValue: TypeAlias = LongList | LongBase64


def _cuts(text: Text, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """From where to where each piece goes, without the commas between, and how many lists are open at its end."""
    deepest, at = 0, begin
    while text[at : at + 1] == b"[":
        deepest, at = deepest + 1, skip(text, at + 1)
    if deepest > _DEEPEST:
        raise CannotBeCut
    start = begin
    while end - start > 2 * json_pieces.PIECE_BYTES:
        comma = text.find(b",", start + json_pieces.PIECE_BYTES, end)
        if comma < 0:
            raise CannotBeCut
        # No further back than that: space without end is cheap to send, and must not be dear to step over.
        before = text[max(start, comma - _BEFORE_BYTES) : comma]
        value = before.rstrip(b"] \t\n\r")
        closed = before.count(b"]", len(value))
        # A comma too many is none between two values: the pieces beside it would be right without it.
        if value[-1:] in (b"", b"[", b",", b":") or text[skip(text, comma + 1)] in b"],:" or closed >= deepest:
            raise CannotBeCut
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
            gone += min(len(entries), json_pieces.PIECE_ELEMENTS)
            del entries[-json_pieces.PIECE_ELEMENTS :]
            if gone >= json_pieces.PIECE_ELEMENTS:
                gone = 0
                json_pieces.rest()


def skip(text: Text, at: int) -> int:
    """Where the space at this place ends."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
