"""A long JSON text read piece by piece, so that other threads get their turn.

Parser, numpy and ``bytes.count`` each keep the interpreter to themselves for as long as one call takes, a tenth of a
second for a large body, and an event loop that needs it a dozen times for one small request waits as often.

The one long value of a body is its numbers, in lists. Cut at commas, and with the brackets put back that were open
there, each piece is JSON again; the lists of all pieces, joined where they were cut, are the list of the whole. Nothing
is taken for granted: a piece that is cut where the lists are not as deep as they seem has a bracket too many or too
few, and then the parser reads the text as it is, and finds the words for what is wrong with it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import orjson

Element = TypeVar("Element", bound=np.generic)

PIECE_BYTES: Final = 128 * 1024
"""About half a millisecond of the parser."""
LOOKED_BYTES: Final = 2 * 1024 * 1024
"""As much of looking for a word, or of copying."""
PIECE_ELEMENTS: Final = 32 * 1024
"""As much of making an array."""
_FEW_QUOTES: Final = 256
_DEEPEST: Final = 64
_MOST_AXES: Final = 32
_STANDS_IN: Final = b"a list, in pieces"
_BEFORE_BYTES: Final = 256
_SPACE: Final = re.compile(rb"[ \t\n\r]*")


def loads(text: bytes | bytearray) -> object:
    """What ``orjson.loads`` gives.

    Raises:
        orjson.JSONDecodeError: as it does.
    """
    if len(text) > 2 * PIECE_BYTES and (span := _longest_list(text)) is not None:
        found = _in_pieces(text, *span)
        if found is not None:
            return found
    return orjson.loads(text)


def count(text: bytes | bytearray, word: bytes) -> int:
    """What ``text.count(word)`` gives, for a word that does not overlap itself."""
    if len(text) <= 2 * LOOKED_BYTES:
        return text.count(word)
    found = 0
    for start in range(0, len(text), LOOKED_BYTES):
        # So far that one which lies across the border is counted once, on the side where it begins.
        found += text.count(word, start, start + LOOKED_BYTES + len(word) - 1)
        rest()
    return found


def copy(body: memoryview) -> bytes | bytearray:
    """The body as bytes that can be searched."""
    if len(body) <= 2 * LOOKED_BYTES:
        return bytes(body)
    made = bytearray(len(body))
    for start in range(0, len(body), LOOKED_BYTES):
        made[start : start + LOOKED_BYTES] = body[start : start + LOOKED_BYTES]
        rest()
    return made


def array(data: list[Any], dtype: np.dtype[Element] | type[Element]) -> npt.NDArray[Element]:
    """What ``np.array(data, dtype)`` gives.

    Raises:
        ValueError, TypeError, OverflowError: as it does.
    """
    shape, first = list[int](), data
    while isinstance(first, list) and len(shape) < _MOST_AXES:
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    if math.prod(shape) <= 2 * PIECE_ELEMENTS:
        return np.array(data, dtype=dtype)
    # Not into one array of that shape at once: the first lists may promise more than all of them hold.
    return np.concatenate(list(_flat(data, tuple(shape), dtype))).reshape(shape)


def _flat(
    data: object, shape: tuple[int, ...], dtype: np.dtype[Element] | type[Element]
) -> Iterator[npt.NDArray[Element]]:
    if not isinstance(data, list) or len(data) != shape[0]:
        raise ValueError("lists of one level differ in length")
    row = math.prod(shape[1:])
    if row > PIECE_ELEMENTS:
        for below in data:
            yield from _flat(below, shape[1:], dtype)
        return
    rows = max(1, PIECE_ELEMENTS // max(1, row))
    for start in range(0, len(data), rows):
        some = data[start : start + rows]
        piece = np.array(some, dtype=dtype)
        if piece.shape != (len(some), *shape[1:]):
            raise ValueError("lists of one level differ in depth")
        yield piece.ravel()
        rest()


def rest() -> None:
    """Let another thread have the interpreter, if one waits for it. Asked for by zero, it would be back too soon."""
    time.sleep(2e-5)


def _longest_list(text: bytes | bytearray) -> tuple[int, int] | None:
    """Where the longest list without a string in it begins and ends, if it is long and the value of a field."""
    at, begin, end = 0, 0, 0
    for _ in range(_FEW_QUOTES):
        quote = text.find(b'"', at)
        upto = len(text) if quote < 0 else quote
        if upto - at > end - begin:
            begin, end = at, upto
        if quote < 0:
            break
        at = quote + 1
    else:
        return None
    opens = _skip(text, begin)
    if text[opens : opens + 1] != b":" or text[(first := _skip(text, opens + 1)) : first + 1] != b"[":
        return None
    closes = text.rfind(b"]", first, end) + 1
    return (first, closes) if closes - first > 2 * PIECE_BYTES else None


def _in_pieces(text: bytes | bytearray, begin: int, end: int) -> object | None:
    """The document, its list between these places put together from pieces; None where that cannot be."""
    try:
        document: object = orjson.loads(
            b"".join((memoryview(text)[:begin], b'"', _STANDS_IN, b'"', memoryview(text)[end:]))
        )
        place = _place_in(document)
        if place is None:
            return None
        holder, name = place
        whole: list[Any] = []
        depth = 0
        for start, stop, closing in _cuts(text, begin, end):
            _join(whole, orjson.loads(b"".join((b"[" * depth, memoryview(text)[start:stop], b"]" * closing))), depth)
            depth = closing
            rest()
    except (orjson.JSONDecodeError, _NoPlace):
        return None
    holder[name] = whole
    return document


class _NoPlace(Exception):
    """There is no comma where the text could be cut."""


def _cuts(text: bytes | bytearray, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
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


def _place_in(document: object) -> tuple[dict[str, Any], str] | None:
    """The field of the document, or the field of such a field, that is stood in for; None where none is, or several."""
    objects = [document] if isinstance(document, dict) else []
    objects += [value for each in objects for value in each.values() if isinstance(value, dict)]
    stands = _STANDS_IN.decode()
    places = [(each, name) for each in objects for name, value in each.items() if value == stands]
    return places[0] if len(places) == 1 else None


def _skip(text: bytes | bytearray, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
