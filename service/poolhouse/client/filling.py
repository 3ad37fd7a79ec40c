"""An answer's body on its way to the memory that the request has for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request

COLLECTED_BYTES: Final = 64 * 1024 * 1024
"""The most that is kept of a body whose size nothing announces: more than any document of ours has."""


class Filling:
    """The rooms of an answer while its body comes.

    Raises:
        UnexpectedAnswer: the answer is announced to be larger than what is taken; :meth:`add` says so of one that is.
    """

    def __init__(self, request: Request, status: int, headers: Headers) -> None:
        # Something on the way, or compression, may have taken the length.
        length = headers.get("content-length")
        self._status = status
        self._request = request
        self._headers = headers
        self._grown: bytearray | None = None
        self._room = 0
        self._at = 0
        if length is not None:
            if not (length.isascii() and length.isdecimal()):
                raise UnexpectedAnswer(status, f"The answer has the length {length[:20]!r}.")
            # Digits are counted first: thousands of them are no number for Python.
            if len(length) > 18 or int(length) > request.most_bytes:
                raise self._too_large(f"{length[:20]} bytes")
        rooms: Sequence[memoryview] | None
        if request.rooms is not None:
            rooms = request.rooms(status, headers)
        else:
            rooms = None if length is None else (memoryview(bytearray(int(length))),)
        if rooms is None:
            self._grown = bytearray()
        self.rooms: Sequence[memoryview] = rooms or ()
        if self.wanted > request.most_bytes:
            raise self._too_large(f"{self.wanted} bytes")

    def _too_large(self, has: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            self._status,
            f"The answer has {has}, and this client takes at most {self._request.most_bytes}; "
            "give the client a larger max_answer_bytes, or pool in smaller parts.",
        )

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Put the next bytes where they belong."""
        if self._grown is not None:
            size = len(self._grown) + len(piece)
            if size > self._request.most_bytes:
                raise self._too_large("more bytes")
            if size > COLLECTED_BYTES:
                raise UnexpectedAnswer(
                    self._status,
                    f"HTTP {self._status} with more than {COLLECTED_BYTES} bytes whose number is nowhere announced; "
                    "is base_url a poolhouse server?",
                )
            self._grown += piece
            return
        left = memoryview(piece)
        while len(left):
            if self._room == len(self.rooms):
                raise UnexpectedAnswer(self._status, "The answer is longer than its headers announce.")
            room = self.rooms[self._room]
            count = min(len(room) - self._at, len(left))
            room[self._at : self._at + count] = left[:count]
            left = left[count:]
            self._at += count
            self._turn()

    def _turn(self) -> None:
        while self._room < len(self.rooms) and self._at == len(self.rooms[self._room]):
            self._room += 1
            self._at = 0

    @property
    def wanted(self) -> int:
        """Bytes of all rooms."""
        return sum(map(len, self.rooms))

    def open_rooms(self) -> Sequence[memoryview]:
        """What is still to be filled, by whoever can write there without us; :meth:`filled` says that it was."""
        self._turn()
        if self._room == len(self.rooms):
            return ()
        return [self.rooms[self._room][self._at :], *self.rooms[self._room + 1 :]]

    def filled(self) -> None:
        """All of :meth:`open_rooms` has been written."""
        self._room, self._at = len(self.rooms), 0

    def whole(self) -> Sequence[memoryview]:
        """The rooms, all of them full."""
        if self._grown is not None:
            return self._settled(self._grown)
        self._turn()
        if self._room < len(self.rooms):
            raise ConnectionFailed("The connection closed before the whole answer had come.")
        return self.rooms

    def _settled(self, grown: bytearray) -> Sequence[memoryview]:
        # Now the length is known, the rooms can be asked for; this one time the body is there twice.
        self._grown = None
        rooms = self._request.rooms
        if rooms is None:
            self.rooms = (memoryview(grown),)
            return self.rooms
        found = rooms(self._status, {**self._headers, "content-length": str(len(grown))})
        assert found is not None, "the length is known"
        self.rooms = found
        self.add(grown)
        return self.whole()
