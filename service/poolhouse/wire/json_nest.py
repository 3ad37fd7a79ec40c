"""From the entries of a list's pieces to one array of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.generic]


class NoNumbers(Exception):
    """A list that is no array of the wanted kind."""


class Wanted(NamedTuple):
    """How a list becomes an array.

    Attributes:
        convert: makes an array of a list that is at least one level deep, or raises :class:`NoNumbers`.
        floats: whether the numbers are floats: there may be strings among them then, and zero has a sign.
    """

    convert: Callable[[list[Any]], Numbers]
    floats: bool


class Piece(NamedTuple):
    """Some entries of a list: so many levels of it began in the piece before, and so many go on in the next."""

    entries: list[Any]
    has_strings: bool
    joined: int
    goes_on: int


@dataclass(slots=True)
class Nest:
    """Puts the numbers of pieces together, and sees that all lists of one level are equally long.

    Attributes:
        convert: as in :class:`Wanted`.
        most: numbers there can be. Room for so many is asked for at once, and what is never touched costs nothing.
        sizes: how long the lists of each level are, -1 where none has ended yet.
        entries: how many the list has so far that is open at each level.
    """

    convert: Callable[[list[Any]], Numbers]
    most: int
    sizes: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    _room: Numbers | None = None
    _filled: int = 0

    def add(self, piece: Piece) -> None:
        """The next piece.

        Raises:
            NoNumbers: it does not go on as what came before.
        """
        if not self.sizes:
            first: object = piece.entries
            while isinstance(first, list):
                self.sizes.append(-1)
                first = first[0] if first else None
            self.entries = [0] * len(self.sizes)
        self._add(piece.entries, 0, piece.joined, piece.goes_on)

    def array(self) -> Numbers:
        """All of them, when the last piece has been added.

        Raises:
            NoNumbers: the lists are not equally long.
        """
        self._close(0)
        if self._room is None or self._filled != math.prod(self.sizes):
            raise NoNumbers
        # Nobody else has seen it, so it can shrink where it is.
        self._room.resize(self._filled, refcheck=False)
        return self._room.reshape(self.sizes)

    def _add(self, entries: list[Any], level: int, joined: int, goes_on: int) -> None:
        """The entries of a list at this level; as in :class:`Piece`, counted from this level on."""
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
        if numbers.dtype.kind not in "biuf" or not numbers.size or numbers.ndim != len(self.sizes) - level:
            raise NoNumbers
        for below, size in enumerate(numbers.shape[1:], level + 1):
            self._is(below, size)
        self.entries[level] += len(entries)
        room = self._room_for(numbers.dtype)
        room[self._filled : self._filled + numbers.size] = numbers.reshape(-1)
        self._filled += numbers.size

    def _room_for(self, dtype: np.dtype[np.generic]) -> Numbers:
        """Where numbers of this type go too: numpy's type for all of them, which it would have found in one list."""
        if self._room is None:
            self._room = np.empty(self.most, dtype)
        elif dtype != self._room.dtype:
            wider = np.promote_types(dtype, self._room.dtype)
            if wider.kind == "f":
                raise NoNumbers
            room = np.empty(self.most, wider)
            room[: self._filled] = self._room[: self._filled]
            self._room = room
        return self._room

    def _close(self, level: int) -> None:
        self._is(level, self.entries[level])
        self.entries[level] = 0

    def _is(self, level: int, size: int) -> None:
        if self.sizes[level] not in (-1, size):
            raise NoNumbers
        self.sizes[level] = size
